/** Is this token right? Signature, issuer and time; what it opens is asked of its claims. */
import { createHash } from 'node:crypto'
import { errors, jwtVerify } from 'jose'
import { PeerError } from '../../../errors.ts'
import type { TokenAlgorithm } from './algorithms.ts'
import { LEEWAY_SECONDS, MAX_LIFE_SECONDS, readClaims, type TokenClaims } from './claims.ts'
import { readOutside, type TokenOutside } from './compact-form.ts'
import { KeySet, type KeySetOptions, type VerifyingKey } from './key-set.ts'
import { OWN_ALGORITHM, OWN_ISSUER } from './own-tokens.ts'

/** An issuer that is believed, as in the settings. */
export interface IssuerSettings {
  /** File or address of its JWKS. */
  readonly jwks: string
  readonly algorithm: TokenAlgorithm
  /** What `aud` must say; absent: it is not looked at. */
  readonly audience?: string | undefined
}

export interface TokenVerifierOptions {
  readonly ownKey: Uint8Array
  /** By the text of `iss`. */
  readonly issuers?: Readonly<Record<string, IssuerSettings>>
  /** Wall clock, milliseconds. */
  readonly now?: () => number
  /** Called when an issuer's keys could not be had. */
  readonly onFailure?: (issuer: string, error: unknown) => void
  readonly keySet?: Pick<KeySetOptions, 'now'>
}

/** Tokens whose signature is known to be right; the longest unused is forgotten first. */
const MAX_KNOWN = 10_000

interface Issuer {
  readonly algorithm: string
  readonly audience: string | undefined
  /** Before the ids of its tokens. */
  readonly owner: string
  readonly find: (kid: string | undefined) => Promise<readonly VerifyingKey[]>
}

export class TokenVerifier {
  readonly #issuers = new Map<string, Issuer>()
  readonly #known = new Map<string, TokenClaims>()
  readonly #now: () => number

  constructor({ ownKey, issuers = {}, now = Date.now, onFailure, keySet = {} }: TokenVerifierOptions) {
    this.#now = now
    for (const [name, { jwks, algorithm, audience }] of Object.entries(issuers)) {
      const set = new KeySet({ source: jwks, algorithm, onFailure: (error) => onFailure?.(name, error), ...keySet })
      this.#issuers.set(name, { algorithm, audience, owner: `${name}:`, find: (kid) => set.find(kid) })
    }
    // Last: nobody else signs in this name.
    const own = [{ kid: undefined, key: ownKey }]
    this.#issuers.set(OWN_ISSUER, {
      algorithm: OWN_ALGORITHM,
      audience: undefined,
      owner: '',
      find: (kid) => Promise.resolve(kid === undefined ? own : []),
    })
  }

  /**
   * Throws PeerError ERR_TOKEN_INVALID for what nobody we trust has signed, ERR_TOKEN_EXPIRED for what was right once or is not yet, and what
   * `KeySet.find` throws.
   */
  async verify(token: string): Promise<TokenClaims> {
    const digest = digestOf(token)
    const known = this.#known.get(digest)
    const claims = known ?? (await this.#check(token))
    if (claims.expiresAt + LEEWAY_SECONDS <= this.#now() / 1000) {
      this.#known.delete(digest)
      throw expired()
    }
    if (known === undefined || this.#known.size >= MAX_KNOWN) this.#remember(digest, claims)
    return claims
  }

  async #check(token: string): Promise<TokenClaims> {
    const outside = readOutside(token)
    const issuer = this.#issuers.get(outside.issuer)
    // The issuer's algorithm counts, not the token's.
    if (issuer === undefined || issuer.algorithm !== outside.algorithm) throw unknown()
    const payload = await this.#payloadOf(token, issuer, outside)
    // Of what is signed: signatures can be written in more than one way, and each would be another id.
    const signed = digestOf(token.slice(0, token.lastIndexOf('.')))
    const claims = readClaims(payload, issuer.owner, `${issuer.owner}sha256-${signed}`)
    if (claims.expiresAt > this.#now() / 1000 + MAX_LIFE_SECONDS + LEEWAY_SECONDS) {
      throw new PeerError('ERR_TOKEN_INVALID', `expected a token that lives ${MAX_LIFE_SECONDS} seconds at most`)
    }
    return claims
  }

  async #payloadOf(token: string, { algorithm, audience, find }: Issuer, { kid, issuer }: TokenOutside) {
    for (const { key } of await find(kid)) {
      try {
        const { payload } = await jwtVerify(token, key, {
          algorithms: [algorithm],
          issuer,
          clockTolerance: LEEWAY_SECONDS,
          currentDate: new Date(this.#now()),
          requiredClaims: ['exp'],
          ...(audience === undefined ? {} : { audience }),
        })
        return payload
      } catch (error) {
        if (error instanceof errors.JWTExpired) throw expired()
        if (error instanceof errors.JWTClaimValidationFailed) {
          if (error.claim === 'nbf' && error.reason === 'check_failed') throw notYet()
          throw new PeerError('ERR_TOKEN_INVALID', `expected another ${error.claim} in the token`)
        }
        // Another key of the set may fit.
        if (error instanceof errors.JWSSignatureVerificationFailed) continue
        throw unknown(error)
      }
    }
    throw unknown()
  }

  #remember(digest: string, claims: TokenClaims): void {
    this.#known.delete(digest)
    this.#known.set(digest, claims)
    if (this.#known.size <= MAX_KNOWN) return
    const [oldest] = this.#known.keys()
    if (oldest !== undefined) this.#known.delete(oldest)
  }
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

function unknown(cause?: unknown): PeerError {
  return new PeerError('ERR_TOKEN_INVALID', 'expected a token that a trusted issuer has signed', { cause })
}

function expired(): PeerError {
  return new PeerError('ERR_TOKEN_EXPIRED', 'the token has expired')
}

function notYet(): PeerError {
  return new PeerError('ERR_TOKEN_EXPIRED', 'the token is not good yet')
}
