/** HTTP Digest, the server's side: challenges and their answers, with nothing kept but counts of nonces in use (RFC 7616). */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** Milliseconds a nonce may be used; after that the peer is told to take another one (`stale`). */
export const NONCE_LIFE_MS = 60_000
/** Nonces whose counts are kept: only of peers that have proved a secret. */
export const MAX_COUNTED_NONCES = 10_000
/** A longer `Authorization` value shows nothing. */
const MAX_AUTHORIZATION_LENGTH = 4096

const HASHES = { 'SHA-256': 'sha256', MD5: 'md5' } as const
export type DigestAlgorithm = keyof typeof HASHES

const STAMP_LENGTH = 8
const RANDOM_LENGTH = 8
const MAC_LENGTH = 16

export interface DigestServerOptions {
  /** Visible ASCII without quotes and backslashes. */
  readonly realm: string
  /** Monotonic clock, milliseconds. */
  readonly now: () => number
  /** Signs nonces. Default: random, so that nonces end with the process. */
  readonly key?: Uint8Array
}

/**
 * What an `Authorization: Digest` shows. `stale`: the nonce is too old or was used; ask again. `invalid`: it is no answer to a
 * challenge of this server.
 */
export type DigestAnswer = { readonly type: 'invalid' | 'stale' } | DigestClaim

export interface DigestClaim {
  readonly type: 'claim'
  readonly user: string
  /** True when the peer knows this secret as the user's password. Once true its count is used up, and stays true for this answer. */
  readonly proves: (secret: string) => boolean
}

/** Makes challenges and judges answers to them. */
export class DigestServer {
  readonly #realm: string
  readonly #now: () => number
  readonly #key: Uint8Array
  /** Highest count per nonce, in the order of first use. */
  readonly #counts = new Map<string, { readonly issuedAt: number; count: number }>()
  /** Nonces up to this time that are not counted may have been forgotten. */
  #forgottenUpTo = Number.NEGATIVE_INFINITY

  constructor({ realm, now, key = randomBytes(32) }: DigestServerOptions) {
    this.#realm = realm
    this.#now = now
    this.#key = key
  }

  /** Nonces that are counted now. */
  get counted(): number {
    return this.#counts.size
  }

  /** Value of a `WWW-Authenticate` header. `stale`: the peer need not ask its user again. */
  challenge(algorithm: DigestAlgorithm, stale = false): string {
    const parts = [`realm="${this.#realm}"`, 'qop="auth"', `algorithm=${algorithm}`, `nonce="${this.#issue()}"`]
    if (stale) parts.push('stale=true')
    return `Digest ${parts.join(', ')}`
  }

