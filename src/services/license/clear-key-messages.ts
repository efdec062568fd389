/** Licence requests and licences of Clear Key (W3C Encrypted Media Extensions, section 9.1.3 and 9.1.4). */
import { FormatError } from '../../errors.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'

/** Bytes of a request. */
export const MAX_LICENSE_REQUEST = 16 * 1024
/** Key ids of one request. */
export const MAX_KEY_IDS = 64
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
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    throw invalid('JSON in UTF-8')
  }
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

function invalid(expected: string): FormatError {
  return new FormatError('ERR_LICENSE_REQUEST', `expected ${expected} in the licence request`)
}
