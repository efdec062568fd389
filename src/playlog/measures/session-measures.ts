/** What a session was like for its viewer. Definitions stand at the fields; all times are milliseconds. */
import type { PlayEvent, PlayerState } from '../play-event.ts'
import { type Heard, heardBitrate, isOfPlayer } from './heard.ts'
import { inOrder, type StateSpan, stateSpans } from './state-spans.ts'

/** A stall that begins this soon after a seek, milliseconds, is the seek's. */
export const SEEK_TAIL = 2000

/**
 * - `open`: it goes on, as far as is known;
 * - `ended`: it came to the end of what there was;
 * - `left`: the viewer went away after the first picture, said or not;
 * - `exit-before-start`: the viewer went away before it, and nothing had failed;
 * - `start-failure`, `playback-failure`: it failed before the first picture, or behind it.
 */
export const SESSION_OUTCOMES = [
  'open',
  'ended',
  'left',
  'exit-before-start',
  'start-failure',
  'playback-failure',
] as const

export type SessionOutcome = (typeof SESSION_OUTCOMES)[number]

export interface SessionMeasures {
  /** Of the first event and the last, Unix time. */
  readonly start: number
  readonly end: number
  readonly outcome: SessionOutcome
  /** Unix time of the first picture; `undefined`: there was none, or none was told. */
  readonly firstPicture: number | undefined
  /** From the wish to play to the first picture: what the player measured, else what its states say. */
  readonly startup: number | undefined
  /** Time in which pictures moved. */
  readonly played: number
  /** Time in which they should have: neither the start nor seeks count (CMCD state `r`). */
  readonly stalled: number
  readonly stalls: number
  /** Of both, what did not begin within 2 s of a seek: the network's share. */
  readonly networkStalled: number
  readonly networkStalls: number
  readonly paused: number
  readonly seeking: number
  /** Mean over the time played, kilobits a second. */
  readonly bitrate: number | undefined
  readonly bitrateUp: number
  readonly bitrateDown: number
  readonly droppedFrames: number | undefined
  readonly bytes: number | undefined
  readonly lostPackets: number | undefined
  /** Times that each was told. */
  readonly errors: ReadonlyMap<string, number>
  readonly spans: readonly StateSpan[]
}

export interface MeasureOptions {
  /** Nothing has come for so long that nothing more is expected: a session without a last word has been left. */
  readonly over: boolean
}

/** Of all events of one session, in any order. Throws RangeError for none. */
export function measureSession(events: readonly PlayEvent[], { over }: MeasureOptions): SessionMeasures {
  const ordered = inOrder(events)
  const [first] = ordered
  const last = ordered.at(-1)
  if (first === undefined || last === undefined) throw new RangeError('expected events of a session, found none')
  const spans = stateSpans(ordered)
  const firstPicture = spans.find(({ state }) => state === 'playing')?.start
  const stalls = stallsOf(spans)
  const told = toldTotals(ordered)
  const startedAt = spans.find(({ state }) => state === 'starting')?.start
  const fromStates = firstPicture === undefined || startedAt === undefined ? undefined : firstPicture - startedAt
  // Of a player that tells of stalls only in sums.
  const seen = ordered.some((event) => event.state === 'rebuffering' && isOfPlayer(event))
  return {
    start: first.time,
    end: last.time,
    outcome: outcomeOf(ordered, spans, { firstPicture, over }),
    firstPicture,
    startup: told.startup ?? fromStates,
    played: timeIn(spans, 'playing') + told.played,
    stalled: seen ? stalls.time : told.stalled,
    stalls: seen ? stalls.count : told.stalls,
    networkStalled: seen ? stalls.networkTime : told.stalled,
    networkStalls: seen ? stalls.networkCount : told.stalls,
    paused: timeIn(spans, 'paused'),
    seeking: timeIn(spans, 'seeking'),
    ...bitratesOf(ordered, spans),
    droppedFrames: told.droppedFrames,
    bytes: told.bytes,
    lostPackets: told.lostPackets,
    errors: told.errors,
    spans,
  }
}

function outcomeOf(
  events: readonly PlayEvent[],
  spans: readonly StateSpan[],
  { firstPicture, over }: { readonly firstPicture: number | undefined; readonly over: boolean },
): SessionOutcome {
  const hasPlayed = firstPicture !== undefined || events.some(({ played = 0 }) => played > 0)
  const last = events.at(-1)
  const isClosed = last !== undefined && isClosing(last)
  return outcomeFrom(spans.at(-1)?.state, { hasPlayed, isClosed, over })
}

