/** HTTPS: TLS in front of the same connections, and HTTP/2 (RFC 9113) for clients that ask for it by ALPN. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from 'node:http2'
import { createServer as createNetServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import type { Logger } from '../../protocols/protocol.ts'
import type { TlsMaterial } from '../tls.ts'
import { MAX_HEAD_BYTES, MAX_HEADER_COUNT } from './request-head.ts'

/** Requests at the same time on one HTTP/2 connection. */
const MAX_STREAMS = 100
/** Memory of one HTTP/2 session for headers, frames and queued data, in units of 1 MB as node:http2 counts it. */
const MAX_SESSION_MEGABYTES = 4
/** Streams a peer may reset at once, and a second after that, before the session is closed (rapid reset). */
const RESET_BURST = 100
const RESET_RATE = 20
const MAX_INVALID_FRAMES = 20
const HANDSHAKE_MS = 10_000
/** An HTTP/2 session without a frame, milliseconds. */
const IDLE_MS = 75_000

/** The TLS listener. */
export interface SecureSide {
  readonly server: Server
  setTls(tls: TlsMaterial): void
  close(): Promise<void>
}

/** What the TLS side asks of the front. */
export interface SecureSideHost {
  /** Before the handshake. */
  admit(socket: Socket): boolean
  serveHttp1(socket: Socket): void
  serveRequest(request: IncomingMessage, response: ServerResponse): void
  readonly log: Logger
}

/** Not listening yet: the caller does that on `server`. */
export function openSecureSide(tls: TlsMaterial, host: SecureSideHost): SecureSide {
  const sessions = new Set<ServerHttp2Session>()
  const http2 = createHttp2(host, sessions)
  const tlsServer = createTlsServer(
    {
      cert: tls.certificate,
      key: tls.key,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: HANDSHAKE_MS,
      allowHalfOpen: true,
    },
    (socket: TLSSocket) => {
      socket.on('error', ignore)
      if (socket.alpnProtocol !== 'h2') return host.serveHttp1(socket)
      // A session with half a connection would stay until its idle time is over.
      socket.allowHalfOpen = false
      http2.emit('connection', socket)
    },
  )
  // A server of its own for the sockets, so that a refused one costs no handshake.
  const server = createNetServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    if (host.admit(socket)) tlsServer.emit('connection', socket)
  })
  tlsServer.on('tlsClientError', (error: Error & { code?: string }, socket) => {
    host.log.counted('ERR_HTTP_TLS', { reason: error.code }, 'a TLS handshake failed')
    socket.destroy()
  })
  server.on('error', (error) => host.log.counted('ERR_HTTP_ACCEPT', { error: error.message }, 'accepting failed'))
  return {
    server,
    setTls: (next) => tlsServer.setSecureContext({ cert: next.certificate, key: next.key, minVersion: 'TLSv1.2' }),
    close: () => closeAll(server, sessions),
  }
}

function createHttp2(host: SecureSideHost, sessions: Set<ServerHttp2Session>): Http2Server {
  const server = createHttp2Server({
    maxSessionMemory: MAX_SESSION_MEGABYTES,
    maxHeaderListPairs: MAX_HEADER_COUNT,
    maxSendHeaderBlockLength: MAX_HEAD_BYTES,
    maxSessionInvalidFrames: MAX_INVALID_FRAMES,
    maxSessionRejectedStreams: MAX_INVALID_FRAMES,
    streamResetBurst: RESET_BURST,
    streamResetRate: RESET_RATE,
    settings: { maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize: MAX_HEAD_BYTES, enablePush: false },
  })
  server.on('session', (session) => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
    session.on('error', ignore)
    session.setTimeout(IDLE_MS, () => session.destroy())
  })
  server.on('sessionError', ignore)
  server.on('request', (request, response) => {
    // The compatibility classes have the part of the interface that handlers use.
    host.serveRequest(request as unknown as IncomingMessage, response as unknown as ServerResponse)
  })
  return server
}

function closeAll(server: Server, sessions: ReadonlySet<ServerHttp2Session>): Promise<void> {
  for (const session of sessions) session.close()
  return new Promise((resolve) => {
    server.close(() => resolve())
  })
}

function ignore(): void {
  // `close` follows.
}
