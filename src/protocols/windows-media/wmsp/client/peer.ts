/** The server of a client session, as far as it is known: its address, what its answers said of it, and what it is to be told (MS-WMSP 3.1.5.1, 3.1.5.3). */
import { PeerError, UnavailableError } from '../../../../errors.ts'
import { ClientAuthorization, userPasswordOf } from '../../client-authorization.ts'
import type { HeaderLine } from '../../message-head.ts'
import { type Pragma, parsePragma } from '../../pragma.ts'
import { atLeast, parseServer, type ServerProduct } from '../../product.ts'
import type { WmResponse } from '../../response-reader.ts'
import { ClientCookies } from './cookies.ts'
import { type ClientIdentity, type RequestContext, requestTarget } from './request.ts'

/** Addresses that a server may send a client to, one after the other. */
export const MAX_REDIRECTS = 5
/** Challenges in a row that are answered: the first one, and one more whose answer was right but late. */
const MAX_CHALLENGES = 2
/** Between two keep-alives, milliseconds, where the server does not say. */
const DEFAULT_TIMEOUT_MS = 60_000
/** Feature tokens that are looked at. */
const MAX_FEATURES = 64
const PREDICTS = 'com.microsoft.wm.predstrm'
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }
const REMOTE_LOGS = /x-wms-event-subscription="[^"]*\bremote-log\b/i
/** Characters of a server's own words that we repeat. */
const MAX_WORDS = 100

/** Where to connect. */
export interface ClientAddress {
  readonly host: string
  readonly port: number
  readonly tls: boolean
}

/** What an answer means for the request: its body is wanted, it is to be asked again with credentials, or it is to be asked elsewhere. */
export type AnswerKind = 'accepted' | 'challenged' | 'redirected'

export class ClientPeer {
  readonly #identity: ClientIdentity
  readonly #cnonce: string
  readonly #cookies = new ClientCookies()
  #url: URL
  #proxy: URL | undefined
  #redirects = 0
  #challenges = 0
  #authorization: ClientAuthorization | undefined
  #proxyAuthorization: ClientAuthorization | undefined
  #clientId: number | undefined
  #server: ServerProduct | undefined
  #predicts = true
  #features: ReadonlySet<string> = new Set()
  #timeoutMs = DEFAULT_TIMEOUT_MS
  #playlistGenId = 0
  #takesRemoteLogs = false

  /** `url` has the scheme mms, mmsh, http or https; `cnonce` is random text for Digest. */
  constructor(url: URL, identity: ClientIdentity, cnonce: string) {
    this.#url = httpUrl(url)
    this.#identity = identity
    this.#cnonce = cnonce
  }

  get url(): URL {
    return this.#url
  }

  /** Of the server, or of the proxy that it named. */
  get address(): ClientAddress {
    const { protocol, hostname, port } = this.#proxy ?? this.#url
    return {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? (DEFAULT_PORTS[protocol] ?? 80) : Number(port),
      tls: protocol === 'https:',
    }
  }

  /** `undefined` before the first answer. */
  get server(): ServerProduct | undefined {
    return this.#server
  }

  /** It reads logs in XML, and knows remote events. */
  get isModern(): boolean {
    return this.#server?.token === 'Cougar' && atLeast(this.#server, 9)
  }

  /** It asked for logs of what is shown (MS-WMSP 2.2.1.1.10). */
  get takesRemoteLogs(): boolean {
    return this.#takesRemoteLogs && this.isModern
  }

  /** `seekable`, `broadcast` …; what stands in `$M` overrides the header. */
  get features(): ReadonlySet<string> {
    return this.#features
  }

  /** Both sides let the server choose the first streams of an entry. */
  get predicts(): boolean {
    return this.#predicts && this.#identity.predictive
  }

  /** An idle session is gone after this long without a request. */
  get timeoutMs(): number {
    return this.#timeoutMs
  }

  /** Entry of the server's playlist; 0: none. */
  get playlistGenId(): number {
    return this.#playlistGenId
  }

  /** What the next request carries. */
  context(): RequestContext {
    return {
      ...this.#identity,
      url: this.#url,
      viaProxy: this.#proxy !== undefined,
      clientId: this.#clientId,
      cookie: this.#cookies.header(this.#url),
      authorize: (method, target) => this.#authorize(method, target),
    }
  }

  /**
   * Takes the head of an answer to Describe or Play. Throws PeerError ERR_WMSP_DENIED, ERR_WMSP_REDIRECTS, ERR_WMSP_REFUSED and
   * ERR_WMSP_SERVER, UnavailableError ERR_WMSP_NOT_FOUND and ERR_WMSP_STATUS, and what reading Pragma throws.
   */
  take(response: WmResponse): AnswerKind {
    const { status } = response
    this.#cookies.store(this.#url, response.headerAll('set-cookie'))
    if (status === 401 || status === 407) {
      this.#answerChallenge(response)
      return 'challenged'
    }
    const location = response.header('location')
    if (status >= 300 && status <= 308 && status !== 306 && location !== undefined) {
      this.#redirect(status, location)
      return 'redirected'
    }
    if (status !== 200) throw refusal(response)
    this.#challenges = 0
    this.#server = parseServer(response.header('server'))
    if (this.#server === undefined) {
      const found = JSON.stringify((response.header('server') ?? '').slice(0, MAX_WORDS))
      throw new PeerError('ERR_WMSP_SERVER', `expected a Windows Media server, Cougar or Rex, found ${found}`)
    }
    this.takePragma(parsePragma(response.headerAll('pragma')))
    this.#takesRemoteLogs = REMOTE_LOGS.test(response.headerAll('cache-control').join(','))
    const supported = response.headerAll('supported').join(',')
    if (supported !== '') {
      const tokens = supported.toLowerCase().split(',', MAX_FEATURES)
      this.#predicts = tokens.some((token) => token.trim() === PREDICTS)
    }
    return 'accepted'
  }