  /** `target` is what stands in the request line; the answer must be for it. `undefined`: the value is of another scheme. */
  judge(authorization: string, method: string, target: string): DigestAnswer | undefined {
    if (!/^digest(?: |$)/i.test(authorization)) return undefined
    const fields = parseFields(authorization)
    const algorithm = algorithmOf(fields?.get('algorithm'))
    const user = fields && userOf(fields)
    if (fields === undefined || algorithm === undefined || user === undefined) return INVALID
    const [nonce = '', uri = '', response = '', cnonce = ''] = FIELDS.map((name) => fields.get(name))
    const countText = fields.get('nc') ?? ''
    const issuedAt = this.#issuedAt(nonce)
    if (
      issuedAt === undefined ||
      fields.get('realm') !== this.#realm ||
      fields.get('qop')?.toLowerCase() !== 'auth' ||
      cnonce === '' ||
      !/^[0-9a-f]{8}$/i.test(countText) ||
      !sameTarget(uri, target)
    ) {
      return INVALID
    }
    const count = Number.parseInt(countText, 16)
    if (!this.#isFresh(nonce, issuedAt, count)) return { type: 'stale' }
    const hash = (text: string) => createHash(HASHES[algorithm]).update(text, 'utf8').digest('hex')
    const rest = `${nonce}:${countText}:${cnonce}:auth:${hash(`${method}:${uri}`)}`
    let proven: string | undefined
    const proves = (secret: string): boolean => {
      const expected = hash(`${hash(`${user}:${this.#realm}:${secret}`)}:${rest}`)
      if (!sameText(response.toLowerCase(), expected)) return false
      if (proven === expected) return true
      // Asked for a second time with the same count: a replay that came while the first was still judged.
      if (!this.#isFresh(nonce, issuedAt, count)) return false
      proven = expected
      this.#count(nonce, issuedAt, count)
      return true
    }
    return { type: 'claim', user, proves }
  }

  /** Time and random bytes, signed. */
  #issue(): string {
    const bytes = Buffer.alloc(STAMP_LENGTH + RANDOM_LENGTH)
    bytes.writeDoubleBE(this.#now())
    randomBytes(RANDOM_LENGTH).copy(bytes, STAMP_LENGTH)
    return Buffer.concat([bytes, this.#sign(bytes)]).toString('base64url')
  }

  #sign(bytes: Uint8Array): Buffer {
    return createHmac('sha256', this.#key).update(bytes).digest().subarray(0, MAC_LENGTH)
  }

  /** When a nonce of this server was made; `undefined` for any other text. */
  #issuedAt(nonce: string): number | undefined {
    const bytes = Buffer.from(nonce, 'base64url')
    // Decoding is lenient: only the one spelling that was given out counts, or one nonce would have several counts.
    if (bytes.byteLength !== STAMP_LENGTH + RANDOM_LENGTH + MAC_LENGTH || bytes.toString('base64url') !== nonce) {
      return undefined
    }
    const signed = bytes.subarray(0, STAMP_LENGTH + RANDOM_LENGTH)
    if (!timingSafeEqual(this.#sign(signed), bytes.subarray(STAMP_LENGTH + RANDOM_LENGTH))) return undefined
    return bytes.readDoubleBE()
  }

  #isFresh(nonce: string, issuedAt: number, count: number): boolean {
    if (this.#now() - issuedAt > NONCE_LIFE_MS) return false
    const known = this.#counts.get(nonce)
    return known === undefined ? issuedAt > this.#forgottenUpTo : count > known.count
  }

  #count(nonce: string, issuedAt: number, count: number): void {
    const known = this.#counts.get(nonce)
    if (known !== undefined) {
      known.count = count
      return
    }
    const now = this.#now()
    for (const [oldest, entry] of this.#counts) {
      if (now - entry.issuedAt <= NONCE_LIFE_MS && this.#counts.size < MAX_COUNTED_NONCES) break
      this.#counts.delete(oldest)
      this.#forgottenUpTo = Math.max(this.#forgottenUpTo, entry.issuedAt)
    }
    this.#counts.set(nonce, { issuedAt, count })
  }
}

const INVALID: DigestAnswer = { type: 'invalid' }
const FIELDS = ['nonce', 'uri', 'response', 'cnonce'] as const

/** `undefined`: broken, or a field stands twice. */
function parseFields(authorization: string): ReadonlyMap<string, string> | undefined {
  if (authorization.length > MAX_AUTHORIZATION_LENGTH) return undefined
  const fields = new Map<string, string>()
  const field = /[\s,]*([A-Za-z*]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))\s*(?=,|$)/y
  field.lastIndex = 'digest '.length
  while (field.lastIndex < authorization.length) {
    const match = field.exec(authorization)
    if (match === null) return undefined
    const [, name = '', quoted, plain = ''] = match
    const key = name.toLowerCase()
    if (fields.has(key)) return undefined
    fields.set(key, quoted?.replaceAll(/\\(.)/g, '$1') ?? plain)
  }
  return fields
}

/** Without a name it is MD5, as in the days before there were others. */
function algorithmOf(name: string | undefined): DigestAlgorithm | undefined {
  const upper = (name ?? 'MD5').toUpperCase()
  return upper === 'MD5' || upper === 'SHA-256' ? upper : undefined
}

/** Header values are read one byte a character, names are UTF-8. Hashed names are never asked for. */
function userOf(fields: ReadonlyMap<string, string>): string | undefined {
  if (fields.get('userhash')?.toLowerCase() === 'true') return undefined
  const extended = /^UTF-8'[^']*'(.*)$/i.exec(fields.get('username*') ?? '')?.[1]
  if (extended === undefined) {
    const name = fields.get('username')
    return name === undefined ? undefined : Buffer.from(name, 'latin1').toString('utf8')
  }
  try {
    return decodeURIComponent(extended)
  } catch {
    return undefined
  }
}

/** Proxies may put scheme and host before one of them. */
function sameTarget(uri: string, target: string): boolean {
  return originForm(uri) === originForm(target)
}

function originForm(target: string): string {
  return target.replace(/^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?]*(?=[/?]|$)/, '') || '/'
}

function sameText(shown: string, expected: string): boolean {
  const a = Buffer.from(shown, 'latin1')
  const b = Buffer.from(expected, 'latin1')
  // The length of a digest is no secret.
  return a.byteLength === b.byteLength && timingSafeEqual(a, b)
}
