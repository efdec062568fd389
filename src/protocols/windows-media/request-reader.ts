/** Requests of Windows Media clients from the bytes of a connection: raw heads and bodies with a length (MS-WMSP 2.2.2, MS-WMHTTP 2.2.2). */
import { PeerError } from '../../errors.ts'
import { ByteQueue } from '../../media/bytes/byte-queue.ts'
import type { Machine } from '../../media/machine.ts'
import { parseTarget } from '../../net/http/request-target.ts'
import { contentLengthOf, type HeaderLine, HeaderLines, HeadReader } from './message-head.ts'

/** The head of one request. */
export class WmRequest extends HeaderLines {
  readonly method: string
  /** As sent: origin form, absolute form, or `*`. */
  readonly target: string
  /** Percent-decoded, checked like every path of the server, without query: `/live/studio`; `*` of `OPTIONS *`. */
  readonly path: string
  /** As sent, without scheme, authority and query. */
  readonly rawPath: string
  readonly query: URLSearchParams
  readonly http11: boolean
  /** Bytes of the body; 0 when the request does not say. */
  readonly contentLength: number
  /** A length was given. */
  readonly hasLength: boolean

  /** Throws PeerError ERR_WMS_HEAD_INVALID, ERR_WMS_BODY_LENGTH or ERR_HTTP_TARGET_INVALID. */
  constructor(startLine: string, headers: readonly HeaderLine[]) {
    super(headers)
    const match = /^([A-Z]{1,32}) (\S.*) HTTP\/1\.([01])$/.exec(startLine)
    if (match === null) {
      const found = JSON.stringify(startLine.slice(0, 60))
      throw new PeerError('ERR_WMS_HEAD_INVALID', `expected a request line of HTTP/1.0 or 1.1, found ${found}`)
    }
    const [, method = '', target = '', minor] = match
    this.method = method
    this.target = target
    this.http11 = minor === '1'
    if (target === '*') {
      this.path = this.rawPath = target
      this.query = new URLSearchParams()
    } else {
      const origin = originForm(target)
      const { path, query } = parseTarget(visibleAscii(origin))
      this.path = path
      this.query = query
      this.rawPath = origin.split('?', 1)[0] ?? ''
    }
    if (this.header('transfer-encoding') !== undefined) {
      // Forbidden for pushes, and nothing else here has a long body.
      throw new PeerError('ERR_WMS_BODY_LENGTH', 'expected a body with Content-Length, found Transfer-Encoding')
    }
    const length = contentLengthOf(this)
    this.hasLength = length !== undefined
    this.contentLength = length ?? 0
  }
}

/** Body bytes are views of what was written. Every request ends with `end`, also one without a body. */
export type RequestEvent =
  | { readonly type: 'request'; readonly request: WmRequest }
  | { readonly type: 'body'; readonly bytes: Uint8Array }
  | { readonly type: 'end' }

/** One connection's requests, one after the other. A request behind another is read when the one before it has ended. */
export class WmRequestReader implements Machine<Uint8Array, RequestEvent> {
  readonly #queue = new ByteQueue()
  readonly #heads = new HeadReader(this.#queue)
  /** Bytes of the body to come; `undefined`: a head comes. */
  #left: number | undefined

  /** Between two requests, without a byte of the next. */
  get idle(): boolean {
    return this.#left === undefined && this.#queue.length === 0
  }

  /** Bytes that wait to be read. */
  get waiting(): number {
    return this.#queue.length
  }

  write(bytes: Uint8Array): void {
    this.#queue.push(bytes)
  }

  /** Throws what `WmRequest` throws, and PeerError ERR_WMS_HEAD_TOO_LARGE. */
  read(): RequestEvent | undefined {
    if (this.#left === undefined) {
      const head = this.#heads.read()
      if (head === undefined) return undefined
      const request = new WmRequest(head.startLine, head.headers)
      this.#left = request.contentLength
      return { type: 'request', request }
    }
    if (this.#left === 0) {
      this.#left = undefined
      return { type: 'end' }
    }
    const bytes = this.#queue.takeSome(this.#left)
    if (bytes === undefined) return undefined
    this.#left -= bytes.byteLength
    return { type: 'body', bytes }
  }

  end(): void {
    // A request cut short has no result; `idle` tells.
  }
}

/** Proxies and some players write the whole URL into the request line. */
function originForm(target: string): string {
  const match = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*(.*)$/.exec(target)
  const rest = match?.[1]
  if (rest === undefined) return target
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** Players that do not encode what they are given send spaces and UTF-8 as they are; here one character is one byte. */
function visibleAscii(target: string): string {
  return target.replaceAll(/[^!-~]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
