/** The tables of the audience as the queries see them, the same in each database. Times are Unix milliseconds, spans milliseconds. */
import type { MinuteShare } from '../../../playlog/measures/minute-shares.ts'
import type { SessionOutcome } from '../../../playlog/measures/session-measures.ts'

/** What numbers are kept for: '' where nothing was told. */
export interface Dimensions {
  readonly path: string
  readonly protocol: string
  /** Family of the player. */
  readonly family: string
}

export interface SessionRow extends Dimensions {
  /** Ours; grows. */
  readonly key: number
  readonly id: string
  readonly start: number
  readonly finish: number
  /** When its last event came. */
  readonly seen: number
  /** From when on it counts as a viewer: the first picture, or what stands for it where only the server knows of it. */
  readonly shown: number | null
  /** `open` until there was a last word; `outcome_over` is what it is when none comes. */
  readonly outcome: SessionOutcome
  readonly outcome_over: SessionOutcome
  readonly startup: number | null
  readonly played: number
  readonly stalled: number
  readonly stalls: number
  readonly network_stalled: number
  readonly network_stalls: number
  readonly paused: number
  readonly seeking: number
  readonly bitrate: number | null
  readonly bitrate_up: number
  readonly bitrate_down: number
  readonly dropped_frames: number | null
  readonly bytes: number | null
  readonly lost_packets: number | null
  /** Behind the live moment, the last that was told. */
  readonly latency: number | null
  readonly errors: number
  readonly events: number
  /** Events that came late and are not in the numbers yet: 1; or never will be, as what they belong to is gone: 2. */
  readonly stale: number
  /** Events of it were removed: 1. */
  readonly trimmed: number
  readonly player: string | null
  readonly address: string | null
  readonly user_agent: string | null
  readonly content: string | null
}

/** What is needed to go on with a session; apart, as lists do not need it. */
export interface StateRow {
  readonly session: number
  readonly state: string
}

export interface EventRow {
  readonly id: number
  readonly session: number
  readonly received: number
  /** 1: it is in the numbers. */
  readonly folded: number
  readonly line: string
}

export interface MinuteRow extends Dimensions, Readonly<Record<Exclude<keyof MinuteShare, CamelShare>, number>> {
  /** Since 1970. */
  readonly minute: number
  readonly bitrate_time: number
  readonly bitrate_played: number
}
type CamelShare = 'bitrateTime' | 'bitratePlayed'

/** Starts by the minute that their sessions began in and by `bucketOf`. */
export interface StartupRow extends Dimensions {
  readonly minute: number
  readonly bucket: number
  readonly count: number
}

export interface ErrorRow extends Dimensions {
  readonly minute: number
  readonly code: string
  readonly count: number
}

export interface ProgressRow {
  readonly spool: string
  readonly committed: number
}

/** Sessions that were erased, by the SHA-256 of their id: what was on its way then is erased too. */
export interface ErasedRow {
  readonly digest: string
  readonly erased: number
}

export interface AudienceTables {
  readonly audience_session: SessionRow
  readonly audience_state: StateRow
  readonly audience_event: EventRow
  readonly audience_minute: MinuteRow
  readonly audience_startup: StartupRow
  readonly audience_error: ErrorRow
  readonly audience_progress: ProgressRow
  readonly audience_erased: ErasedRow
}
