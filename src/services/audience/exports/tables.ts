/** What is exported of sessions and events: one column each, under the names of the formats that have some. */
import type { PlayEvent } from '../../../playlog/play-event.ts'
import type { SessionSummary } from '../store/audience-store.ts'
import type { Cell } from './csv.ts'

export interface Column<Row> {
  /** In CSV. Units stand behind the last `_`. */
  readonly name: string
  /** In W3C extended files, where date and time are columns of their own. */
  readonly field: string
  readonly value: (row: Row) => Cell
}

export const SESSION_COLUMNS: readonly Column<SessionSummary>[] = [
  { name: 'session', field: 'x-session', value: ({ id }) => id },
  { name: 'start', field: 'x-start', value: ({ start }) => moment(start) },
  { name: 'end', field: 'x-end', value: ({ end }) => moment(end) },
  { name: 'outcome', field: 'x-outcome', value: ({ outcome }) => outcome },
  { name: 'path', field: 'cs-uri-stem', value: ({ path }) => path },
  { name: 'protocol', field: 'x-protocol', value: ({ protocol }) => protocol },
  { name: 'player_family', field: 'x-player-family', value: ({ family }) => family },
  { name: 'startup_ms', field: 'x-startup', value: ({ startup }) => startup },
  { name: 'played_ms', field: 'x-played', value: ({ played }) => played },
  { name: 'stalled_ms', field: 'x-stalled', value: ({ stalled }) => stalled },
  { name: 'stalls', field: 'x-stalls', value: ({ stalls }) => stalls },
  { name: 'bitrate_kbps', field: 'x-bitrate', value: ({ bitrate }) => rounded(bitrate) },
  { name: 'bytes', field: 'sc-bytes', value: ({ bytes }) => bytes },
  { name: 'errors', field: 'x-errors', value: ({ errors }) => errors },
  { name: 'player', field: 'c-playerid', value: ({ player }) => player },
  { name: 'address', field: 'c-ip', value: ({ address }) => address },
  { name: 'user_agent', field: 'cs(User-Agent)', value: ({ userAgent }) => userAgent },
  { name: 'content', field: 'cs-media-name', value: ({ contentId }) => contentId },
]

export const EVENT_COLUMNS: readonly Column<PlayEvent>[] = [
  { name: 'session', field: 'x-session', value: ({ sessionId }) => sessionId },
  { name: 'at', field: 'x-at', value: ({ time }) => moment(time) },
  { name: 'received', field: 'x-received', value: ({ receivedAt }) => moment(receivedAt) },
  { name: 'source', field: 'x-source', value: ({ source }) => source },
  { name: 'kind', field: 'x-kind', value: ({ kind }) => kind },
  { name: 'sequence', field: 'x-sequence', value: ({ sequence }) => sequence },
  { name: 'state', field: 'x-state', value: ({ state }) => state },
  { name: 'path', field: 'cs-uri-stem', value: ({ path }) => path },
  { name: 'protocol', field: 'x-protocol', value: ({ protocol }) => protocol },
  { name: 'position_ms', field: 'x-position', value: ({ position }) => position },
  { name: 'rate', field: 'x-rate', value: ({ rate }) => rate },
  { name: 'bitrate_kbps', field: 'x-bitrate', value: ({ bitrate }) => bitrate },
  { name: 'throughput_kbps', field: 'x-throughput', value: ({ throughput }) => throughput },
  { name: 'buffer_ms', field: 'x-buffer', value: ({ buffer }) => buffer },
  { name: 'latency_ms', field: 'x-latency', value: ({ latency }) => latency },
  { name: 'dropped_frames', field: 'x-dropped-frames', value: ({ droppedFrames }) => droppedFrames },
  { name: 'startup_ms', field: 'x-startup', value: ({ startup }) => startup },
  { name: 'stalls', field: 'x-stalls', value: ({ stalls }) => stalls },
  { name: 'stalled_ms', field: 'x-stalled', value: ({ stalled }) => stalled },
  { name: 'starved', field: 'x-starved', value: ({ starved }) => flag(starved) },
  { name: 'hidden', field: 'x-hidden', value: ({ hidden }) => flag(hidden) },
  { name: 'status', field: 'sc-status', value: ({ status }) => status },
  { name: 'first_byte_ms', field: 'x-first-byte', value: ({ firstByte }) => firstByte },
  { name: 'last_byte_ms', field: 'x-last-byte', value: ({ lastByte }) => lastByte },
  { name: 'bytes', field: 'sc-bytes', value: ({ bytes }) => bytes },
  { name: 'lost_packets', field: 'x-lost-packets', value: ({ lostPackets }) => lostPackets },
  { name: 'played_ms', field: 'x-played', value: ({ played }) => played },
  { name: 'errors', field: 'x-errors', value: ({ errors }) => errors?.join(' ') },
  { name: 'reason', field: 'x-reason', value: ({ reason }) => reason },
  { name: 'player', field: 'c-playerid', value: ({ playerId }) => playerId },
  { name: 'address', field: 'c-ip', value: ({ address }) => address },
  { name: 'user_agent', field: 'cs(User-Agent)', value: ({ userAgent }) => userAgent },
  { name: 'content', field: 'cs-media-name', value: ({ contentId }) => contentId },
  { name: 'original', field: 'x-original', value: ({ original }) => original },
]

/** ISO 8601 with milliseconds, UTC. `time`: Unix milliseconds; what is no time of a calendar gives none. */
export function moment(time: number): string | undefined {
  const at = new Date(time)
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString()
}

function flag(told: boolean | undefined): number | undefined {
  return told === undefined ? undefined : Number(told)
}

function rounded(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value)
}
