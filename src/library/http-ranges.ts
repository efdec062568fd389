/** Requests for parts of a file on an HTTP server, all of the same version of it (RFC 9110 sections 8.8, 13.1.5 and 14; RFC 9112). */
import { UnavailableError } from '../errors.ts'

const MAX_REDIRECTS = 3
const DEFAULT_TIMEOUT_MS = 20_000

/** The first answer of a server. */
export interface RangeAnswer {
  readonly bytes: Uint8Array
  /** Of the file. */
  readonly size: number
  /** `bytes` are all of it. */
  readonly isWhole: boolean
}

/** What tells one version of a file from another. */
interface Version {
  readonly etag: string | undefined
  readonly modified: string | undefined
  readonly size: number
}

/** Knows the address behind redirects and the version of the file once it is open. */
export class HttpRanges {
  readonly #closed = new AbortController()
  readonly #signal: AbortSignal
  readonly #timeoutMs: number
  readonly #authorization: string | undefined
  readonly #origin: string
  #url: URL
  #version: Version | undefined

  /** Throws UnavailableError ERR_HTTP_SOURCE_URL for what is no address of HTTP. */
  constructor(url: string, { signal, timeoutMs = DEFAULT_TIMEOUT_MS }: { signal?: AbortSignal; timeoutMs?: number }) {
    const parsed = URL.parse(url)
    if (parsed === null || !isHttp(parsed)) {
      throw new UnavailableError(
        'ERR_HTTP_SOURCE_URL',
        `expected an address of http or https, found ${url.slice(0, 60)}`,
      )
    }
    const { username, password } = parsed
    if (username !== '' || password !== '') {
      const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
      this.#authorization = `Basic ${Buffer.from(pair).toString('base64')}`
      parsed.username = ''
      parsed.password = ''
    }
    this.#url = parsed
    this.#origin = parsed.origin
    this.#timeoutMs = timeoutMs
    this.#signal = signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal])
  }

  /** Without what may be secret in it. */
  get shownUrl(): string {
    return `${this.#url.origin}${this.#url.pathname}`
  }

  /** The first `length` bytes, or the whole file from a server that knows no ranges, if it has at most `maxWhole` bytes. */
  async open(length: number, maxWhole: number): Promise<RangeAnswer> {
    const response = await this.#request(`bytes=0-${length - 1}`, MAX_REDIRECTS)
    if (response.status === 200) return this.#readWhole(response, maxWhole)
    const range = contentRange(response)
    const size = range?.size
    const isAsked = size !== undefined && range?.start === 0 && range.end === Math.min(length, size) - 1
    if (response.status !== 206 || !isAsked) throw await this.#refused(response)
    this.#version = { ...versionOf(response), size }
    const bytes = await this.#body(response, Math.min(length, size))
    return { bytes, size, isWhole: bytes.byteLength === size }
  }

  /** Exactly these bytes of the file that was opened. Throws UnavailableError, see `openHttpSource`. */
  async read(start: number, length: number): Promise<Uint8Array> {
    const response = await this.#request(`bytes=${start}-${start + length - 1}`, 0)
    const range = contentRange(response)
    // A server that finds another version answers with all of it; one that has lost it, with 404 or 416.
    if (response.status === 200 || response.status === 416 || !this.#isSame(response, range?.size)) {
      await response.body?.cancel()
      throw new UnavailableError('ERR_HTTP_SOURCE_CHANGED', `${this.shownUrl} was changed while it was read`)
    }
    if (response.status !== 206 || range?.start !== start || range.end !== start + length - 1) {
      throw await this.#refused(response)
    }
    return this.#body(response, length)
  }

  /** Ends the requests that are under way. */
  close(): void {
    this.#closed.abort()
  }

