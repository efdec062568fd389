/** The public keys of an outside issuer (JWKS, RFC 7517 section 5), from a file or an address, kept while they cannot be had anew. */
import { readFile } from 'node:fs/promises'
import { type CryptoKey, importJWK, type JWK } from 'jose'
import { ConfigError, describeError, UnavailableError } from '../../../errors.ts'
import type { TokenAlgorithm } from './algorithms.ts'

const MAX_BYTES = 256 * 1024
const MAX_KEYS = 64
const FETCH_MS = 5_000
/** A set is asked for anew after this, milliseconds. */
const FRESH_MS = 5 * 60_000
/** A set that cannot be had anew is believed for so long. */
export const STALE_MS = 24 * 3600_000
/** Between two attempts, whatever asks for them: unknown key ids are easily made up. */
export const RETRY_MS = 10_000
const CURVES: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }
/** Shorter secrets are guessed (RFC 7518 section 3.2). */
const MIN_SECRET_BYTES = 32

/** A key of a set, ready to verify. */
export interface VerifyingKey {
  readonly kid: string | undefined
  readonly key: CryptoKey | Uint8Array
}

export interface KeySetOptions {
  /** File, or http(s) address. */
  readonly source: string
  readonly algorithm: TokenAlgorithm
  /** Monotonic clock, milliseconds. */
  readonly now?: () => number
  /** Called when the keys could not be had. */
  readonly onFailure?: (error: unknown) => void
}

export class KeySet {
  readonly #options: KeySetOptions
  readonly #now: () => number
  #keys: readonly VerifyingKey[] = []
  #loadedAt = Number.NEGATIVE_INFINITY
  #triedAt = Number.NEGATIVE_INFINITY
  #loading: Promise<void> | undefined

  constructor(options: KeySetOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  /**
   * Keys that may have signed with this `kid`; all without one. Waits for the issuer only when there is nothing at hand. Throws
   * UnavailableError ERR_TOKEN_KEYS when there was no good set in the last 24 hours.
   */
  async find(kid: string | undefined): Promise<readonly VerifyingKey[]> {
    const age = this.#now() - this.#loadedAt
    if (age > FRESH_MS) {
      const loading = this.#load()
      if (age > STALE_MS) await loading
    }
    if (this.#now() - this.#loadedAt > STALE_MS) {
      throw new UnavailableError('ERR_TOKEN_KEYS', 'the keys of the issuer of this token cannot be had')
    }
    if (kid === undefined) return this.#keys
    const found = this.#withId(kid)
    if (found.length > 0) return found
    await this.#load()
    return this.#withId(kid)
  }

  #withId(kid: string): readonly VerifyingKey[] {
    return this.#keys.filter((key) => key.kid === kid)
  }

  /** One attempt at a time, for all who wait. Never rejects. */
  #load(): Promise<void> {
    if (this.#loading !== undefined) return this.#loading
    if (this.#now() - this.#triedAt < RETRY_MS) return Promise.resolve()
    this.#triedAt = this.#now()
    this.#loading = this.#read()
      .then((keys) => {
        this.#keys = keys
        this.#loadedAt = this.#now()
      })
      .catch((error: unknown) => this.#options.onFailure?.(error))
      .finally(() => {
        this.#loading = undefined
      })
    return this.#loading
  }

  async #read(): Promise<readonly VerifyingKey[]> {
    const { source, algorithm } = this.#options
    const text = /^https?:\/\//i.test(source) ? await download(source) : await readSmall(source)
    const set: unknown = JSON.parse(text)
    const list = (set as { keys?: unknown } | null)?.keys
    if (!Array.isArray(list) || list.length > MAX_KEYS)
      throw new ConfigError('ERR_TOKEN_KEYS', `expected at most ${MAX_KEYS} keys`)
    const keys: VerifyingKey[] = []
    for (const jwk of list as readonly JWK[]) {
      const key = await importKey(jwk, algorithm)
      if (key !== undefined) keys.push({ kid: typeof jwk.kid === 'string' ? jwk.kid : undefined, key })
    }
    if (keys.length === 0) throw new ConfigError('ERR_TOKEN_KEYS', `expected a key for ${algorithm}, found none`)
    return keys
  }
}

/** `undefined`: not for this algorithm, or not for signatures. Its type must be the algorithm's: a public key is never a secret. */
async function importKey(jwk: JWK, algorithm: TokenAlgorithm): Promise<CryptoKey | Uint8Array | undefined> {
  if (typeof jwk !== 'object' || jwk === null) return undefined
  if (jwk.alg !== undefined && jwk.alg !== algorithm) return undefined
  if (jwk.use !== undefined && jwk.use !== 'sig') return undefined
  if (algorithm.startsWith('HS')) {
    if (jwk.kty !== 'oct' || typeof jwk.k !== 'string') return undefined
    const secret = Buffer.from(jwk.k, 'base64url')
    return secret.byteLength < MIN_SECRET_BYTES ? undefined : secret
  }
  const { kty, crv, x, y } = jwk
  if (kty !== 'EC' || crv === undefined || crv !== CURVES[algorithm]) return undefined
  if (x === undefined || y === undefined) return undefined
  // The public half only, whatever else is in the file.
  return importJWK({ kty, crv, x, y }, algorithm).catch(() => undefined)
}

async function download(url: string): Promise<string> {
  const response = await fetch(url, {
    redirect: 'error',
    headers: { accept: 'application/jwk-set+json, application/json' },
    signal: AbortSignal.timeout(FETCH_MS),
  })
  if (!response.ok || response.body === null) {
    await response.body?.cancel()
    throw new UnavailableError('ERR_TOKEN_KEYS', `expected status 200, found ${response.status}`)
  }
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of response.body) {
    size += piece.byteLength
    if (size > MAX_BYTES) throw tooLarge()
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

async function readSmall(file: string): Promise<string> {
  try {
    const bytes = await readFile(file)
    if (bytes.byteLength > MAX_BYTES) throw tooLarge()
    return bytes.toString('utf8')
  } catch (cause) {
    throw new ConfigError('ERR_TOKEN_KEYS', `expected a readable file ${file}: ${describeError(cause)}`, { cause })
  }
}

function tooLarge(): ConfigError {
  return new ConfigError('ERR_TOKEN_KEYS', `expected at most ${MAX_BYTES} bytes of keys`)
}
