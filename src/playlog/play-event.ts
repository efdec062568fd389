/**
 * The one form in which all that is known of playback is kept, whoever told it: CMCD (CTA-5004-B), WMLOG (MS-WMLOG), or the server itself.
 * Times are milliseconds since 1970, spans milliseconds, bit rates kilobits a second.
 */

/** What a player does. In CMCD `sta`: s, p, k, r, a, e, f, q, d. */
export const PLAYER_STATES = [
  'starting',
  'playing',
  'seeking',
  'rebuffering',
  'paused',
  'ended',
  'failed',
  'quit',
  'preloading',
] as const

export type PlayerState = (typeof PLAYER_STATES)[number]

/**
 * - `state`: the player's state has changed;
 * - `interval`: nothing has happened, this is how it goes;
 * - `request`: a request for media said so;
 * - `response`: an object was received;
 * - `bitrate`: another one was chosen;
 * - `error`: something failed, fatal or not;
 * - `log`: a Windows Media player told all of a playback, or of its reception, at once;
 * - `open`, `close`: the server has let a viewer in, a viewer has left;
 * - `other`: what else players tell, such as advertisements and volume.
 */
export const PLAY_EVENT_KINDS = [
  'state',
  'interval',
  'request',
  'response',
  'bitrate',
  'error',
  'log',
  'open',
  'close',
  'other',
] as const

export type PlayEventKind = (typeof PLAY_EVENT_KINDS)[number]

/** Who told it. */
export const PLAY_EVENT_SOURCES = ['cmcd', 'wmlog', 'server'] as const

export type PlayEventSource = (typeof PLAY_EVENT_SOURCES)[number]

/** One thing that happened. What was not told is left out. */
export interface PlayEvent {
  /** One playback of one player: CMCD `sid`; of others what the collector gives them. */
  readonly sessionId: string
  /** Under which the same session was told before its player said what it calls it: all of that belongs to this one. */
  readonly formerId?: string
  readonly kind: PlayEventKind
  readonly source: PlayEventSource
  /** When it happened, by the clock of who told it. */
  readonly time: number
  /** When it came, by ours. */
  readonly receivedAt: number
  /** Counts the records of a session and target from 0 (CMCD `sn`). */
  readonly sequence?: number

  /** Path of the stream or file here: `live/studio`. */
  readonly path?: string
  /** The player's own name of what it plays (CMCD `cid`, WMLOG `cs-media-name`). */
  readonly contentId?: string
  /** `hls`, `dash`, `flv`, `wmsp` … */
  readonly protocol?: string

  /** Stays the same over playbacks (WMLOG `c-playerid`). */
  readonly playerId?: string
  /** As privacy allows: whole, cut to its network, or hashed. */
  readonly address?: string
  readonly userAgent?: string

  readonly state?: PlayerState
  /** Times real time that the player plays at; 0: it does not. */
  readonly rate?: number
  /** Media time at the playhead. */
  readonly position?: number
  /** What is played, or asked for, of video where that is told apart. */
  readonly bitrate?: number
  /** Measured by the player. */
  readonly throughput?: number
  /** Media that is loaded and not played yet. */
  readonly buffer?: number
  /** Behind the live moment. */
  readonly latency?: number
  /** Since the start of the session. */
  readonly droppedFrames?: number
  /** From the wish to play to the first picture. */
  readonly startup?: number
  /** Stalls since the start of the session. */
  readonly stalls?: number
  /** Time in stalls since the start of the session. */
  readonly stalled?: number
  /** There was a stall since the last record. */
  readonly starved?: boolean
  /** What is loaded is not looked at. */
  readonly hidden?: boolean

  /** HTTP status of a response, WMLOG `c-status`; 0: there was no answer. */
  readonly status?: number
  /** To the first byte of a response, and to its last. */
  readonly firstByte?: number
  readonly lastByte?: number
  /** Moved to the player: of a response, or of a whole session. */
  readonly bytes?: number
  /** Packets that never came to the decoder, of a whole session. */
  readonly lostPackets?: number
  /** Codes of errors, of whatever namespace. */
  readonly errors?: readonly string[]
  /** Why the server ended it; left out: the viewer left, or it was over. */
  readonly reason?: string

  /** What a Windows Media player says that it played at once, in place of states. */
  readonly played?: number

  /** The record as it came. */
  readonly original?: string
}

/** What was told, with gaps for what was not. */
export type ToldEvent = { readonly [Name in keyof PlayEvent]?: PlayEvent[Name] | undefined }

/** What was told, and nothing else. */
export function withoutGaps(told: ToldEvent): Partial<PlayEvent> {
  const all: Record<string, unknown> = {}
  for (const name in told) {
    const value: unknown = told[name as keyof PlayEvent]
    if (value !== undefined) all[name] = value
  }
  return all
}
