/** What happened in a session, told for people: its events in words, and what stood around each stall. */
import type { SessionDetail, SessionEvent, StateSpan } from './audience-api.ts'
import { bitrateText, bytesText, spanText } from './number-text.ts'

/** Of a mark in the timeline. `server`: what the server knows by itself. */
export type MarkKind = 'switch-up' | 'switch-down' | 'error' | 'open' | 'close' | 'note'

export interface Mark {
  readonly kind: MarkKind
  /** Unix milliseconds. */
  readonly time: number
  readonly isServer: boolean
  readonly text: string
}

/** Marks around a stall are those from so long before it until so long after it, milliseconds. */
const AROUND_MS = 10_000

/** In order of time. */
export function marksOf(events: readonly SessionEvent[]): Mark[] {
  const marks: Mark[] = []
  let bitrate: number | undefined
  for (const event of events) {
    const isServer = event.source === 'server'
    const add = (kind: MarkKind, text: string) => marks.push({ kind, time: event.time, isServer, text })
    if (event.bitrate !== undefined && event.bitrate !== bitrate) {
      if (bitrate !== undefined) {
        add(
          event.bitrate > bitrate ? 'switch-up' : 'switch-down',
          `bit rate ${bitrateText(bitrate)} → ${bitrateText(event.bitrate)}`,
        )
      }
      bitrate = event.bitrate
    }
    if ((event.errors?.length ?? 0) > 0 || event.state === 'failed') add('error', eventText(event))
    else if (event.kind === 'open' || event.kind === 'close') add(event.kind, eventText(event))
    else if (isServer && event.kind !== 'interval') add('note', eventText(event))
  }
  return marks
}

export interface Stall extends Pick<StateSpan, 'start' | 'end'> {
  /** What was told of the seconds around it. */
  readonly around: readonly Mark[]
  /** The longest time within it, or reaching into it, in which no media was requested. `undefined`: requests are not told. */
  readonly silence: Extent | undefined
}

export function stallsOf({ spans, events }: SessionDetail, marks: readonly Mark[]): Stall[] {
  const requests = events.filter(({ kind }) => kind === 'request').map(({ time }) => time)
  return spans
    .filter(({ state }) => state === 'rebuffering')
    .map(({ start, end }) => ({
      start,
      end,
      silence: silenceAt(requests, { from: Date.parse(start), until: Date.parse(end) }),
      around: marks.filter(({ time }) => time >= Date.parse(start) - AROUND_MS && time <= Date.parse(end) + AROUND_MS),
    }))
}

function silenceAt(requests: readonly number[], stall: Extent): Extent | undefined {
  let longest: Extent | undefined
  for (const [at, until] of requests.entries()) {
    const from = requests[at - 1]
    if (from === undefined || until < stall.from || from > stall.until) continue
    if (longest === undefined || until - from > longest.until - longest.from) longest = { from, until }
  }
  return longest
}

/** From one moment to a later one, Unix milliseconds. */
export interface Extent {
  readonly from: number
  readonly until: number
}

/** From the first to the last moment, at least a second. */
export function extentOf({ start, end, events }: SessionDetail): Extent {
  let from = Date.parse(start)
  let until = Date.parse(end)
  for (const { time } of events) {
    from = Math.min(from, time)
    until = Math.max(until, time)
  }
  return { from, until: Math.max(until, from + 1000) }
}

/** One event in a line. */
export function eventText(event: SessionEvent): string {
  const parts: string[] = []
  if (event.kind === 'open') parts.push('the server let the viewer in')
  else if (event.kind === 'close') parts.push('the connection to the server is over')
  else parts.push(event.kind)
  if (event.state !== undefined) parts.push(event.state)
  if (event.reason !== undefined) parts.push(`reason: ${event.reason}`)
  if (event.errors !== undefined && event.errors.length > 0) parts.push(`errors: ${event.errors.join(', ')}`)
  if (event.bitrate !== undefined) parts.push(bitrateText(event.bitrate))
  if (event.buffer !== undefined) parts.push(`buffer ${spanText(event.buffer)}`)
  if (event.throughput !== undefined) parts.push(`throughput ${bitrateText(event.throughput)}`)
  if (event.status !== undefined) parts.push(`status ${event.status}`)
  if (event.bytes !== undefined) parts.push(bytesText(event.bytes))
  return parts.join(' · ')
}
