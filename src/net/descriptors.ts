/** Keeps file descriptors for the server's own needs when connections would use them up: getrlimit(2), RLIMIT_NOFILE. */
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'

/*
 * Descriptors belong to the process, so all listeners count together. Without this the system's accept queue is emptied by closing
 * connections where nobody hears of it, and files cannot be opened any more.
 */

/** Descriptors left for files, pipes and the runtime, which hold about 40 where there is a store of the audience; of a very low limit two in five. */
const RESERVED = 96
const RESERVED_SHARE = 0.4

let taken = 0
let most: number | undefined

/** Counts an accepted socket until it closes. `false`, and not counted: the process holds as many as it may. */
export function takeDescriptor(socket: Socket): boolean {
  most ??= connectionsWithin(readLimit())
  if (taken >= most) return false
  taken++
  socket.once('close', () => {
    taken--
  })
  return true
}

/** Connections that fit under a limit of open files. */
export function connectionsWithin(limit: number): number {
  return limit - Math.min(RESERVED, Math.floor(limit * RESERVED_SHARE))
}

/** The soft limit; no limit where the system does not tell. */
function readLimit(): number {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))
    return found === null ? Number.POSITIVE_INFINITY : Number(found[1])
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
