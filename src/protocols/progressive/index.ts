/** FLV over HTTP and over WebSocket: `/live/NAME.flv` (Video File Format 10.1 annex E, Enhanced RTMP bodies). Playback only. */

import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import type { Duplex } from 'node:stream'
import { PeerError } from '../../errors.ts'
import { checkPath } from '../../live/path.ts'
import type { Stream } from '../../live/stream.ts'
import { checkFlvTracks } from '../../media/containers/flv/codec-id.ts'
import { MEDIA_CORS_HEADERS } from '../../net/http/cors.ts'
import { credentialsOf } from '../../net/http/credentials.ts'
import { sendProblem } from '../../net/http/problem.ts'
import type { HttpRequest } from '../../net/http/routes.ts'
import { acceptWebSocket } from '../../net/http/websocket.ts'
import type { Listening, Protocol, ServerContext } from '../protocol.ts'
import { playFlv, type Viewer } from './egress.ts'
import { binaryMessage, flvFeed, flvMessageFeed } from './feeds.ts'
import { type ProgressiveOptions, progressiveOptions } from './options.ts'

const SUFFIX = '.flv'
const MAX_WAIT_SECONDS = 30
/** Viewers send nothing but control frames. */
const MAX_VIEWER_MESSAGE = 1024
/** Characters kept of what a viewer calls itself. */
const MAX_USER_AGENT = 200
/** What is queued at the end of a stream has this long to reach the peer, milliseconds. */
const FINISH_MS = 10_000

const HEADERS = {
  'Content-Type': 'video/x-flv',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  ...MEDIA_CORS_HEADERS,
} as const

export const progressive: Protocol<ProgressiveOptions> = {
  name: 'progressive',
  options: progressiveOptions,
  serve: async (context, options) => new ProgressiveServer(context, options),
}

class ProgressiveServer implements Listening<ProgressiveOptions> {
  readonly ports = {}
  readonly #context: ServerContext
  #options: ProgressiveOptions
  readonly #closing = new AbortController()
  readonly #playing = new Set<Promise<void>>()
  readonly #removeRoutes: readonly (() => void)[]

  constructor(context: ServerContext, options: ProgressiveOptions) {
    this.#context = context
    this.#options = options
    this.#removeRoutes = [
      context.http.route((request, response) => this.#handle(request, response)),
      context.http.upgrade((request, socket, head) => this.#upgrade(request, socket, head)),
    ]
  }

  /** Requests that wait already keep the time they began with. */
  update(options: ProgressiveOptions): boolean {
    this.#options = options
    return true
  }

  async close(): Promise<void> {
    for (const remove of this.#removeRoutes) remove()
    this.#closing.abort()
    await Promise.all(this.#playing)
  }

  async #handle(request: HttpRequest, response: ServerResponse): Promise<boolean> {
    const path = streamPathOf(request.path)
    if (path === undefined || request.method === 'OPTIONS') return false
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      const error = new PeerError('ERR_HTTP_METHOD_UNKNOWN', `expected GET or HEAD, found ${request.method}`)
      sendProblem(response, error, { Allow: 'GET, HEAD, OPTIONS' })
      return true
    }
    const stream = await this.#find(request, path, response)
    if (response.destroyed) return true
    if (request.method === 'HEAD') {
      response.writeHead(200, HEADERS).end()
      return true
    }
    const version2 = request.raw.httpVersionMajor === 2
    const output = version2 ? startHttp2(response) : startHttp1(response)
    if (output === undefined) {
      request.raw.socket.destroy()
      return true
    }
    this.#play(stream, request, {
      protocol: 'http-flv',
      format: flvFeed,
      output,
      frameHeader: (header) => header,
      finish: () => finish(output),
    })
    return true
  }

  async #upgrade(request: HttpRequest, socket: Duplex, head: Uint8Array): Promise<boolean> {
    const path = streamPathOf(request.path)
    if (path === undefined) return false
    const stream = await this.#find(request, path, socket)
    const websocket = await acceptWebSocket(request, socket, head, { maxPayload: MAX_VIEWER_MESSAGE })
    if ('setTimeout' in socket && typeof socket.setTimeout === 'function') socket.setTimeout(0)
    this.#play(stream, request, {
      protocol: 'ws-flv',
      format: flvMessageFeed,
      output: socket,
      frameHeader: binaryMessage,
      finish: (reason) => {
        // 1001 "going away" for an end that the server chose, 1000 for the end of the stream.
        websocket.close(reason === undefined ? 1000 : 1001)
        destroyLater(socket)
      },
    })
    return true
  }

  /** Authorises, then waits for the stream. Throws what the peer is told. */
  async #find(request: HttpRequest, path: string, peer: Duplex | ServerResponse): Promise<Stream> {
    checkPath(path)
    const { hub, authorize } = this.#context
    const { remoteAddress } = request
    await authorize({
      action: 'play',
      path,
      protocol: progressive.name,
      remoteAddress,
      credentials: credentialsOf(request),
    })
    const gone = new AbortController()
    const leave = () => gone.abort()
    peer.once('close', leave)
    try {
      const signal = AbortSignal.any([gone.signal, this.#closing.signal])
      const stream = await hub.findOrWait(path, { waitMs: this.#waitMs(request), signal })
      checkFlvTracks(stream.tracks)
      return stream
    } finally {
      peer.off('close', leave)
    }
  }

  #waitMs(request: HttpRequest): number {
    const wait = request.query.get('wait')
    if (wait === null) return this.#options.waitMs
    if (!/^\d{1,2}$/.test(wait) || Number(wait) > MAX_WAIT_SECONDS) {
      throw new PeerError('ERR_HTTP_QUERY_INVALID', `expected wait=0 to ${MAX_WAIT_SECONDS} (seconds)`)
    }
    return Number(wait) * 1000
  }

  #play(stream: Stream, request: HttpRequest, output: Omit<Viewer, 'remoteAddress' | 'userAgent'>): void {
    const { remoteAddress } = request
    const userAgent = request.raw.headers['user-agent']?.slice(0, MAX_USER_AGENT)
    const { sessions } = this.#context
    const playing = playFlv(stream, { ...output, remoteAddress, userAgent }, { sessions, signal: this.#closing.signal })
    this.#playing.add(playing)
    void playing.then(() => this.#playing.delete(playing))
  }
}

/** `/live/NAME.flv` to `live/NAME`. */
function streamPathOf(path: string): string | undefined {
  return path.endsWith(SUFFIX) && /^\/(live|channel)\//.test(path) ? path.slice(1, -SUFFIX.length) : undefined
}

/** Sends the head and gives the bare socket: no chunked coding between the shared bytes. `undefined`: another answer is in the way. */
function startHttp1(response: ServerResponse): Duplex | undefined {
  const { socket } = response
  if (socket === null) return undefined
  response.useChunkedEncodingByDefault = false
  response.shouldKeepAlive = false
  socket.setTimeout(0)
  response.writeHead(200, HEADERS)
  response.flushHeaders()
  return socket
}

function startHttp2(response: ServerResponse): Duplex | undefined {
  response.writeHead(200, HEADERS)
  // The router passes the compatibility class off as the HTTP/1 one.
  return (response as unknown as Http2ServerResponse).stream
}

function finish(output: Duplex): void {
  output.end()
  destroyLater(output)
}

/** A peer that neither takes the rest nor leaves is cut off. */
function destroyLater(output: Duplex): void {
  const timer = setTimeout(() => output.destroy(), FINISH_MS)
  timer.unref()
  output.once('close', () => clearTimeout(timer))
}