/** The last word of a connection, or of a player that tells all at its end. Whoever speaks behind it has come back: HLS and DASH know no connections. */
export function isClosing({ kind }: PlayEvent): boolean {
  return kind === 'close' || kind === 'log'
}

/** Of the last state that is known, and of what else decides. */
export function outcomeFrom(
  last: PlayerState | undefined,
  { hasPlayed, isClosed, over }: { readonly hasPlayed: boolean; readonly isClosed: boolean; readonly over: boolean },
): SessionOutcome {
  if (last === 'failed') return hasPlayed ? 'playback-failure' : 'start-failure'
  if (last === 'ended') return 'ended'
  if (last !== 'quit' && !over && !isClosed) return 'open'
  return hasPlayed ? 'left' : 'exit-before-start'
}

function timeIn(spans: readonly StateSpan[], wanted: PlayerState): number {
  return spans.reduce((sum, { state, start, end }) => (state === wanted ? sum + end - start : sum), 0)
}

function stallsOf(spans: readonly StateSpan[]) {
  const stalls = { time: 0, count: 0, networkTime: 0, networkCount: 0 }
  let seekEnd = Number.NEGATIVE_INFINITY
  for (const { state, start, end } of spans) {
    if (state === 'seeking') seekEnd = end
    if (state !== 'rebuffering') continue
    stalls.time += end - start
    stalls.count++
    if (start - seekEnd < SEEK_TAIL) continue
    stalls.networkTime += end - start
    stalls.networkCount++
  }
  return stalls
}

/** Moved since the start of the session, where the event tells that; of others `bytes` is the size of an object. */
export function bytesSoFar({ kind, source, bytes }: PlayEvent): number | undefined {
  return kind === 'close' || kind === 'log' || (kind === 'interval' && source === 'server') ? bytes : undefined
}

/** What players and the server give as sums. */
function toldTotals(events: readonly PlayEvent[]) {
  const errors = new Map<string, number>()
  let [played, starved, stalls, stalled] = [0, 0, 0, 0]
  let startup: number | undefined
  let droppedFrames: number | undefined
  let bytes: number | undefined
  let lostPackets: number | undefined
  for (const event of events) {
    played += event.played ?? 0
    if (event.starved === true) starved++
    // Totals since the start: the largest is the last, whatever the order.
    stalls = Math.max(stalls, event.stalls ?? 0)
    stalled = Math.max(stalled, event.stalled ?? 0)
    startup ??= event.startup
    droppedFrames = greater(droppedFrames, event.droppedFrames)
    lostPackets = greater(lostPackets, event.lostPackets)
    bytes = greater(bytes, bytesSoFar(event))
    for (const code of event.errors ?? []) errors.set(code, (errors.get(code) ?? 0) + 1)
  }
  return { played, stalls: Math.max(stalls, starved), stalled, startup, droppedFrames, bytes, lostPackets, errors }
}

function greater(known: number | undefined, told: number | undefined): number | undefined {
  if (told === undefined) return known
  return known === undefined ? told : Math.max(known, told)
}

/** The bit rate in force is the last that was told; of the time before the first one nothing is known. */
function bitratesOf(events: readonly PlayEvent[], spans: readonly StateSpan[]) {
  let [weighted, time, up, down] = [0, 0, 0, 0]
  let current: { readonly bitrate: number; readonly since: number } | undefined
  const close = (until: number) => {
    if (current === undefined) return
    const shown = overlap(spans, current.since, until)
    weighted += current.bitrate * shown
    time += shown
  }
  const heard: Heard = { states: false, bitrates: false }
  for (const event of events) {
    const { time: at } = event
    const bitrate = heardBitrate(event, heard)
    if (bitrate === undefined || bitrate === current?.bitrate) continue
    close(at)
    if (current !== undefined && bitrate > current.bitrate) up++
    else if (current !== undefined) down++
    current = { bitrate, since: at }
  }
  close(Number.POSITIVE_INFINITY)
  // One that was told and never played is what a short playback had.
  const bitrate = time > 0 ? weighted / time : current?.bitrate
  return { bitrate, bitrateUp: up, bitrateDown: down }
}

/** Time played between two moments. */
function overlap(spans: readonly StateSpan[], from: number, until: number): number {
  let sum = 0
  for (const { state, start, end } of spans) {
    if (state === 'playing') sum += Math.max(0, Math.min(end, until) - Math.max(start, from))
  }
  return sum
}