  /** Tokens of an answer, or those at the start of a `$M`. */
  takePragma(pragma: Pragma): void {
    this.#clientId = pragma.u32('client-id') ?? this.#clientId
    this.#timeoutMs = Math.max(1000, pragma.u32('timeout') ?? this.#timeoutMs)
    this.#playlistGenId = pragma.u32('playlist-gen-id') ?? this.#playlistGenId
    if (pragma.has('features')) this.#features = pragma.features
  }

  #authorize(method: string, target: string): HeaderLine[] {
    const lines: HeaderLine[] = []
    if (this.#authorization !== undefined) lines.push(['Authorization', this.#authorization.header(method, target)])
    if (this.#proxyAuthorization !== undefined) {
      lines.push(['Proxy-Authorization', this.#proxyAuthorization.header(method, target)])
    }
    return lines
  }

  #answerChallenge(response: WmResponse): void {
    const isProxy = response.status === 407
    const values = response.headerAll(isProxy ? 'proxy-authenticate' : 'www-authenticate')
    const who = userPasswordOf(isProxy && this.#proxy !== undefined ? this.#proxy : this.#url)
    const denied = (message: string) => new PeerError('ERR_WMSP_DENIED', message)
    if (who === undefined)
      throw denied(
        `${requestTarget({ url: this.#url, viaProxy: false }).split('?')[0]} needs user:password@ in its address`,
      )
    const tried = isProxy ? this.#proxyAuthorization : this.#authorization
    if (++this.#challenges > MAX_CHALLENGES || (tried !== undefined && !ClientAuthorization.isStale(values))) {
      throw denied('the server refuses the user and password of the address')
    }
    const answer = ClientAuthorization.answering(values, who, this.#cnonce)
    if (answer === undefined) {
      throw denied(
        `expected a challenge of Digest or Basic, found ${JSON.stringify(values.join(', ').slice(0, MAX_WORDS))}`,
      )
    }
    if (isProxy) this.#proxyAuthorization = answer
    else this.#authorization = answer
  }

  #redirect(status: number, location: string): void {
    if (++this.#redirects > MAX_REDIRECTS) {
      throw new PeerError('ERR_WMSP_REDIRECTS', `expected at most ${MAX_REDIRECTS} redirects, found another one`)
    }
    const target = locationUrl(location, this.#url)
    if (status === 305) {
      this.#proxy = target
      this.#proxyAuthorization = undefined
      return
    }
    const stays = target.host === this.#url.host && target.protocol === this.#url.protocol
    if (stays && target.username === '' && target.password === '') {
      target.username = this.#url.username
      target.password = this.#url.password
    }
    // What was meant for one server is not shown to another.
    if (!stays) {
      this.#authorization = undefined
      this.#proxy = undefined
      this.#clientId = undefined
    }
    this.#url = target
  }
}

/** Names for playing over HTTP. */
const PLAYING_SCHEMES = new Set(['mms:', 'mmsh:'])

/** The same address under the scheme that the bytes have. */
function httpUrl(url: URL): URL {
  if (url.protocol === 'http:' || url.protocol === 'https:') return url
  const text = `http:${url.href.slice(url.protocol.length)}`
  if (!PLAYING_SCHEMES.has(url.protocol) || url.hostname === '' || !URL.canParse(text)) {
    const found = JSON.stringify(`${url.protocol}//${url.host}`)
    throw new PeerError('ERR_WMSP_URL', `expected mms://HOST/PATH or mmsh://HOST/PATH, found ${found}`)
  }
  return new URL(text)
}

function locationUrl(location: string, base: URL): URL {
  const found = JSON.stringify(location.slice(0, MAX_WORDS))
  if (!URL.canParse(location, base)) throw new PeerError('ERR_WMSP_REDIRECTS', `expected an address, found ${found}`)
  const target = new URL(location, base)
  if (!PLAYING_SCHEMES.has(target.protocol) && target.protocol !== 'http:' && target.protocol !== 'https:') {
    throw new PeerError('ERR_WMSP_REDIRECTS', `expected an address of http, mms or mmsh, found ${found}`)
  }
  return httpUrl(target)
}

function refusal({ status, reason }: WmResponse): PeerError | UnavailableError {
  const words = `${status} ${JSON.stringify(reason.slice(0, MAX_WORDS))}`
  if (status === 404 || status === 410) {
    return new UnavailableError('ERR_WMSP_NOT_FOUND', `the server does not have the stream: ${words}`)
  }
  if (status === 403) return new PeerError('ERR_WMSP_DENIED', `the server refuses: ${words}`)
  if (status >= 500 || status === 408 || status === 429) {
    return new UnavailableError('ERR_WMSP_STATUS', `the server cannot serve now: ${words}`)
  }
  return new PeerError('ERR_WMSP_REFUSED', `the server refused: ${words}`)
}
