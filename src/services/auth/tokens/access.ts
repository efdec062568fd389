/** Tokens as the answer to "may this peer do that": verified, not revoked, for this path, action and address, and with a place left. */
import { PeerError } from '../../../errors.ts'
import type { AccessGrant, AccessRequest } from '../../../live/access.ts'
import { addressGroup, plainAddress } from '../../../net/http/client-address.ts'
import { type IssuedToken, issueToken, type TokenRequest } from './own-tokens.ts'
import { TokenStore } from './token-store.ts'
import { TokenVerifier, type TokenVerifierOptions } from './verifier.ts'

export class TokenAccess {
  readonly store: TokenStore
  readonly #ownKey: Uint8Array
  #verifier: TokenVerifier

  /** `file`: of `TokenStore`. */
  constructor(file: string, options: TokenVerifierOptions) {
    this.store = new TokenStore(file, options.now)
    this.#ownKey = options.ownKey
    this.#verifier = new TokenVerifier(options)
  }

  /** Other issuers hold from now on. */
  configure(options: TokenVerifierOptions): void {
    this.#verifier = new TokenVerifier(options)
  }

  /**
   * Throws what `TokenVerifier.verify` and `TokenStore.use` throw, and PeerError ERR_TOKEN_REVOKED, or ERR_TOKEN_SCOPE when it is for another
   * path, action or address.
   */
  async open(token: string, { action, path, remoteAddress }: AccessRequest): Promise<AccessGrant> {
    const claims = await this.#verifier.verify(token)
    const { id, expiresAt, keyIds, renew, session } = claims
    if (this.store.isRevoked(id)) throw new PeerError('ERR_TOKEN_REVOKED', 'the token was revoked')
    const address = plainAddress(remoteAddress)
    if (!claims.actions.has(action === 'publish' ? 'publish' : 'play')) {
      throw new PeerError(
        'ERR_TOKEN_SCOPE',
        action === 'publish' ? 'the token is not for publishing' : 'the token is not for playing',
      )
    }
    if (!claims.opensPath(path)) throw new PeerError('ERR_TOKEN_SCOPE', 'the token is for another path')
    if (!claims.opensFor(address)) throw new PeerError('ERR_TOKEN_SCOPE', 'the token is for another address')
    this.store.use(claims, addressGroup(address))
    return { tokenId: id, expiresAt, keyIds, renew, session }
  }

  /** See `issueToken`. */
  issue(request: TokenRequest): Promise<IssuedToken> {
    return issueToken(this.#ownKey, request)
  }

  close(): void {
    this.store.close()
  }
}
