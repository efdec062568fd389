/** Moves a feed into a socket: as fast as the peer reads, with nothing queued per viewer beyond one socket buffer. */
import type { Socket } from 'node:net'

/**
 * No more is written while this many bytes wait in the process for the socket. What waits is less than this and one merged buffer
 * (64 KiB and a packet, see live/feed.ts), and is shared with all viewers that wait for the same.
 */
const MAX_QUEUED_BYTES = 128 * 1024
/** A silent peer that takes no byte of what is queued for it in this long, milliseconds, is not a slow viewer but a dead one. */
const MAX_STALL_MS = 10_000
/** One that keeps talking, and so resets the clock above, has this long to take all that is queued, milliseconds. */
export const MAX_BLOCKED_MS = 60_000

/** What is moved: the cursor of a feed, or anything else that has its bytes when asked. */
export interface PumpSource {
  /** Buffers lost by being too slow. */
  readonly skipped: number
  /** Nothing will come any more and all was taken. */
  readonly ended: boolean
  /** Called when there is something to take, or at the end. */
  onWake: (() => void) | undefined
  /** The next bytes, never written to again; `undefined`: nothing yet, or ended. */
  take(): Uint8Array | undefined
  close(): void
}

export interface PumpOptions {
  /** Bytes handed to the socket and buffers skipped are counted here; a session is one. */
  readonly counters: { bytesOut: number; skipped: number }
  /** The feed has ended and everything was handed over. */
  readonly onEnd: () => void
  /** The peer has taken nothing for `stallMs` although bytes waited. The caller closes the connection. */
  readonly onStall: () => void
  /** Milliseconds; default 10 000. Viewers of files stop reading while they are paused. At most `MAX_BLOCKED_MS`. */
  readonly stallMs?: number
}

/**
 * Starts at once. Returns a function that stops it and closes the cursor; call it when the socket closes. A socket with a timeout of its
 * owner keeps it; on any other the pump sets one while bytes wait.
 */
export function pump(cursor: PumpSource, socket: Socket, options: PumpOptions): () => void {
  const { counters, stallMs = MAX_STALL_MS } = options
  /** Taken from the feed when the socket was full. */
  let held: Uint8Array | undefined
  let blocked = false
  let ownTimeout = false
  let blockedTimer: NodeJS.Timeout | undefined
  let stopped = false

  const stop = () => {
    if (stopped) return
    stopped = true
    unblock()
    socket.off('drain', onDrain)
    socket.off('timeout', onTimeout)
    cursor.close()
  }

  const run = () => {
    if (stopped || blocked) return
    let bytes = held ?? cursor.take()
    held = undefined
    if (bytes === undefined) return finishIfEnded()
    let next = cursor.take()
    if (next === undefined) {
      // The steady state: one merged buffer, one write.
      write(bytes)
    } else {
      socket.cork()
      while (write(bytes)) {
        if (next === undefined) break
        bytes = next
        // Once it has said that there is nothing it is not asked again: what is due now was not a moment ago, and would be lost here.
        next = cursor.take()
      }
      held = blocked ? next : undefined
      socket.uncork()
    }
    if (!blocked) finishIfEnded()
  }

  const write = (bytes: Uint8Array): boolean => {
    counters.bytesOut += bytes.byteLength
    socket.write(bytes)
    if (socket.writableLength < MAX_QUEUED_BYTES) return true
    block()
    return false
  }

  /** Timers and not a look at the clock when the feed wakes: the feed may be over while the peer still holds the last bytes. */
  const block = () => {
    blocked = true
    blockedTimer = setTimeout(onStall, MAX_BLOCKED_MS)
    blockedTimer.unref()
    if (socket.timeout) return
    ownTimeout = true
    // The socket's own timer sees progress inside one large write, which no property tells.
    socket.setTimeout(stallMs)
  }

  const unblock = () => {
    blocked = false
    clearTimeout(blockedTimer)
    if (ownTimeout) socket.setTimeout(0)
    ownTimeout = false
  }

  const finishIfEnded = () => {
    if (held !== undefined || !cursor.ended) return
    stop()
    options.onEnd()
  }

  const onDrain = () => {
    if (!blocked) return
    unblock()
    run()
    // Only a viewer that was held up can have lost something.
    counters.skipped = cursor.skipped
  }

  const onTimeout = () => {
    if (ownTimeout) onStall()
  }

  const onStall = () => {
    stop()
    options.onStall()
  }

  socket.on('drain', onDrain)
  socket.on('timeout', onTimeout)
  cursor.onWake = run
  // What the owner or a pump before this one has queued counts too.
  if (socket.writableLength < MAX_QUEUED_BYTES) run()
  else block()
  return stop
}
