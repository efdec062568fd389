/** A client's answer to a challenge: Basic (RFC 7617) and Digest (RFC 7616, and RFC 2069 for servers of old). */
import { createHash } from 'node:crypto'

/** Characters of all challenges of one answer that are looked at. */
const MAX_CHALLENGE_LENGTH = 8192
const HASHES: Readonly<Record<string, string>> = { md5: 'md5', 'sha-256': 'sha256', '': 'md5' }

/** What the address said before its host. */
export interface UserPassword {
  readonly user: string
  readonly password: string
}

/** User and password of an address, percent-decoded; `undefined`: it has none. */
export function userPasswordOf(url: URL): UserPassword | undefined {
  if (url.username === '' && url.password === '') return undefined
  return { user: decode(url.username), password: decode(url.password) }
}

interface Challenge {
  /** In lower case. */
  readonly scheme: string
  readonly parameters: ReadonlyMap<string, string>
}

/** Answers one challenge for every request that follows. */
export class ClientAuthorization {
  readonly #who: UserPassword
  readonly #challenge: Challenge
  readonly #cnonce: string
  #count = 0

  private constructor(who: UserPassword, challenge: Challenge, cnonce: string) {
    this.#who = who
    this.#challenge = challenge
    this.#cnonce = cnonce
  }

  /**
   * The best of the schemes offered, Digest before Basic; `undefined`: none of them is known here. `values` are those of the
   * `WWW-Authenticate` (or `Proxy-Authenticate`) headers, `cnonce` is random.
   */
  static answering(values: readonly string[], who: UserPassword, cnonce: string): ClientAuthorization | undefined {
    const challenges = values.flatMap((value) => parseChallenges(value.slice(0, MAX_CHALLENGE_LENGTH)))
    const digest = challenges.find(({ scheme, parameters }) => scheme === 'digest' && canDigest(parameters))
    const chosen = digest ?? challenges.find(({ scheme }) => scheme === 'basic')
    return chosen && new ClientAuthorization(who, chosen, cnonce)
  }

  /** The server took the answer for right but old: a new one may succeed. */
  static isStale(values: readonly string[]): boolean {
    return values.some((value) =>
      parseChallenges(value.slice(0, MAX_CHALLENGE_LENGTH)).some(
        ({ parameters }) => parameters.get('stale')?.toLowerCase() === 'true',
      ),
    )
  }

  /** Value of the `Authorization` header of one request. `target` is what stands in its request line. */
  header(method: string, target: string): string {
    const { user, password } = this.#who
    if (this.#challenge.scheme === 'basic') {
      return `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`
    }
    const { parameters } = this.#challenge
    const realm = parameters.get('realm') ?? ''
    const nonce = parameters.get('nonce') ?? ''
    const algorithm = parameters.get('algorithm')
    const hash = (text: string) =>
      createHash(HASHES[algorithm?.toLowerCase() ?? ''] ?? 'md5')
        .update(text, 'utf8')
        .digest('hex')
    const secret = hash(`${user}:${realm}:${password}`)
    const request = hash(`${method}:${target}`)
    const count = (++this.#count).toString(16).padStart(8, '0')
    const protects = parameters.has('qop')
    const response = hash(
      protects ? `${secret}:${nonce}:${count}:${this.#cnonce}:auth:${request}` : `${secret}:${nonce}:${request}`,
    )
    const opaque = parameters.get('opaque')
    return [
      `Digest username="${quoted(user)}"`,
      `realm="${quoted(realm)}"`,
      `nonce="${quoted(nonce)}"`,
      `uri="${target}"`,
      ...(algorithm === undefined ? [] : [`algorithm=${algorithm}`]),
      `response="${response}"`,
      ...(protects ? [`qop=auth`, `nc=${count}`, `cnonce="${this.#cnonce}"`] : []),
      ...(opaque === undefined ? [] : [`opaque="${quoted(opaque)}"`]),
    ].join(', ')
  }
}

function canDigest(parameters: ReadonlyMap<string, string>): boolean {
  const qop = parameters.get('qop')
  const offersAuth = qop === undefined || qop.split(',').some((one) => one.trim().toLowerCase() === 'auth')
  return parameters.has('nonce') && offersAuth && HASHES[parameters.get('algorithm')?.toLowerCase() ?? ''] !== undefined
}

/** One header may hold several challenges; their commas are those of their parameters (RFC 9110 section 11.6.1). */
function parseChallenges(value: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = []
  const part =
    /\s*,*\s*([A-Za-z0-9!#$%&'*+.^_`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))|(\s+[A-Za-z0-9+/._~-]+=*(?=\s*(?:,|$)))?)/y
  while (part.lastIndex < value.length) {
    const match = part.exec(value)
    if (match === null) break
    const [whole, name = '', quotedText, text] = match
    const isParameter = /=/.test(
      whole
        .slice(whole.indexOf(name) + name.length)
        .trimStart()
        .slice(0, 1),
    )
    const last = challenges.at(-1)
    if (!isParameter) challenges.push({ scheme: name.toLowerCase(), parameters: new Map() })
    else if (quotedText !== undefined) last?.parameters.set(name.toLowerCase(), quotedText.replaceAll(/\\(.)/g, '$1'))
    else last?.parameters.set(name.toLowerCase(), text ?? '')
  }
  return challenges
}

function quoted(text: string): string {
  return text.replaceAll(/["\\]/g, '\\$&')
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
