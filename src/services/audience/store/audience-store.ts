/** What a store of the audience does, whatever database it is. */
import type { SessionOutcome } from '../../../playlog/measures/session-measures.ts'
import type { StateSpan } from '../../../playlog/measures/state-spans.ts'
import type { PlayEvent } from '../../../playlog/play-event.ts'
import type { SpoolBatch } from '../spool/spool-reader.ts'
import type { Dimensions } from './tables.ts'

/**
 * A session of which nothing came for so long is over (CTA-5004-B: players report every 30 s, twice that and 15 s). Milliseconds.
 */
export const SILENCE_MS = 75_000

/** `from` is in it, `until` is not; Unix milliseconds, cut to full minutes. What is left out is not asked for. */
export interface AudienceRange extends Partial<Dimensions> {
  readonly from: number
  readonly until: number
  /** Decides which sessions are over. Unix milliseconds. */
  readonly now: number
}

/** Numbers of a range of time. Sessions count where they began, times and bytes where they were spent. */
export interface AudienceNumbers {
  /** Sessions that began, each a wish to play. */
  readonly attempts: number
  /** Of them, those that came to the first picture. */
  readonly plays: number
  /** Time played, milliseconds. */
  readonly played: number
  readonly stalled: number
  readonly stalls: number
  /** Conviva's way: stalled / (stalled + played); start and seeks are neither. `undefined`: nothing was played. */
  readonly rebufferRatio: number | undefined
  /** Kilobits a second, mean over the time played at a known one. */
  readonly bitrate: number | undefined
  readonly bytes: number
  /** Codes told. */
  readonly errors: number
}

export interface AudienceOverview extends AudienceNumbers {
  /** Sessions at the same moment, at most: from the first picture to the last word of each. */
  readonly concurrent: number
  /** Different players, by their own name where they have one, else by session. */
  readonly viewers: number
  /** Left before the first picture, and nothing had failed. */
  readonly exitsBeforeStart: number
  readonly startFailures: number
  readonly playbackFailures: number
  /** As `rebufferRatio`, of the sessions that began, without stalls that a seek brought (connection-induced). */
  readonly networkRebufferRatio: number | undefined
  /** From the wish to play to the first picture, milliseconds. `undefined`: nothing started. */
  readonly startup: Percentiles | undefined
  /** The most frequent ones. */
  readonly codes: readonly { readonly code: string; readonly count: number }[]
}

export interface Percentiles {
  readonly p50: number
  readonly p75: number
  readonly p95: number
}

/** Of the interval that begins at `time`. */
export interface AudiencePoint extends AudienceNumbers {
  readonly time: number
  readonly concurrent: number
  /** Median, milliseconds. */
  readonly startup: number | undefined
}

/** Numbers of one path, protocol or family of players. */
export interface AudienceShare extends AudienceNumbers {
  readonly name: string
}

export interface SessionFilter extends AudienceRange {
  readonly outcome?: SessionOutcome
  readonly player?: string
  /** That had errors, or stalls. */
  readonly troubled?: boolean
  /** At most `MAX_LISTED`. */
  readonly limit: number
  /** `next` of the page before. */
  readonly before?: number
}

/** Which sessions events are asked of: those that `sessions` lists, with all of their events. */
export interface EventFilter extends Omit<SessionFilter, 'limit' | 'before'> {
  /** `next` of the page before. */
  readonly after?: EventCursor
}

/** Behind an event of a session. */
export interface EventCursor {
  readonly session: number
  readonly event: number
}

export interface EventPage {
  /** The newest session first, the events of each in the order they came. There may be none on a page that has a next. */
  readonly events: readonly PlayEvent[]
  /** `undefined`: there are no more. */
  readonly next: EventCursor | undefined
}

/** Sessions in one answer. */
export const MAX_LISTED = 500
/** Events in one answer. */
export const MAX_SESSION_EVENTS = 10_000
/** Intervals in one answer. */
export const MAX_POINTS = 3000

export interface SessionSummary extends Dimensions {
  readonly id: string
  readonly start: number
  readonly end: number
  readonly outcome: SessionOutcome
  readonly startup: number | undefined
  readonly played: number
  readonly stalled: number
  readonly stalls: number
  readonly bitrate: number | undefined
  readonly bytes: number | undefined
  readonly errors: number
  readonly player: string | undefined
  readonly address: string | undefined
  readonly userAgent: string | undefined
  readonly contentId: string | undefined
}

export interface SessionPage {
  /** The newest first. */
  readonly sessions: readonly SessionSummary[]
  /** `undefined`: there are no more. */
  readonly next: number | undefined
}

export interface SessionDetail extends SessionSummary {
  readonly networkStalled: number
  readonly networkStalls: number
  readonly paused: number
  readonly seeking: number
  readonly bitrateUp: number
  readonly bitrateDown: number
  readonly droppedFrames: number | undefined
  readonly lostPackets: number | undefined
  readonly latency: number | undefined
  /** Of the events below. */
  readonly spans: readonly StateSpan[]
  /** In order; of more than `MAX_SESSION_EVENTS` first those that are no requests of media, then the first of these. */
  readonly events: readonly PlayEvent[]
  /** Events that were told of it, whether they are there any more and given here or not. */
  readonly eventsTold: number
  /** Not all events are there any more, or not all are given. */
  readonly isCut: boolean
}

export interface CommitResult {
  /** Number of the last batch that is in the store. */
  readonly committed: number
  readonly events: number
  readonly duplicates: number
  readonly erased: number
}

export interface Retention {
  /** Milliseconds that events are kept as they came, and that sessions and numbers are. */
  readonly eventsMs: number
  readonly sessionsMs: number
  /** Bytes of the whole store, above which the oldest events go. */
  readonly maxBytes: number
}

export interface AudienceStore {
  /** Number of the last batch that is in it; 0: none. */
  committed(): Promise<number>
  /** Takes batches with higher numbers than that, all or none, each once; others are passed over. */
  commit(batches: readonly SpoolBatch[]): Promise<CommitResult>
  /** Brings what came late into the numbers; resolves with whether more of it waits. */
  settle(): Promise<boolean>
  overview(range: AudienceRange): Promise<AudienceOverview>
  /** `step`: milliseconds, full minutes. Throws RangeError above `MAX_POINTS`. */
  series(range: AudienceRange, step: number): Promise<readonly AudiencePoint[]>
  /** The 50 with most time played. */
  shares(range: AudienceRange, by: keyof Dimensions): Promise<readonly AudienceShare[]>
  sessions(filter: SessionFilter): Promise<SessionPage>
  session(id: string, now: number): Promise<SessionDetail | undefined>
  events(filter: EventFilter): Promise<EventPage>
  /**
   * Removes all that is known of a session, and what of it is on its way at `now`. Its part of the sums goes too, as far as its events are still
   * there; what stays of it names nobody. False: it was not known.
   */
  erase(id: string, now: number): Promise<boolean>
  /** Removes what is too old or too much; resolves with the number of events removed. */
  retain(retention: Retention, now: number): Promise<number>
  close(): Promise<void>
}
