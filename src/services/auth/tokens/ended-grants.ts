/** Ends the sessions of tokens that have ended: who shows its token once, at the beginning, is asked nothing afterwards. */
import { PeerError } from '../../../errors.ts'
import type { Session } from '../../../live/sessions.ts'
import { LEEWAY_SECONDS } from './claims.ts'
import type { TokenStore } from './token-store.ts'

/** `nowSeconds`: since 1970. Each is told once; its owner closes it. */
export function endOverdueSessions(
  sessions: Iterable<Session>,
  store: Pick<TokenStore, 'isRevoked'>,
  nowSeconds: number,
): void {
  for (const { start } of [...sessions]) {
    const { grant, close } = start
    if (grant === undefined) continue
    if (grant.expiresAt + LEEWAY_SECONDS <= nowSeconds) {
      close(new PeerError('ERR_TOKEN_EXPIRED', 'the token has expired'))
    } else if (store.isRevoked(grant.tokenId)) {
      close(new PeerError('ERR_TOKEN_REVOKED', 'the token was revoked'))
    }
  }
}
