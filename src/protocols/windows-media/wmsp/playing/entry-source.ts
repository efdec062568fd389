/** One thing that is played, a live stream or a file, as bytes for one viewer's connection. */
import type { AsfInit } from '../../../../media/containers/asf/model.ts'
import type { Selection } from './selection-filter.ts'

/**
 * `header`: `init` is to be sent, then `begin` called. `open`: bytes come, now or later. `ended`: nothing comes any more and all was taken.
 * `failed`: it broke off.
 */
export type SourceState = 'header' | 'open' | 'ended' | 'failed'

/** Sequence number of the viewer's next `$D` (modulo 256), carried on from one source to the next of the same response. */
export interface Numbering {
  next: number
}

/** Asked for bytes by one reader; owns no socket. */
export interface EntrySource {
  readonly state: SourceState
  /** The header in force; in state `header` the one to come. */
  readonly init: AsfInit
  /** Windows lost by reading too slowly. */
  readonly skipped: number
  /** What `$E` says at the end: 0, or why it is over. */
  readonly endReason: number
  /** Called when `take` may give something or `state` has changed. */
  onWake: (() => void) | undefined
  /** The header was sent: goes on with these streams. */
  begin(selection: Selection): void
  /** Other streams from now on; newly selected video from its next key frame on. */
  select(selection: Selection): void
  /** A header is to be told and it will take a while until `begin`: nothing of what comes meanwhile is kept for this viewer. */
  pause?(): void
  /** The next bytes that are due; `undefined`: look at `state`, or wait. */
  take(): Uint8Array | undefined
  close(): void
}