  async #request(range: string, redirects: number): Promise<Response> {
    const validator = this.#validator()
    const headers = {
      range,
      'accept-encoding': 'identity',
      'user-agent': 'Headend',
      ...(validator !== undefined && { 'if-range': validator }),
      ...(this.#authorization !== undefined &&
        this.#url.origin === this.#origin && { authorization: this.#authorization }),
    }
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(this.#timeoutMs)])
    let response: Response
    try {
      response = await fetch(this.#url, { headers, signal, redirect: 'manual' })
    } catch (cause) {
      throw this.#failed(cause)
    }
    if (![301, 302, 303, 307, 308].includes(response.status)) return response
    await response.body?.cancel()
    const target = URL.parse(response.headers.get('location') ?? '', this.#url)
    if (redirects === 0 || target === null || !isHttp(target)) {
      const found = redirects === 0 ? `more than ${MAX_REDIRECTS}` : 'one to no address of http or https'
      throw new UnavailableError('ERR_HTTP_SOURCE_REDIRECT', `${this.shownUrl} redirects: found ${found}`)
    }
    this.#url = target
    return this.#request(range, redirects - 1)
  }

  /** If-Range takes strong validators only. */
  #validator(): string | undefined {
    const etag = this.#version?.etag
    return etag !== undefined && !etag.startsWith('W/') ? etag : this.#version?.modified
  }

  #isSame(response: Response, size: number | undefined): boolean {
    if (response.status !== 206) return true
    const now = versionOf(response)
    const before = this.#version
    const isEqual = (a: string | undefined, b: string | undefined) => a === undefined || b === undefined || a === b
    return (
      (size === undefined || size === before?.size) &&
      isEqual(now.etag, before?.etag) &&
      isEqual(now.modified, before?.modified)
    )
  }

  async #readWhole(response: Response, maxWhole: number): Promise<RangeAnswer> {
    const told = Number(response.headers.get('content-length') ?? Number.NaN)
    const bytes = told > maxWhole ? undefined : await this.#body(response, told, maxWhole)
    if (bytes === undefined) {
      await response.body?.cancel().catch(() => undefined)
      throw new UnavailableError(
        'ERR_HTTP_SOURCE_NO_RANGES',
        `expected a server that knows ranges, or a file of at most ${maxWhole} bytes: ${this.shownUrl} is neither; download it first`,
      )
    }
    return { bytes, size: bytes.byteLength, isWhole: true }
  }

  /** Reads `length` bytes, or where that is not known all; `undefined` where they are more than `limit`. */
  async #body(response: Response, length: number, limit?: number): Promise<Uint8Array>
  async #body(response: Response, length: number, limit: number): Promise<Uint8Array | undefined>
  async #body(response: Response, length: number, limit = length): Promise<Uint8Array | undefined> {
    const pieces: Uint8Array[] = []
    let taken = 0
    try {
      for await (const piece of response.body ?? []) {
        taken += piece.byteLength
        if (taken > limit && Number.isNaN(length)) return undefined
        if (taken > limit) break
        pieces.push(piece)
      }
    } catch (cause) {
      throw this.#failed(cause)
    }
    if (!Number.isNaN(length) && taken !== length) {
      throw new UnavailableError(
        'ERR_HTTP_SOURCE_BROKEN_OFF',
        `expected ${length} bytes of ${this.shownUrl}, found ${taken}`,
      )
    }
    return Buffer.concat(pieces, taken)
  }

  async #refused(response: Response): Promise<UnavailableError> {
    await response.body?.cancel()
    const { status, statusText } = response
    return new UnavailableError(
      'ERR_HTTP_SOURCE_STATUS',
      `expected a part of ${this.shownUrl}, the server answered ${status} ${statusText}`.trim(),
    )
  }

  #failed(cause: unknown): UnavailableError {
    if (cause instanceof UnavailableError) return cause
    if (cause instanceof Error && cause.name === 'TimeoutError') {
      return new UnavailableError(
        'ERR_HTTP_SOURCE_TIMEOUT',
        `${this.shownUrl} was not read within ${this.#timeoutMs / 1000} s`,
        { cause },
      )
    }
    const reason =
      cause instanceof Error ? (cause.cause instanceof Error ? cause.cause.message : cause.message) : String(cause)
    return new UnavailableError('ERR_HTTP_SOURCE_UNREACHABLE', `${this.shownUrl} cannot be read: ${reason}`, { cause })
  }
}

function isHttp({ protocol }: URL): boolean {
  return protocol === 'http:' || protocol === 'https:'
}

function versionOf({ headers }: Response): Omit<Version, 'size'> {
  return { etag: headers.get('etag') ?? undefined, modified: headers.get('last-modified') ?? undefined }
}

/** `bytes 0-9/100`; `undefined` where the header is missing or of another form. */
function contentRange({ headers }: Response): { start: number; end: number; size: number | undefined } | undefined {
  const found = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(headers.get('content-range') ?? '')
  if (found === null) return undefined
  const [, start, end, size] = found
  return { start: Number(start), end: Number(end), size: size === '*' ? undefined : Number(size) }
}
