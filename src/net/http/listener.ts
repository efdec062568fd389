/** The one front of all HTTP: a net server with a fast path for hot objects, the full parser of node:http behind it, HTTP/2 over TLS. */
import type { Server as HttpServer, IncomingMessage } from 'node:http'
import { type AddressInfo, createServer as createNetServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Closable, Logger } from '../../protocols/protocol.ts'
import { takeDescriptor } from '../descriptors.ts'
import type { TlsMaterial } from '../tls.ts'
import { addressGroup, plainAddress, TrustedProxies } from './client-address.ts'
import type { DeliveryText } from './delivery.ts'
import { FastConnection, type FastPathHost } from './fast-path.ts'
import { createServer } from './node-http.ts'
import { MAX_HEAD_BYTES } from './request-head.ts'
import { Router } from './router.ts'
import type { HttpRoutes } from './routes.ts'
import type { SecureSide } from './secure-side.ts'

export interface HttpFrontOptions {
  readonly host: string
  /** 0 picks a free port. */
  readonly port: number
  /** With it, `tlsPort` (default 8443) speaks HTTPS and HTTP/2. */
  readonly tls?: TlsMaterial | undefined
  readonly tlsPort?: number
  readonly limits?: Partial<HttpLimits>
  readonly log: Logger
  /** Addresses and networks whose `X-Forwarded-For` is believed. They are also free of the cap per address. */
  readonly trustedProxies?: readonly string[]
  /** Whether the `Host` of a request may ask for this path (against DNS rebinding); `false` is answered with 421. */
  readonly checkHost?: (host: string, path: string) => boolean
  /** Says with answers of media what is known of their way; left out: nothing is said. */
  readonly deliveryText?: DeliveryText
}

/** Times in milliseconds. */
export interface HttpLimits {
  readonly maxConnections: number
  /** Of one IPv4 address or one IPv6 /64 network. */
  readonly maxConnectionsPerAddress: number
  /** From the connect, or from the first byte of a request, to the end of its head. */
  readonly headMs: number
  /** From the first byte of a request to the end of its body. */
  readonly requestMs: number
  /** A connection without a request. */
  readonly keepAliveMs: number
  /** A peer that takes no byte of an answer. */
  readonly stallMs: number
  /** What `close` gives to answers in work. */
  readonly drainMs: number
  /** How often deadlines are looked at. */
  readonly sweepMs: number
}

export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  maxConnections: 20_000,
  maxConnectionsPerAddress: 4_000,
  headMs: 10_000,
  requestMs: 60_000,
  keepAliveMs: 75_000,
  stallMs: 10_000,
  drainMs: 2_000,
  sweepMs: 1_000,
}

/** A connection on which nothing moves at all, in the middle of a slow-path answer, milliseconds. */
const SILENT_MS = 120_000
const BACKLOG = 4_096
const DEFAULT_TLS_PORT = 8443

export interface HttpFront extends Closable {
  readonly routes: HttpRoutes
  readonly port: number
  /** `undefined` without a certificate. */
  readonly tlsPort: number | undefined
  /** Open connections, for metrics. */
  readonly connections: number
  /** Takes new certificate material for connections to come. */
  setTls(tls: TlsMaterial): void
}

/** Rejects with the listen error (EADDRINUSE, EACCES …) of the system. */
export async function openHttpFront(options: HttpFrontOptions): Promise<HttpFront> {
  const front = new Front(options)
  try {
    await front.listen()
  } catch (error) {
    await front.close()
    throw error
  }
  return front
}

class Front implements HttpFront {
  readonly routes: Router
  readonly #options: HttpFrontOptions
  readonly #limits: HttpLimits
  readonly #proxies: TrustedProxies
  readonly #sockets = new Set<Socket>()
  readonly #perAddress = new Map<string, number>()
  readonly #fast = new Set<FastConnection>()
  readonly #host: FastPathHost & { now: number }
  readonly #server: Server
  readonly #http: HttpServer
  #secure: SecureSide | undefined
  #sweeper: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined

  constructor(options: HttpFrontOptions) {
    this.#options = options
    this.#limits = { ...DEFAULT_HTTP_LIMITS, ...options.limits }
    this.#proxies = new TrustedProxies(options.trustedProxies)
    const { log, checkHost, deliveryText } = options
    const routes = new Router({ log, checkHost, deliveryText, proxies: this.#proxies, stallMs: this.#limits.stallMs })
    this.routes = routes
    this.#http = this.#createHttpServer()
    this.#host = {
      now: performance.now(),
      stallMs: this.#limits.stallMs,
      find: (target) => this.routes.find(target),
      smallPostHandler: (target) => this.routes.smallPostHandler(target),
      claimOf: (head) => this.routes.claimOf(head),
      get observes() {
        return routes.observes
      },
      observed: (data) => routes.observed(data),
      deliveryText,
      clientOf: (address, forwardedFor) => this.#proxies.clientOf(address, forwardedFor),
      takeBack: (socket, received, peer) => {
        const connection = new FastConnection(socket, this.#host, peer)
        this.#fast.add(connection)
        connection.start(received)
      },
      toFullServer: (socket) => {
        this.#http.emit('connection', socket)
        socket.resume()
      },
      forget: (connection) => this.#fast.delete(connection),
    }
    this.#server = createNetServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      if (this.#admit(socket)) this.#serve(socket, false)
    })
  }

