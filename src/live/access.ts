/** May this peer do this? The question every protocol asks before the first media byte; services/auth answers it. */

/** `license`: a content key of the path, for who may play it. */
export type AccessAction = 'publish' | 'play' | 'license' | 'api'

/** What a peer showed. Never logged. */
export interface Credentials {
  /** `?key=` or `?token=` of the URL, the OBS stream key's query, an SRT stream id's third part. */
  readonly key?: string
  /** `Authorization: Bearer`. */
  readonly bearer?: string
  /** `Authorization: Basic`, or a URL's user and password. */
  readonly basic?: { readonly user: string; readonly password: string }
  /** Shows that the peer knows a secret without showing it: HTTP Digest. */
  readonly proves?: (secret: string) => boolean
}

export interface AccessRequest {
  readonly action: AccessAction
  /** A checked path (see path.ts). */
  readonly path: string
  readonly protocol: string
  readonly remoteAddress: string
  readonly credentials: Credentials
}

/** What was allowed by something that ends or is narrower than the path. */
export interface AccessGrant {
  /** Name of the token that was shown; opens nothing. */
  readonly tokenId: string
  /** Seconds since 1970. */
  readonly expiresAt: number
  /** Content keys it opens, in hexadecimal; `undefined`: all of the path. */
  readonly keyIds: ReadonlySet<string> | undefined
  /** Seconds after which to show it again. */
  readonly renew: number | undefined
  /** Playback session, as the issuer named it. */
  readonly session: string | undefined
}

/** Resolves when allowed; with a grant when that has an end. Throws PeerError ERR_ACCESS_DENIED (message fit for the peer) otherwise. */
export type Authorize = (request: AccessRequest) => Promise<AccessGrant | void>

/** Names in a query that show a secret, the stronger first. */
const SECRET_NAMES = ['key', 'token'] as const

/** What a URL's query shows: `?key=`, or else `?token=`. */
export function secretOfQuery(query: URLSearchParams): string | undefined {
  for (const name of SECRET_NAMES) {
    const value = query.get(name)
    if (value !== null && value !== '') return value
  }
  return undefined
}

/** The part of a query that what it opened hands on to what it lists: `key=…` or `token=…`, without question mark. */
export function carriedQuery(query: URLSearchParams): string | undefined {
  for (const name of SECRET_NAMES) {
    const value = query.get(name)
    if (value !== null && value !== '') return `${name}=${encodeURIComponent(value)}`
  }
  return undefined
}
