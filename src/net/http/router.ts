/** Everything between a parsed request and the protocol that answers it: checks, hot objects, routes, preflights, errors. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { HeadendError, PeerError, UnavailableError } from '../../errors.ts'
import type { Logger } from '../../protocols/protocol.ts'
import { plainAddress, type TrustedProxies } from './client-address.ts'
import { clientDataOf, hasClientData, optsOut } from './client-data.ts'
import { answerPreflight, isPreflight } from './cors.ts'
import { beginDelivery, type DeliveryText } from './delivery.ts'
import { sendHotAnswer } from './hot-answer.ts'
import { problemBytes, sendProblem } from './problem.ts'
import { MAX_HEADER_COUNT } from './request-head.ts'
import { parseTarget } from './request-target.ts'
import type {
  ClientData,
  ClientDataObserver,
  ConnectionClaim,
  ConnectionHandler,
  HotAnswer,
  HotLookup,
  HttpHandler,
  HttpRequest,
  HttpRoutes,
  SmallPostHandler,
  SmallPostLookup,
  UpgradeHandler,
} from './routes.ts'

export interface RouterOptions {
  readonly log: Logger
  readonly proxies: TrustedProxies
  /** Whether the `Host` of a request may ask for this path; `false` is answered with 421. Default: every host may. */
  readonly checkHost?: ((host: string, path: string) => boolean) | undefined
  readonly deliveryText?: DeliveryText | undefined
  /** A peer that takes no byte of a hot object for this long is dead. */
  readonly stallMs: number
}

export class Router implements HttpRoutes {
  readonly #options: RouterOptions
  #handlers: readonly HttpHandler[] = []
  #upgrades: readonly UpgradeHandler[] = []
  #lookups: readonly HotLookup[] = []
  #smallPosts: readonly SmallPostLookup[] = []
  #claims: readonly ConnectionClaim[] = []
  #observers: readonly ClientDataObserver[] = []

  constructor(options: RouterOptions) {
    this.#options = options
  }

  route(handler: HttpHandler): () => void {
    this.#handlers = [...this.#handlers, handler]
    return () => {
      this.#handlers = this.#handlers.filter((other) => other !== handler)
    }
  }

  upgrade(handler: UpgradeHandler): () => void {
    this.#upgrades = [...this.#upgrades, handler]
    return () => {
      this.#upgrades = this.#upgrades.filter((other) => other !== handler)
    }
  }

  hot(lookup: HotLookup): () => void {
    this.#lookups = [...this.#lookups, lookup]
    return () => {
      this.#lookups = this.#lookups.filter((other) => other !== lookup)
    }
  }

  smallPost(lookup: SmallPostLookup): () => void {
    this.#smallPosts = [...this.#smallPosts, lookup]
    return () => {
      this.#smallPosts = this.#smallPosts.filter((other) => other !== lookup)
    }
  }

  claim(claim: ConnectionClaim): () => void {
    this.#claims = [...this.#claims, claim]
    return () => {
      this.#claims = this.#claims.filter((other) => other !== claim)
    }
  }

  observe(observer: ClientDataObserver): () => void {
    this.#observers = [...this.#observers, observer]
    return () => {
      this.#observers = this.#observers.filter((other) => other !== observer)
    }
  }

  /** Whether somebody looks at client data. */
  get observes(): boolean {
    return this.#observers.length > 0
  }

