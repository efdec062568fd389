/** What a token says, after its signature was found right: the claims of RFC 7519 section 4.1 and our own. */
import { BlockList, isIP } from 'node:net'
import { PeerError } from '../../../errors.ts'
import { compilePathPattern } from '../../../live/path-pattern.ts'

/** What a token can open. */
export type TokenAction = 'play' | 'publish'

/** Checked claims, ready to be asked. */
export interface TokenClaims {
  /** Name for revocation and logs: `jti`, behind the issuer's name for foreign tokens. Nothing can be opened with it. */
  readonly id: string
  readonly actions: ReadonlySet<TokenAction>
  /** Whether it is for this path. */
  readonly opensPath: (path: string) => boolean
  /** Content keys it opens, in hexadecimal; `undefined`: all of its paths. */
  readonly keyIds: ReadonlySet<string> | undefined
  /** How many may use it; see `TokenStore.use`. */
  readonly uses: number | undefined
  /** Seconds after which whoever uses it shows it again, or frees its place. */
  readonly renew: number | undefined
  /** Playback session, for the audit log. */
  readonly session: string | undefined
  /** Whether it is for this address. */
  readonly opensFor: (address: string) => boolean
  /** Seconds since 1970. */
  readonly expiresAt: number
}

/** Seconds that clocks may be apart (section 4.1.4). */
export const LEEWAY_SECONDS = 60
/** Seconds a token may live from now on: what is revoked has to be remembered for so long. */
export const MAX_LIFE_SECONDS = 366 * 24 * 3600
export const MAX_USES = 1_000_000
export const MAX_RENEW_SECONDS = 24 * 3600
export const MAX_PATTERN = 200
const MAX_STARS = 8
const MAX_PATHS = 16
const MAX_KEY_IDS = 256
const MAX_ID = 128

/**
 * `payload` is a verified JWT's. `owner`: prefix of the id for foreign issuers, '' for our own. Throws PeerError ERR_TOKEN_INVALID; the message
 * quotes nothing.
 */
export function readClaims(payload: Readonly<Record<string, unknown>>, owner: string, fallbackId: string): TokenClaims {
  const { jti, act, path, kids, uses, renew, sid, ip, exp } = payload
  if (typeof exp !== 'number' || !Number.isFinite(exp)) throw invalid('exp as a number')
  return {
    id: jti === undefined ? fallbackId : `${owner}${text(jti, 'jti', MAX_ID)}`,
    actions: readActions(act),
    opensPath: readPaths(path),
    keyIds: kids === undefined ? undefined : readKeyIds(kids),
    uses: uses === undefined ? undefined : whole(uses, 'uses', MAX_USES),
    renew: renew === undefined ? undefined : whole(renew, 'renew', MAX_RENEW_SECONDS),
    session: sid === undefined ? undefined : text(sid, 'sid', MAX_ID),
    opensFor: ip === undefined ? () => true : readNetwork(text(ip, 'ip', MAX_ID)),
    expiresAt: exp,
  }
}

/** Left out: playing only. */
function readActions(act: unknown): ReadonlySet<TokenAction> {
  if (act === undefined) return new Set(['play'])
  const list: readonly unknown[] = Array.isArray(act) ? act : [act]
  const actions = list.filter((one) => one === 'play' || one === 'publish')
  if (actions.length !== list.length || actions.length === 0 || actions.length > 2)
    throw invalid('act as play, publish or both')
  return new Set(actions)
}

function readPaths(path: unknown): (path: string) => boolean {
  const list: readonly unknown[] = Array.isArray(path) ? path : [path]
  if (list.length === 0 || list.length > MAX_PATHS) throw invalid(`path as a pattern, or at most ${MAX_PATHS}`)
  const patterns = list.map((one) => compilePathPattern(checkPattern(text(one, 'path', MAX_PATTERN))))
  return (asked) => patterns.some((matches) => matches(asked))
}

/** Throws PeerError ERR_TOKEN_INVALID for patterns that would take long to match. */
export function checkPattern(pattern: string): string {
  if (pattern === '' || pattern.length > MAX_PATTERN || pattern.split('*').length - 1 > MAX_STARS) {
    throw invalid(`path of 1 to ${MAX_PATTERN} characters with at most ${MAX_STARS} stars`)
  }
  return pattern
}

/** As hexadecimal, base64url or UUID; all three are in use. */
function readKeyIds(kids: unknown): ReadonlySet<string> {
  if (!Array.isArray(kids) || kids.length > MAX_KEY_IDS) throw invalid(`kids as a list of at most ${MAX_KEY_IDS}`)
  return new Set(
    kids.map((kid: unknown) => {
      const id = typeof kid === 'string' ? keyIdOf(kid) : undefined
      if (id === undefined) throw invalid('kids of 16 bytes in hexadecimal, as UUID or in base64url')
      return id
    }),
  )
}

function keyIdOf(kid: string): string | undefined {
  const hex = kid.replaceAll('-', '').toLowerCase()
  if (kid.length <= 36 && /^[\da-f]{32}$/.test(hex)) return hex
  return /^[\w-]{22}$/.test(kid) ? Buffer.from(kid, 'base64url').toString('hex') : undefined
}

/** An address, or a network like `192.0.2.0/24`. Throws PeerError ERR_TOKEN_INVALID. */
export function readNetwork(network: string): (address: string) => boolean {
  const [address = '', prefix, ...more] = network.split('/')
  const family = isIP(address)
  const bits = prefix === undefined ? (family === 4 ? 32 : 128) : Number(prefix)
  const sound = prefix === undefined || (/^\d{1,3}$/.test(prefix) && bits <= (family === 4 ? 32 : 128))
  if (family === 0 || !sound || more.length > 0) throw invalid('ip as an address or a network like 192.0.2.0/24')
  const list = new BlockList()
  list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6')
  return (asked) => {
    const kind = isIP(asked)
    return kind !== 0 && list.check(asked, kind === 4 ? 'ipv4' : 'ipv6')
  }
}

function text(value: unknown, name: string, limit: number): string {
  if (typeof value !== 'string' || value === '' || value.length > limit) {
    throw invalid(`${name} as text of 1 to ${limit} characters`)
  }
  return value
}

function whole(value: unknown, name: string, limit: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1 || value > limit) {
    throw invalid(`${name} as a whole number from 1 to ${limit}`)
  }
  return value
}

function invalid(expected: string): PeerError {
  return new PeerError('ERR_TOKEN_INVALID', `expected ${expected} in the token`)
}
