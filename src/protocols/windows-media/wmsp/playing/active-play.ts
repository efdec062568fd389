/** What one session plays to one connection. */
import type { Session } from '../../../../live/sessions.ts'
import type { WmspSession } from '../session.ts'
import type { Playback } from './playback.ts'
import type { Viewing } from './viewing.ts'

export interface ActivePlay {
  readonly session: WmspSession
  readonly viewing: Viewing
  readonly playback: Playback
  /** Its entry in the server's registry, with the counters. */
  readonly registered: Session
  readonly chunked: boolean
  /** The connection stays open behind the last packet. */
  readonly keepOpen: boolean
}
