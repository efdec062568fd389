/** The outside of a token (RFC 7515 section 7.1), looked at before any signature is: what is strange is refused there. */
import { PeerError } from '../../../errors.ts'

/** Characters of a token: what the licence model of DASH-IF allows. */
export const MAX_TOKEN = 5000
/** No issuer that we know of sends these, and nothing they point to is ever fetched or believed (RFC 8725 section 3.10). */
const FOREIGN_KEYS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'zip', 'b64']
const MAX_KID = 256

/** What must be known to choose the key. Nothing of it is to be trusted yet. */
export interface TokenOutside {
  readonly algorithm: string
  readonly kid: string | undefined
  readonly issuer: string
}

/** Whether this secret is a token and not a key: nothing else has two dots and begins like a JSON object in base64url. */
export function looksLikeToken(secret: string): boolean {
  return /^eyJ[\w-]*\.[\w-]*\.[\w-]*$/.test(secret)
}

/** Throws PeerError ERR_TOKEN_INVALID. */
export function readOutside(token: string): TokenOutside {
  if (token.length > MAX_TOKEN) throw invalid(`a token of at most ${MAX_TOKEN} characters`)
  const [head = '', body = '', signature = ''] = token.split('.')
  if (signature === '') throw invalid('a signature')
  const header = readObject(head)
  const payload = readObject(body)
  const { alg, kid } = header
  if (typeof alg !== 'string' || (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID))) {
    throw invalid('alg and kid as text in its header')
  }
  if (FOREIGN_KEYS.some((name) => Object.hasOwn(header, name))) throw invalid('no key and no address in its header')
  if (typeof payload['iss'] !== 'string') throw invalid('iss as text')
  return { algorithm: alg, kid, issuer: payload['iss'] }
}

function readObject(part: string): Record<string, unknown> {
  const text = Buffer.from(part, 'base64url').toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw invalid('JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('a JSON object')
  // Of two claims of one name different readers take different ones (RFC 7519 section 4).
  if (countNames(text) !== Object.keys(value).length) throw invalid('each name once')
  return value as Record<string, unknown>
}

/** Names of the outermost object; the text is JSON already. */
function countNames(json: string): number {
  let depth = 0
  let names = 0
  for (const [part] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (part === '{' || part === '[') depth++
    else if (part === '}' || part === ']') depth--
    else if (part === ':' && depth === 1) names++
  }
  return names
}

function invalid(expected: string): PeerError {
  return new PeerError('ERR_TOKEN_INVALID', `expected ${expected} in the token`)
}
