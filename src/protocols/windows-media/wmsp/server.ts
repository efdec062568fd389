/** The WMSP server: takes the connections of Windows Media players from the HTTP port (MS-WMSP 2.1, 3.2). */
import type { Socket } from 'node:net'
import { UnavailableError } from '../../../errors.ts'
import type { ConnectionClaim, ConnectionPeer } from '../../../net/http/routes.ts'
import type { ServerContext } from '../../protocol.ts'
import { parseProduct } from '../product.ts'
import type { WmspOptions } from './call.ts'
import { Connection } from './connection.ts'
import { Exchange } from './exchange.ts'

const TICK_MS = 1000
/** Milliseconds a closing server leaves to its viewers to read their last words. */
const DRAIN_MS = 3000

/** A server without a port of its own. */
export interface WmspServer {
  /** For `HttpRoutes.claim`. */
  readonly claim: ConnectionClaim
  /** Sessions, playing or not, for tests and metrics. */
  readonly sessions: number
  /** Tells all viewers that it is over, and resolves when the last is gone. */
  close(): Promise<void>
}

export function createWmspServer(context: ServerContext, options: WmspOptions): WmspServer {
  const exchange = new Exchange(context, options)
  const connections = new Set<Connection>()
  const sockets = new Set<Socket>()
  let drained: (() => void) | undefined
  let closing: Promise<void> | undefined

  const timer = setInterval(() => {
    for (const connection of connections) connection.tick()
    exchange.tick()
  }, TICK_MS)
  timer.unref()

  const accept = (socket: Socket, received: Uint8Array, { remoteAddress, giveBack }: ConnectionPeer): void => {
    const forget = () => sockets.delete(socket)
    sockets.add(socket)
    socket.once('close', forget)
    const connection = new Connection({
      socket,
      remoteAddress,
      exchange,
      onClose: () => {
        connections.delete(connection)
        if (connections.size === 0) drained?.()
      },
      isOurs: isWindowsMedia,
      giveBack: (bytes) => {
        socket.off('close', forget)
        forget()
        giveBack(bytes)
      },
    })
    connections.add(connection)
    connection.start(received)
  }

  const close = async (): Promise<void> => {
    const reason = new UnavailableError('ERR_HUB_CLOSED', 'the server is shutting down')
    for (const play of exchange.playing()) exchange.stopPlay(play, reason)
    for (const connection of connections) if (connection.playing === undefined) connection.close()
    const cut = setTimeout(() => {
      for (const socket of sockets) socket.destroy()
    }, DRAIN_MS)
    if (connections.size > 0) await new Promise<void>((resolve) => (drained = resolve))
    clearTimeout(cut)
    clearInterval(timer)
  }

  return {
    claim: (head) => (closing === undefined && isWindowsMedia(head) ? accept : undefined),
    get sessions() {
      return exchange.sessions.size
    },
    close: () => (closing ??= close()),
  }
}

/** What only clients of Windows Media say, whatever they call themselves. */
const TOKENS = /^pragma:.*\b(?:xplaystrm|xclientguid)\b/im
/** What players ask of web servers: the file that leads to a stream, and the address that their logs go to. */
const WEB_TARGET = /^[A-Z]+ (?:[^ ?]*\.asx|\/logs\/[^ ?]*)[ ?]/i
const USER_AGENT = /^user-agent:[ \t]*([^\r\n]*)/im

/** A request of a player, a server or a cache. Encoders that push are somebody else's. */
function isWindowsMedia(head: Uint8Array): boolean {
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1')
  if (WEB_TARGET.test(text)) return false
  const product = parseProduct(USER_AGENT.exec(text)?.[1])
  if (product !== undefined)
    return product.token !== 'WMEncoder' && !/^content-type:[ \t]*application\/x-wms-push/im.test(text)
  return TOKENS.test(text)
}
