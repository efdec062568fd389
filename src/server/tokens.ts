/** Tokens as library calls: with the secrets of a data folder, or by the API of a server that runs. */
import { join } from 'node:path'
import { UnavailableError } from '../errors.ts'
import type { IssuedToken, TokenRequest } from '../services/auth/tokens/own-tokens.ts'
import { loadSecrets } from './secrets.ts'
import { TOKENS_FILE } from './server-access.ts'
import { callServer, expectServerFolder, type RemoteServer, type ServerPlace } from './server-place.ts'

/** Where tokens are made: with the secrets of a data folder, whether its server runs or not, or with a server that runs. */
export type TokenPlace = ServerPlace

/** A token, and what the server that made it says of the path. */
export interface CreatedToken extends IssuedToken {
  /** Everybody may play the path, so that a token to play it changes nothing. `undefined`: nobody was asked. */
  readonly open: boolean | undefined
}

const MAX_ANSWER = 64 * 1024

/** Throws PeerError ERR_TOKEN_INVALID, ConfigError ERR_USAGE for a folder that is no server's, UnavailableError ERR_TOKEN_SERVER with what a server says, and what `createServer` throws for its secrets. */
export async function createToken(place: TokenPlace, request: TokenRequest): Promise<CreatedToken> {
  if ('server' in place) {
    const answer = (await call(place, 'POST', '/api/v1/tokens', request)) as Record<string, unknown>
    return {
      token: String(answer['token']),
      id: String(answer['id']),
      expiresAt: new Date(String(answer['expiresAt'])),
      open: answer['open'] === true,
    }
  }
  const { issueToken, ownTokenKey } = await import('../services/auth/tokens/own-tokens.ts')
  await expectServerFolder(place.data)
  const { secrets } = await loadSecrets(place.data)
  return { ...(await issueToken(ownTokenKey(secrets.masterKey), request)), open: undefined }
}

/** The token opens nothing from the next request on, also where a server runs on the folder. Throws as `createToken` does. */
export async function revokeToken(place: TokenPlace, id: string): Promise<void> {
  if ('server' in place) {
    await call(place, 'DELETE', `/api/v1/tokens/${encodeURIComponent(id)}`)
    return
  }
  await expectServerFolder(place.data)
  const { TokenStore } = await import('../services/auth/tokens/token-store.ts')
  const store = new TokenStore(join(place.data, TOKENS_FILE))
  try {
    store.revoke(id)
  } finally {
    store.close()
  }
}

async function call(place: RemoteServer, method: string, path: string, body?: unknown): Promise<unknown> {
  const text = await callServer(place, { method, path, body, failure, maxBytes: MAX_ANSWER })
  return text === '' ? undefined : JSON.parse(text)
}

function failure(message: string, options?: ErrorOptions): UnavailableError {
  return new UnavailableError('ERR_TOKEN_SERVER', message, options)
}
