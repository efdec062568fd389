/** May this peer do this? The question every protocol asks before the first media byte; services/auth answers it. */

export type AccessAction = 'publish' | 'play' | 'api'

/** What a peer showed. Never logged. */
export interface Credentials {
  /** `?key=` of the URL, the OBS stream key's query, an SRT stream id's third part. */
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

/** Resolves when allowed. Throws PeerError ERR_ACCESS_DENIED (message fit for the peer) otherwise. */
export type Authorize = (request: AccessRequest) => Promise<void>
