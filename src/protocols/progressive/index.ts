/**
 * FLV over HTTP and over WebSocket, `/live/NAME.flv` and `/vod/PATH.flv` (Video File Format 10.1 annex E, Enhanced RTMP bodies), and the
 * files of the library as they are. Playback only.
 */
import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import type { Duplex } from 'node:stream'
import { PeerError } from '../../errors.ts'
import { optsOut } from '../../net/http/client-data.ts'
import { MEDIA_CORS_HEADERS } from '../../net/http/cors.ts'
import { credentialsOf } from '../../net/http/credentials.ts'
import { sendProblem } from '../../net/http/problem.ts'
import type { HttpRequest } from '../../net/http/routes.ts'
import { acceptWebSocket } from '../../net/http/websocket.ts'
import { PlayAccess } from '../../packaging/play-access.ts'
import type { Listening, Protocol, ServerContext } from '../protocol.ts'
import { playFlv, type Viewer } from './egress.ts'
import { type FlvFraming, flvMessages, plainFlv } from './feeds.ts'
import { findFile, findStream, grantOf, openLibraryFile } from './find.ts'
import { type ProgressiveOptions, progressiveOptions } from './options.ts'
import { encodedProgramme, type FlvProgramme, fileProgramme, liveProgramme } from './programme.ts'

const SUFFIX = '.flv'
const LIBRARY = '/vod/'
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
  readonly #access: PlayAccess
  readonly #closing = new AbortController()
  readonly #playing = new Set<Promise<void>>()
  readonly #removeRoutes: readonly (() => void)[]

  constructor(context: ServerContext, options: ProgressiveOptions) {
    this.#context = context
    this.#options = options
    this.#access = new PlayAccess(context.authorize, progressive.name)
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
    const { path, method } = request
    if (method === 'OPTIONS' || !isOurs(path)) return false
    if (path.startsWith(LIBRARY) && (await this.#download(request, response))) return true
    if (!path.endsWith(SUFFIX)) return false
    if (method !== 'GET' && method !== 'HEAD') {
      refuseMethod(request, response)
      return true
    }
    const programme = await this.#find(request, plainFlv, response)
    if (response.destroyed || method === 'HEAD') {
      programme.cursor.close()
      response.writeHead(200, HEADERS).end()
      return true
    }
    const version2 = request.raw.httpVersionMajor === 2
    const output = version2 ? startHttp2(response) : startHttp1(response)
    if (output === undefined) {
      programme.cursor.close()
      request.raw.socket.destroy()
      return true
    }
    this.#play(programme, request, {
      protocol: 'http-flv',
      framing: plainFlv,
      output,
      finish: () => finish(output),
    })
    return true
  }

  async #upgrade(request: HttpRequest, socket: Duplex, head: Uint8Array): Promise<boolean> {
    if (!isOurs(request.path) || !request.path.endsWith(SUFFIX)) return false
    const programme = await this.#find(request, flvMessages, socket)
    const websocket = await acceptWebSocket(request, socket, head, { maxPayload: MAX_VIEWER_MESSAGE }).catch(
      (error: unknown) => {
        programme.cursor.close()
        throw error
      },
    )
    if ('setTimeout' in socket && typeof socket.setTimeout === 'function') socket.setTimeout(0)
    this.#play(programme, request, {
      protocol: 'ws-flv',
      framing: flvMessages,
      output: socket,
      finish: (reason) => {
        // 1001 "going away" for an end that the server chose, 1000 for the end of the stream.
        websocket.close(reason === undefined ? 1000 : 1001)
        destroyLater(socket)
      },
    })
    return true
  }

  /** Answers for a file that there is. `false`: there is none of that name, or the request is for the page that plays it. */
  async #download(request: HttpRequest, response: ServerResponse): Promise<boolean> {
    const { path, method, raw, remoteAddress } = request
    // Who opens the address in a browser wants to see the film, not the file.
    if (raw.headers.accept?.includes('text/html') && !request.query.has('download')) return false
    const file = await openLibraryFile(this.#context.library, path.slice(1))
    if (file === undefined) return false
    try {
      const access = await this.#access.check(file.path, remoteAddress, credentialsOf(request))
      if (method === 'GET' || method === 'HEAD') {
        const { sessions } = this.#context
        // Loaded with the first file.
        const { download } = await import('./download.ts')
        await download(file, request, response, { sessions, signal: this.#closing.signal, open: access === 'open' })
      } else {
        refuseMethod(request, response)
      }
    } finally {
      await file.close()
    }
    return true
  }

  /** Authorises, then waits for a stream or opens a file. Throws what the peer is told. */
  async #find(request: HttpRequest, framing: FlvFraming, peer: Duplex | ServerResponse): Promise<FlvProgramme> {
    const path = request.path.slice(1, -SUFFIX.length)
    const gone = new AbortController()
    const leave = () => gone.abort()
    peer.once('close', leave)
    try {
      const signal = AbortSignal.any([gone.signal, this.#closing.signal])
      const options = { context: this.#context, protocol: progressive.name, request, path, signal }
      if (request.path.startsWith(LIBRARY)) return fileProgramme(await findFile(options), framing)
      const found = await findStream(options, this.#options.waitMs)
      if ('transcode' in found) return encodedProgramme(found.transcode, framing)
      return liveProgramme(found.stream, framing)
    } finally {
      peer.off('close', leave)
    }
  }

  #play(
    programme: FlvProgramme,
    request: HttpRequest,
    output: Omit<Viewer, 'remoteAddress' | 'userAgent' | 'optedOut' | 'grant'>,
  ): void {
    const { remoteAddress } = request
    const userAgent = request.raw.headers['user-agent']?.slice(0, MAX_USER_AGENT)
    const { sessions } = this.#context
    const optedOut = optsOut(request.raw.headers)
    const viewer = { ...output, remoteAddress, userAgent, optedOut, grant: grantOf(request) }
    const playing = playFlv(programme, viewer, { sessions, signal: this.#closing.signal })
    this.#playing.add(playing)
    void playing.then(() => this.#playing.delete(playing))
  }
}

/** `/live/NAME.flv`, `/channel/NAME.flv`, and all of `/vod/`. */
function isOurs(path: string): boolean {
  return path.startsWith(LIBRARY) || (path.endsWith(SUFFIX) && /^\/(live|channel)\//.test(path))
}

function refuseMethod({ method }: HttpRequest, response: ServerResponse): void {
  const error = new PeerError('ERR_HTTP_METHOD_UNKNOWN', `expected GET or HEAD, found ${method}`)
  sendProblem(response, error, { Allow: 'GET, HEAD, OPTIONS' })
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