  observed(data: ClientData): void {
    for (const observer of this.#observers) observer(data)
  }

  /** The hot object of a raw target. */
  find(target: string): HotAnswer | undefined {
    for (const lookup of this.#lookups) {
      const answer = lookup(target)
      if (answer !== undefined) return answer
    }
    return undefined
  }

  smallPostHandler(target: string): SmallPostHandler | undefined {
    for (const lookup of this.#smallPosts) {
      const handler = lookup(target)
      if (handler !== undefined) return handler
    }
    return undefined
  }

  claimOf(head: Uint8Array): ConnectionHandler | undefined {
    for (const claim of this.#claims) {
      const handler = claim(head)
      if (handler !== undefined) return handler
    }
    return undefined
  }

  /** Answers a request that the full parser accepted. Never rejects. */
  async handle(raw: IncomingMessage, response: ServerResponse, secure: boolean): Promise<void> {
    // A response that breaks off is the peer's matter; whoever writes it sees `close`.
    response.on('error', ignore)
    beginDelivery(response, this.#options.deliveryText)
    try {
      await this.#handle(raw, response, secure)
    } catch (error) {
      this.#report(error, raw)
      sendProblem(response, error)
    }
  }

  /** Answers a WebSocket request. Never rejects. */
  async handleUpgrade(raw: IncomingMessage, socket: Duplex, head: Uint8Array, secure: boolean): Promise<void> {
    socket.on('error', ignore)
    try {
      const request = this.#check(raw, secure)
      for (const handler of this.#upgrades) if (await handler(request, socket, head)) return
      throw notFound(request.path)
    } catch (error) {
      this.#report(error, raw)
      if (socket.writable) socket.end(problemBytes(error), () => socket.destroy())
    }
  }

  async #handle(raw: IncomingMessage, response: ServerResponse, secure: boolean): Promise<void> {
    if (raw.method === 'OPTIONS' && raw.url === '*') {
      response.writeHead(204).end()
      return
    }
    const request = this.#check(raw, secure)
    if (request.method === 'GET' || request.method === 'HEAD') {
      if (this.observes) this.#observe(request)
      const answer = this.find(raw.url ?? '/')
      if (answer !== undefined) {
        response.setTimeout(this.#options.stallMs, () => response.destroy())
        sendHotAnswer(answer, raw, response, request.remoteAddress)
        return
      }
    }
    for (const handler of this.#handlers) if (await handler(request, response)) return
    if (isPreflight(raw)) return answerPreflight(response)
    throw notFound(request.path)
  }

  #observe({ raw, remoteAddress }: HttpRequest): void {
    const target = raw.url ?? '/'
    const headers = clientDataOf(raw.headers)
    if (headers === undefined && !hasClientData(target)) return
    const userAgent = raw.headers['user-agent']
    this.observed({ target, headers, userAgent, remoteAddress, optedOut: optsOut(raw.headers) })
  }

  #check(raw: IncomingMessage, secure: boolean): HttpRequest {
    const { rawHeaders } = raw
    if (rawHeaders.length > MAX_HEADER_COUNT * 2) {
      throw new PeerError(
        'ERR_HTTP_HEADERS_TOO_MANY',
        `expected at most ${MAX_HEADER_COUNT} header lines, found ${rawHeaders.length / 2}`,
      )
    }
    let hosts = 0
    for (let index = 0; index < rawHeaders.length; index += 2) {
      if (rawHeaders[index]?.toLowerCase() === 'host') hosts++
    }
    if (hosts > 1) throw new PeerError('ERR_HTTP_HOST_DUPLICATE', `expected one Host header, found ${hosts}`)
    const { path, query } = parseTarget(raw.url ?? '/')
    const host = authorityOf(raw)
    if (this.#options.checkHost?.(host, path) === false) {
      throw new PeerError('ERR_HTTP_HOST_UNKNOWN', 'expected a host name of this server')
    }
    const forwarded = raw.headers['x-forwarded-for']
    const remoteAddress = this.#options.proxies.clientOf(
      plainAddress(raw.socket.remoteAddress),
      typeof forwarded === 'string' ? forwarded : forwarded?.join(','),
    )
    const socketAddress = plainAddress(raw.socket.remoteAddress)
    // A proxy that ends TLS for us says so.
    const proxied = raw.headers['x-forwarded-proto'] === 'https' && this.#options.proxies.trusts(socketAddress)
    return { method: raw.method ?? 'GET', path, query, raw, remoteAddress, secure: secure || proxied }
  }

  #report(error: unknown, raw: IncomingMessage): void {
    if (error instanceof HeadendError) return
    const stack = error instanceof Error ? error.stack : String(error)
    this.#options.log.counted('ERR_INTERNAL', { method: raw.method, stack }, 'a request failed in the server')
  }
}

/** HTTP/2 has `:authority` for `Host`. */
function authorityOf(raw: IncomingMessage): string {
  const authority = raw.headers.host ?? raw.headers[':authority']
  return typeof authority === 'string' ? authority : ''
}

function notFound(path: string): UnavailableError {
  return new UnavailableError('ERR_HTTP_NOT_FOUND', `nothing is at ${JSON.stringify(path.slice(0, 60))}`)
}

function ignore(): void {
  // The socket's `close` event follows and does the cleaning.
}
