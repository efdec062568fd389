/** Play logs of Windows Media players in the form that all reports are kept in (MS-WMLOG 2.1, 2.5 to 2.8). */
import { type PlayEvent, type ToldEvent, withoutGaps } from './play-event.ts'
import type { PlayLog } from './play-log.ts'
import { formatWmlogLine } from './wmlog-line.ts'

const MS_PER_SECOND = 1000
const BITS_PER_KILOBIT = 1000
/** Played to the end of what was asked for, and that after the connection was lost and had again. */
const GOOD: ReadonlySet<number> = new Set([200, 210])

/**
 * A log of what was shown tells how long; one of what was received only its packets and bytes, so that the two logs of one playback add up to it.
 */
export function wmlogToEvent(log: PlayLog, sessionId: string): PlayEvent {
  const { kind, wmlog, protocol, path, remoteAddress } = log
  const { fields, form } = wmlog
  const status = fields['c-status']
  const receivedAt = log.receivedAt.getTime()
  const event: PlayEvent = {
    sessionId,
    kind: kind === 'connect-time' ? 'open' : 'log',
    source: 'wmlog',
    time: timeOf(log) ?? receivedAt,
    receivedAt,
  }
  const shown = kind === 'legacy' || kind === 'rendering'
  const told: ToldEvent = {
    path: path === '' ? undefined : path,
    contentId: fields['cs-media-name'],
    protocol,
    playerId: fields['c-playerid'],
    address: remoteAddress,
    userAgent: fields['cs-User-Agent']?.replaceAll('_', ' '),
    position: times(fields['c-starttime'], MS_PER_SECOND),
    rate: fields['c-rate'],
    throughput: fields.avgbandwidth === undefined ? undefined : fields.avgbandwidth / BITS_PER_KILOBIT,
    stalls: fields['c-buffercount'],
    stalled: times(fields['c-totalbuffertime'], MS_PER_SECOND),
    bytes: fields['c-bytes'],
    lostPackets: fields['c-pkts-lost-client'],
    status,
    errors: status === undefined || GOOD.has(status) ? undefined : [String(status)],
    played: shown ? times(fields['x-duration'], MS_PER_SECOND) : undefined,
    original: form === 'connect-time' ? undefined : formatWmlogLine(wmlog, form),
  }
  return Object.assign(event, withoutGaps(told))
}

/** `date` and `time` of the log: of the player's clock, UTC. They tell whole seconds; within the second that it came in, we know better. */
function timeOf({ wmlog, receivedAt }: PlayLog): number | undefined {
  const { date, time } = wmlog.fields
  if (date === undefined || time === undefined) return undefined
  const at = Date.parse(`${date}T${time}Z`)
  const since = receivedAt.getTime() - at
  return Number.isNaN(at) || (since >= 0 && since < MS_PER_SECOND) ? undefined : at
}

function times(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor
}
