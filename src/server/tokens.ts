/** Tokens as library calls: with the secrets of a data folder, or by the API of a server that runs. */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError, UnavailableError } from '../errors.ts'
import type { IssuedToken, TokenRequest } from '../services/auth/tokens/own-tokens.ts'
import { loadSecrets } from './secrets.ts'
import { TOKENS_FILE } from './server-access.ts'

/** Where tokens are made: with the secrets of a data folder, whether its server runs or not, or with a server that runs. */
export type TokenPlace =
  | { readonly data: string }
  /** Address of the server, and the token of its API. */
  | { readonly server: string; readonly token: string }

/** A token, and what the server that made it says of the path. */
export interface CreatedToken extends IssuedToken {
  /** Everybody may play the path, so that a token to play it changes nothing. `undefined`: nobody was asked. */
  readonly open: boolean | undefined
}

const ANSWER_MS = 10_000
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

/** A folder that is no server's would get secrets of its own, and its tokens would open nothing anywhere. */
async function expectServerFolder(data: string): Promise<void> {
  try {
    await access(join(data, 'secrets.json'))
  } catch (cause) {
    const message = `expected the data folder of a server, with secrets.json, found none in ${data}; name it with --data`
    throw new ConfigError('ERR_USAGE', message, { cause })
  }
}

async function call(
  { server, token }: { readonly server: string; readonly token: string },
  method: string,
  path: string,
  body?: unknown,
): Promise<unknown> {
  let response: Response
  let text: string
  try {
    response = await fetch(new URL(path, server), {
      method,
      redirect: 'error',
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    text = (await response.text()).slice(0, MAX_ANSWER)
  } catch (cause) {
    throw new UnavailableError('ERR_TOKEN_SERVER', `expected an answer of ${new URL(server).host}, found none`, {
      cause,
    })
  }
  const answer: unknown = text === '' ? undefined : tryParse(text)
  if (response.ok) return answer
  const { detail } = (answer ?? {}) as { detail?: unknown }
  const said = typeof detail === 'string' ? `: ${detail}` : ''
  throw new UnavailableError('ERR_TOKEN_SERVER', `the server answered ${response.status}${said}`)
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