  get port(): number {
    return portOf(this.#server)
  }

  get tlsPort(): number | undefined {
    return this.#secure === undefined ? undefined : portOf(this.#secure.server)
  }

  get connections(): number {
    return this.#sockets.size
  }

  async listen(): Promise<void> {
    const { host, port, tls, tlsPort = DEFAULT_TLS_PORT, log } = this.#options
    await listen(this.#server, host, port)
    this.#server.on('error', (error) => log.counted('ERR_HTTP_ACCEPT', { error: error.message }, 'accepting failed'))
    if (tls !== undefined) {
      const { openSecureSide } = await import('./secure-side.ts')
      this.#secure = openSecureSide(tls, {
        admit: (socket) => this.#admit(socket),
        serveHttp1: (socket) => this.#serve(socket, true),
        serveRequest: (request, response) => void this.routes.handle(request, response, true),
        log,
      })
      await listen(this.#secure.server, host, tlsPort)
    }
    this.#sweeper = setInterval(() => this.#sweep(), this.#limits.sweepMs)
    this.#sweeper.unref()
  }

  setTls(tls: TlsMaterial): void {
    this.#secure?.setTls(tls)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const closed = [close(this.#server)]
    if (this.#secure !== undefined) closed.push(this.#secure.close())
    for (const connection of [...this.#fast]) if (connection.idle) connection.close()
    this.#http.closeIdleConnections()
    const late = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy()
    }, this.#limits.drainMs)
    await Promise.all(closed)
    clearTimeout(late)
    clearInterval(this.#sweeper)
    // Never listened itself: this only stops its own deadline timer.
    this.#http.close()
  }

  #createHttpServer(): HttpServer {
    const { headMs, requestMs, keepAliveMs, sweepMs } = this.#limits
    const server = createServer(
      {
        maxHeaderSize: MAX_HEAD_BYTES,
        headersTimeout: Math.min(headMs, requestMs),
        requestTimeout: requestMs,
        keepAliveTimeout: keepAliveMs,
        connectionsCheckingInterval: sweepMs,
        insecureHTTPParser: false,
        requireHostHeader: true,
        ...UPGRADE_ONLY_WEBSOCKET,
      },
      (request, response) => {
        if (this.#closing !== undefined) response.setHeader('Connection', 'close')
        void this.routes.handle(request, response, isSecure(request.socket))
      },
    )
    // The count is checked by the router: this limit would drop headers silently.
    server.maxHeadersCount = 0
    server.timeout = SILENT_MS
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      void this.routes.handleUpgrade(request, socket, head, isSecure(request.socket))
    })
    // It never listens itself; this starts its header and request deadlines.
    server.emit('listening')
    return server
  }

  /** Counts a connection, or refuses it. */
  #admit(socket: Socket): boolean {
    const address = plainAddress(socket.remoteAddress)
    const group = addressGroup(address)
    const count = (this.#perAddress.get(group) ?? 0) + 1
    const { maxConnections, maxConnectionsPerAddress } = this.#limits
    // Errors end in `close`, where everything is cleaned up.
    socket.on('error', ignore)
    if (
      this.#sockets.size >= maxConnections ||
      (count > maxConnectionsPerAddress && !this.#proxies.trusts(address)) ||
      this.#closing !== undefined ||
      !takeDescriptor(socket)
    ) {
      socket.destroy()
      this.#options.log.counted('ERR_HTTP_CONNECTIONS', { address }, 'refused a connection: too many')
      return false
    }
    this.#sockets.add(socket)
    this.#perAddress.set(group, count)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      const left = (this.#perAddress.get(group) ?? 1) - 1
      if (left > 0) this.#perAddress.set(group, left)
      else this.#perAddress.delete(group)
    })
    return true
  }

  #serve(socket: Socket, secure: boolean): void {
    const remoteAddress = plainAddress(socket.remoteAddress)
    this.#host.now = performance.now()
    this.#fast.add(new FastConnection(socket, this.#host, { remoteAddress, secure }))
  }

  #sweep(): void {
    this.#host.now = performance.now()
    for (const connection of this.#fast) connection.enforce(this.#limits)
    if (this.#closing !== undefined) {
      for (const connection of this.#fast) if (connection.idle) connection.close()
      this.#http.closeIdleConnections()
    }
  }
}

// Otherwise `Upgrade: h2c`, which common clients send with plain requests, would count as an upgrade. Newer than the type declarations.
const UPGRADE_ONLY_WEBSOCKET: object = {
  shouldUpgradeCallback: (request: IncomingMessage) => request.headers.upgrade?.toLowerCase() === 'websocket',
}

function isSecure(socket: Socket): boolean {
  return 'encrypted' in socket
}

function portOf(server: Server): number {
  const address = server.address() as AddressInfo | null
  return address?.port ?? 0
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
  })
}

function ignore(): void {
  // `close` follows.
}
