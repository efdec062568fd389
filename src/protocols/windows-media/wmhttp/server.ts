/** Takes the connections of pushing encoders from the HTTP port, and is their clock (MS-WMHTTP 2.1). */
import type { ConnectionClaim } from '../../../net/http/routes.ts'
import type { ServerContext } from '../../protocol.ts'
import type { WindowsMediaOptions } from '../options.ts'
import { PushConnection } from './connection.ts'
import { Pushes } from './pushes.ts'
import { PUSH_SETUP_TYPE, PUSH_START_TYPE } from './request.ts'

const TICK_MS = 1000
/** Milliseconds a closing server leaves to its encoders to read their last words. */
const DRAIN_MS = 3000

/** For the HTTP port: `claim` is to be added to its routes, and taken away before `close`. */
export interface PushServer {
  readonly claim: ConnectionClaim
  /** Ends all pushes and resolves when the last connection is gone. */
  close(): Promise<void>
}

export function createPushServer(
  context: ServerContext,
  options: Pick<WindowsMediaOptions, 'maxSessions' | 'pushIdleMs'>,
): PushServer {
  const { pushIdleMs } = options
  const pushes = new Pushes(context, options)
  const connections = new Set<PushConnection>()
  const now = () => performance.now()
  let closing: Promise<void> | undefined
  let drained: (() => void) | undefined
  let timer: NodeJS.Timeout | undefined

  const tick = () => {
    const time = now()
    pushes.tick(time)
    for (const connection of connections) connection.tick(time)
    if (connections.size > 0 || pushes.size > 0) return
    clearInterval(timer)
    timer = undefined
  }

  const claim: ConnectionClaim = (head) => {
    if (closing !== undefined || !isPush(head)) return undefined
    return (socket, received, peer) => {
      const connection: PushConnection = new PushConnection({
        socket,
        peer,
        context,
        pushes,
        now,
        pushIdleMs,
        onClose: () => {
          connections.delete(connection)
          if (connections.size === 0) drained?.()
        },
      })
      connections.add(connection)
      if (timer === undefined) {
        timer = setInterval(tick, TICK_MS)
        timer.unref()
      }
      socket.resume()
      connection.take(received)
    }
  }

  const close = async (): Promise<void> => {
    pushes.close()
    for (const connection of connections) connection.close()
    const cut = setTimeout(() => {
      for (const connection of connections) connection.destroy()
    }, DRAIN_MS)
    if (connections.size > 0) await new Promise<void>((resolve) => (drained = resolve))
    clearTimeout(cut)
    clearInterval(timer)
  }
  return { claim, close: () => (closing ??= close()) }
}

/** Also a request of another agent or with another type is claimed, to be refused in words an encoder knows. */
function isPush(head: Uint8Array): boolean {
  if (head[0] !== 0x50 || head[1] !== 0x4f) return false
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1')
  if (!text.startsWith('POST ')) return false
  const lower = text.toLowerCase()
  return (
    lower.includes(PUSH_SETUP_TYPE) || lower.includes(PUSH_START_TYPE) || lower.includes('\r\nuser-agent: wmencoder')
  )
}
