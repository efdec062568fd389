/** A WMSP request as it was read, and what of the server stands behind it. */
import type { HeadendError } from '../../../errors.ts'
import type { Clock } from '../../../library/clock.ts'
import type { AccessGrant } from '../../../live/access.ts'
import type { ServerContext } from '../../protocol.ts'
import type { Pragma } from '../pragma.ts'
import type { Product } from '../product.ts'
import type { WmRequest } from '../request-reader.ts'
import type { ServerName } from './answer.ts'
import type { PaceLimits } from './play-request.ts'
import type { ActivePlay } from './playing/active-play.ts'
import type { FramedFeeds } from './playing/live-feed.ts'
import type { RequestKind } from './request.ts'
import type { Attachment, WmspSession } from './session.ts'
import type { SessionRegistry } from './session-registry.ts'
import type { ClientRules } from './viewer-rules.ts'

/** Settings of a WMSP server. */
export interface WmspOptions extends PaceLimits {
  /** `Rex` is an encoder that is pulled from. Default `Cougar`. */
  readonly product?: ServerName
  /** All requests are for this path, whatever they name: an encoder has one stream. */
  readonly path?: string
  /** Milliseconds a stream that is not published yet is waited for. */
  readonly waitMs: number
  readonly maxSessions: number
  readonly clock?: Clock
}

/** What a connection is to the requests that come over it. */
export interface RequestConnection extends Attachment {
  readonly remoteAddress: string
  /** Aborted when the connection closes. */
  readonly signal: AbortSignal
  /** What it plays now. */
  readonly playing: ActivePlay | undefined
  /** Ends what it plays, for a Stop that comes over another connection. */
  stopPlaying(): void
}

/** One request. */
export interface Call {
  readonly kind: RequestKind
  readonly request: WmRequest
  readonly body: Uint8Array
  readonly pragma: Pragma
  readonly product: Product
  readonly rules: ClientRules
  readonly connection: RequestConnection
  /** `live/studio`; `*` of `OPTIONS *`. */
  readonly path: string
  /** The session that the request names, if there is one. */
  readonly session: WmspSession | undefined
  /** The request names a session that there is not. */
  readonly unknownSession: boolean
  /** How the connection goes on behind the answer. */
  readonly keepAlive: boolean
}

/** What requests work with. */
export interface WmspService {
  readonly context: ServerContext
  readonly options: WmspOptions
  readonly server: ServerName
  readonly clock: Clock
  readonly sessions: SessionRegistry
  readonly feeds: FramedFeeds
  /** Lets the client play, or throws PeerError ERR_ACCESS_DENIED. Resolves with whether it showed who it is. */
  authorize(call: Call): Promise<boolean>
  /** What let it, when that has an end. */
  grantOf(call: Call): AccessGrant | undefined
  /** What a session plays; `undefined`: nothing. */
  playOf(session: WmspSession): ActivePlay | undefined
  /** Registers what a session plays from now on. */
  startPlay(play: ActivePlay, connection: RequestConnection): void
  /** Ends it: at once, or, with a reason, by telling the viewer. */
  stopPlay(play: ActivePlay, reason?: HeadendError): void
  /** What a session played is over. */
  endPlay(play: ActivePlay): void
}
