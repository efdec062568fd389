/** How HTTP protocols hang themselves into the one HTTP listener, without knowing each other. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** A request that the router has checked: method, decoded path, query. */
export interface HttpRequest {
  readonly method: string
  /** Decoded and normalised path, always starting with `/`: no `..`, NUL, backslash or empty segment but a last one (`/console/`). */
  readonly path: string
  readonly query: URLSearchParams
  readonly raw: IncomingMessage
  /** Address of the peer (of the trusted proxy's client where one is configured). */
  readonly remoteAddress: string
  /** The request came over TLS. */
  readonly secure: boolean
}

/** Returns false (before writing anything) when the path is not its own after all; the next route is asked. */
export type HttpHandler = (request: HttpRequest, response: ServerResponse) => boolean | Promise<boolean>

/** A WebSocket or other upgrade. Returns false when not its own. */
export type UpgradeHandler = (request: HttpRequest, socket: Duplex, head: Uint8Array) => boolean | Promise<boolean>

/**
 * A hot object: complete answers kept in memory by its owner, served without parsing more than the request line and a few headers.
 * Called with the raw path and query of a plain GET; `undefined`: not hot, take the slow path. Must be cheap: it is asked for every request.
 */
export type HotLookup = (target: string) => HotAnswer | undefined

/** Header and body as they go to the socket. Shared between viewers: never changed after it was handed out. */
export interface HotAnswer {
  /** Status line, headers, blank line and body for a keep-alive HTTP/1.1 connection. */
  readonly bytes: Uint8Array
  /** The same for a client that accepts gzip, when smaller. */
  readonly gzipBytes?: Uint8Array
  /** Called when sent, with the number of bytes: for session counters. */
  readonly onSent?: (bytes: number, remoteAddress: string) => void
}

/** A plain POST with a small body, all of it in memory. */
export interface SmallPost {
  /** The handler's own. */
  readonly body: Uint8Array
  readonly contentType: string | undefined
  readonly userAgent: string | undefined
  readonly remoteAddress: string
  /** It asks not to be tracked (DNT, Sec-GPC). */
  readonly optedOut: boolean
}

/** Resolves with the whole answer, as `HotAnswer.bytes` are. When it rejects, the connection is cut. */
export type SmallPostHandler = (post: SmallPost) => Promise<Uint8Array>

/**
 * Who takes small posts to this raw path and query; `undefined`: the route does. Bodies that are longer than a few kilobytes, and whatever else is
 * not plain, go to the route too. Must be cheap.
 */
export type SmallPostLookup = (target: string) => SmallPostHandler | undefined

/**
 * Looks at a request head (complete, blank line included) and takes the connection from the HTTP server, for protocols whose use of
 * HTTP no HTTP server understands. Asked for the first head of a connection, and for another that differs from the one before as long as
 * only hot objects were asked for. `undefined`: not its own. Must be cheap.
 */
export type ConnectionClaim = (head: Uint8Array) => ConnectionHandler | undefined

/** Owns the socket from here on. `received` is all that came so far, the head included. The socket is paused: call `resume`. */
export type ConnectionHandler = (socket: Socket, received: Uint8Array, peer: ConnectionPeer) => void

export interface ConnectionPeer {
  /** Address of the peer of the socket. */
  readonly remoteAddress: string
  readonly secure: boolean
  /** Gives the connection back with a request that is not the claimer's, whose listeners are off the socket by then. */
  readonly giveBack: (received: Uint8Array) => void
}

/** What a player told of itself with a request of media (Common Media Client Data, CTA-5004-B), as it came. */
export interface ClientData {
  /** Raw path and query, with the argument `CMCD` where it is there. */
  readonly target: string
  /** The four headers as one text; `undefined`: none of them came. */
  readonly headers: string | undefined
  readonly userAgent: string | undefined
  readonly remoteAddress: string
  /** It asks not to be tracked (DNT, Sec-GPC). */
  readonly optedOut: boolean
}

/** Hears of each request that brings client data, hot objects included. Must be cheap, and never throws: the answer waits for it. */
export type ClientDataObserver = (data: ClientData) => void

export interface HttpRoutes {
  /** Asked in the order they were added. Returns a function that removes the route. */
  route(handler: HttpHandler): () => void
  upgrade(handler: UpgradeHandler): () => void
  hot(lookup: HotLookup): () => void
  /** Beside a route for the same path. */
  smallPost(lookup: SmallPostLookup): () => void
  claim(claim: ConnectionClaim): () => void
  observe(observer: ClientDataObserver): () => void
}
