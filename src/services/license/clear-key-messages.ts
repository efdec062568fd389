/** Licence requests and licences of Clear Key (W3C Encrypted Media Extensions, section 9.1.3 and 9.1.4). */
import { FormatError } from '../../errors.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'

/** Bytes of a request. */
export const MAX_LICENSE_REQUEST = 16 * 1024
/** Key ids of one request. */
export const MAX_KEY_IDS = 64
/** Bytes of a licence: more than `MAX_KEY_IDS` keys with all that a JWK may say of them. */
export const MAX_LICENSE = 64 * 1024
/** Base64url of 16 bytes, without padding; the last character has four bits that are 0. */
const KEY_ID = /^[\w-]{21}[AQgw]$/

export interface LicenseRequest {
  /** Each once, in the order asked. */
  readonly keyIds: readonly Uint8Array[]
  readonly type: 'temporary' | 'persistent-license'
}

/** Throws FormatError ERR_LICENSE_REQUEST. */
export function parseLicenseRequest(body: Uint8Array): LicenseRequest {
  if (body.byteLength > MAX_LICENSE_REQUEST) throw invalid(`at most ${MAX_LICENSE_REQUEST} bytes`)
  const value = parseJson(body)
  if (value === undefined) throw invalid('JSON in UTF-8')
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('an object')
  const { kids, type = 'temporary' } = value as Record<string, unknown>
  if (!Array.isArray(kids) || kids.length === 0 || kids.length > MAX_KEY_IDS) {
    throw invalid(`kids as a list of 1 to ${MAX_KEY_IDS}`)
  }
  if (type !== 'temporary' && type !== 'persistent-license') throw invalid('type temporary or persistent-license')
  const found = new Map<string, Uint8Array>()
  for (const kid of kids as readonly unknown[]) {
    if (typeof kid !== 'string' || !KEY_ID.test(kid)) throw invalid('kids of 16 bytes in base64url without padding')
    found.set(kid, Uint8Array.from(Buffer.from(kid, 'base64url')))
  }
  return { keyIds: [...found.values()], type }
}

/** A request for a licence that is not kept. */
export function formatLicenseRequest(keyIds: readonly Uint8Array[]): string {
  return JSON.stringify({ kids: keyIds.map((id) => Buffer.from(id).toString('base64url')), type: 'temporary' })
}

/** The keys of a licence, each id once. Throws FormatError ERR_LICENSE_ANSWER, without keys in it. */
export function parseLicense(body: Uint8Array): readonly ContentKey[] {
  const invalidAnswer = (expected: string) =>
    new FormatError('ERR_LICENSE_ANSWER', `expected ${expected} as the answer of the licence server`)
  if (body.byteLength > MAX_LICENSE) throw invalidAnswer(`at most ${MAX_LICENSE} bytes`)
  const { keys } = Object(parseJson(body)) as { keys?: unknown }
  if (!Array.isArray(keys) || keys.length > MAX_KEY_IDS) throw invalidAnswer(`keys as a list of up to ${MAX_KEY_IDS}`)
  const found = new Map<string, ContentKey>()
  for (const one of keys as readonly unknown[]) {
    const { kty, kid, k } = Object(one) as Record<string, unknown>
    if (kty !== 'oct' || typeof kid !== 'string' || typeof k !== 'string' || !KEY_ID.test(kid) || !KEY_ID.test(k)) {
      throw invalidAnswer('JWKs with kty, kid and k of 16 bytes in base64url without padding')
    }
    const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64url'))
    found.set(kid, { id: bytes(kid), key: bytes(k) })
  }
  return [...found.values()]
}

/** A JWK set (RFC 7517, RFC 7518 section 6.4). */
export function formatLicense(keys: readonly ContentKey[], type: LicenseRequest['type']): string {
  return JSON.stringify({
    keys: keys.map(({ id, key }) => ({
      kty: 'oct',
      kid: Buffer.from(id).toString('base64url'),
      k: Buffer.from(key).toString('base64url'),
    })),
    type,
  })
}

/** `undefined`: it is none, in UTF-8. */
function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return undefined
  }
}

function invalid(expected: string): FormatError {
  return new FormatError('ERR_LICENSE_REQUEST', `expected ${expected} in the licence request`)
}
