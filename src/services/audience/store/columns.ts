/** Columns of the tables in tables.ts that are written row by row, the same in each database. */
import type { SessionRow } from './tables.ts'

/** In the order they are bound in. */
export const SESSION_COLUMNS = [
  'key',
  'id',
  'path',
  'protocol',
  'family',
  'start',
  'finish',
  'seen',
  'shown',
  'outcome',
  'outcome_over',
  'startup',
  'played',
  'stalled',
  'stalls',
  'network_stalled',
  'network_stalls',
  'paused',
  'seeking',
  'bitrate',
  'bitrate_up',
  'bitrate_down',
  'dropped_frames',
  'bytes',
  'lost_packets',
  'latency',
  'errors',
  'events',
  'stale',
  'trimmed',
  'player',
  'address',
  'user_agent',
  'content',
] as const satisfies readonly (keyof SessionRow)[]

/** Sums of a minute: the column, and its field in `MinuteShare`. */
export const MINUTE_COLUMNS = {
  played: 'played',
  stalled: 'stalled',
  stalls: 'stalls',
  bitrate_time: 'bitrateTime',
  bitrate_played: 'bitratePlayed',
  errors: 'errors',
  bytes: 'bytes',
  active: 'active',
} as const

/** What rows of sums are told apart by. */
export const DIMENSION_COLUMNS = ['minute', 'path', 'protocol', 'family'] as const
