/** The server side of a WebSocket handshake (RFC 6455), by the `ws` package, which is loaded when the first one comes. */
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { PeerError } from '../../errors.ts'
import type { HttpRequest } from './routes.ts'

export interface WebSocketOptions {
  /** Bytes of one message from the peer; a longer one closes the connection with 1009. */
  readonly maxPayload: number
}

/** Pings of a peer that does not read are not answered once this many bytes wait for it. */
const MAX_QUEUED_FOR_PONG = 64 * 1024

/**
 * Completes the handshake on `socket`. The caller may write whole unmasked frames to `socket` beside the returned object, since that
 * writes whole frames too. Throws PeerError ERR_HTTP_UPGRADE_INVALID before anything was written.
 */
export async function acceptWebSocket(
  request: HttpRequest,
  socket: Duplex,
  head: Uint8Array,
  options: WebSocketOptions,
): Promise<WebSocket> {
  const { WebSocketServer } = await import('ws')
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: options.maxPayload,
    perMessageDeflate: false,
    clientTracking: false,
    autoPong: false,
  })
  const websocket = await new Promise<WebSocket>((resolve, reject) => {
    const refuse = (reason: string) =>
      reject(new PeerError('ERR_HTTP_UPGRADE_INVALID', `expected a WebSocket handshake, found: ${reason}`))
    server.on('wsClientError', (error) => refuse(error.message))
    socket.once('close', () => refuse('the peer left'))
    server.handleUpgrade(request.raw, socket, Buffer.from(head), resolve)
  })
  websocket.on('ping', (data) => {
    if (socket.writableLength < MAX_QUEUED_FOR_PONG) websocket.pong(data)
  })
  websocket.on('error', () => {
    // A broken frame: ws answers with a close frame and `close` follows.
  })
  return websocket
}

/** Bytes of the longest frame header of a server. */
export const MAX_FRAME_HEADER = 10

/** Header of one whole binary message of `length` bytes, unmasked (RFC 6455 section 5.2). */
export function binaryFrameHeader(length: number): Uint8Array {
  if (length < 126) return Uint8Array.of(0x82, length)
  if (length < 65_536) return Uint8Array.of(0x82, 126, length >> 8, length & 0xff)
  const header = new Uint8Array(MAX_FRAME_HEADER)
  header[0] = 0x82
  header[1] = 127
  new DataView(header.buffer).setBigUint64(2, BigInt(length))
  return header
}
