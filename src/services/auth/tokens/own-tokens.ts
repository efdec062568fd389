/** Tokens of this server: signed by a key made of its master key, so that there is one secret less to keep. */
import { hkdfSync, randomBytes } from 'node:crypto'
import { SignJWT } from 'jose'
import { PeerError } from '../../../errors.ts'
import { checkPattern, MAX_LIFE_SECONDS, MAX_RENEW_SECONDS, MAX_USES, readNetwork, type TokenAction } from './claims.ts'

export const OWN_ISSUER = 'headend'
export const OWN_ALGORITHM = 'HS256'
const KEY_BYTES = 32
/** The master key has other uses; each gets a key of its own (RFC 5869). */
const PURPOSE = 'headend access tokens'
const ID_BYTES = 9

/** What a token is to open. */
export interface TokenRequest {
  /** Path or pattern: `live/studio`, `live/*`. */
  readonly path: string
  /** Default: play. */
  readonly actions?: readonly TokenAction[]
  /** 1 second to 366 days. */
  readonly expiresSeconds: number
  /** How many may use it, 1 to 1,000,000; with `renewSeconds` how many at the same time. Default: no limit. */
  readonly uses?: number
  /** Address or network it is for. Default: all. */
  readonly ip?: string
  /** Whoever uses it shows it again within twice this time, or frees its place. 1 to 86,400. */
  readonly renewSeconds?: number
  /** Content keys it opens. Default: all of the path. */
  readonly keyIds?: readonly string[]
}

/** A token to give away. */
export interface IssuedToken {
  /** The secret itself. */
  readonly token: string
  /** Revokes it; opens nothing. */
  readonly id: string
  readonly expiresAt: Date
}

/** `masterKey`: as in secrets.json. */
export function ownTokenKey(masterKey: string): Uint8Array {
  return Buffer.from(hkdfSync('sha256', masterKey, '', PURPOSE, KEY_BYTES))
}

/** Throws PeerError ERR_TOKEN_INVALID when it asks for what no token can say. */
export async function issueToken(key: Uint8Array, request: TokenRequest, nowMs = Date.now()): Promise<IssuedToken> {
  const { path, actions = ['play'], expiresSeconds, uses, ip, renewSeconds, keyIds } = request
  checkPattern(path)
  checkRange('a life', expiresSeconds, MAX_LIFE_SECONDS)
  if (uses !== undefined) checkRange('uses', uses, MAX_USES)
  if (renewSeconds !== undefined) checkRange('renewSeconds', renewSeconds, MAX_RENEW_SECONDS)
  if (ip !== undefined) readNetwork(ip)
  const now = Math.floor(nowMs / 1000)
  const id = randomBytes(ID_BYTES).toString('base64url')
  const expiresAt = now + Math.floor(expiresSeconds)
  // As short as can be: players of old cut long addresses (ffmpeg's MMSH at 255 characters).
  const onlyPlays = actions.length === 1 && actions[0] === 'play'
  const token = await new SignJWT({
    path,
    ...(onlyPlays ? {} : { act: actions.length === 1 ? actions[0] : [...actions] }),
    ...(uses === undefined ? {} : { uses }),
    ...(ip === undefined ? {} : { ip }),
    ...(renewSeconds === undefined ? {} : { renew: renewSeconds }),
    ...(keyIds === undefined ? {} : { kids: [...keyIds] }),
  })
    .setProtectedHeader({ alg: OWN_ALGORITHM })
    .setIssuer(OWN_ISSUER)
    .setJti(id)
    .setExpirationTime(expiresAt)
    .sign(key)
  return { token, id, expiresAt: new Date(expiresAt * 1000) }
}

function checkRange(what: string, value: number, limit: number): void {
  if (!(value >= 1 && value <= limit)) {
    throw new PeerError('ERR_TOKEN_INVALID', `expected ${what} of 1 to ${limit}, found ${value}`)
  }
}
