/** Golden data for tests of stores: what players told, and the numbers that follow from it, counted by hand. */
import type { PlayEvent } from '../../../playlog/play-event.ts'
import type { SpoolBatch } from '../spool/spool-reader.ts'

/** A full minute. */
export const GOLDEN_START = Date.UTC(2026, 10, 25, 20, 0)

const CHROME = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36'

type Told = readonly [seconds: number, more: Partial<PlayEvent>]

function session(id: string, common: Partial<PlayEvent>, ...told: readonly Told[]): PlayEvent[] {
  return told.map(([seconds, more], sequence) => {
    const time = GOLDEN_START + seconds * 1000
    return { sessionId: id, kind: 'state', source: 'cmcd', time, receivedAt: time + 40, sequence, ...common, ...more }
  })
}

/**
 * - a, b: the same viewer twice; a stalls for 10 s at 0:50 over the minute, b is over before a goes on after it;
 * - c: left before the start; d: failed to start; e: failed in the middle, on another path; f: silent after 0:30;
 * - g: a Windows Media player that told all at its end; h: known to the server alone.
 */
export const GOLDEN_SESSIONS: Readonly<Record<string, readonly PlayEvent[]>> = {
  a: session(
    'a',
    { path: 'live/one', protocol: 'hls', playerId: 'p1', userAgent: CHROME, address: '192.0.2.0' },
    [0, { state: 'starting', bitrate: 1000 }],
    [1, { state: 'playing' }],
    [50, { state: 'rebuffering' }],
    [65, { state: 'playing', bitrate: 3000 }],
    [125, { state: 'ended' }],
  ),
  b: session(
    'b',
    { path: 'live/one', protocol: 'hls', playerId: 'p1', userAgent: CHROME },
    [10, { state: 'starting' }],
    [12, { state: 'playing' }],
    [40, { state: 'quit' }],
  ),
  c: session(
    'c',
    { path: 'live/one', protocol: 'dash', playerId: 'p2' },
    [20, { state: 'starting' }],
    [24, { state: 'quit' }],
  ),
  d: session(
    'd',
    { path: 'live/one', protocol: 'hls', playerId: 'p3' },
    [61, { state: 'starting' }],
    [63, { state: 'failed', kind: 'error', errors: ['404', 'manifest'] }],
  ),
  e: session(
    'e',
    { path: 'live/two', protocol: 'hls', playerId: 'p4' },
    [30, { state: 'starting' }],
    [34, { state: 'playing' }],
    [70, { state: 'failed', kind: 'error', errors: ['404'] }],
  ),
  f: session(
    'f',
    { path: 'live/two', protocol: 'hls', playerId: 'p5' },
    [5, { state: 'starting' }],
    [6, { state: 'playing' }],
    [30, { kind: 'interval' }],
  ),
  g: session(
    'g',
    { path: 'live/two', protocol: 'wmsp', playerId: 'p6', userAgent: 'NSPlayer/12.0', source: 'wmlog', kind: 'log' },
    [100, { played: 30_000, stalls: 1, stalled: 2000, bytes: 5000 }],
  ),
  h: session(
    'h',
    { path: 'live/two', protocol: 'rtmp', source: 'server' },
    [55, { kind: 'open' }],
    [110, { kind: 'close', bytes: 7000 }],
  ),
}

/** Batches numbered from `first` on, of so many events. */
export function batchesOf(events: readonly PlayEvent[], { first = 1, size = 2 } = {}): SpoolBatch[] {
  return Array.from({ length: Math.ceil(events.length / size) }, (_, index) => ({
    number: first + index,
    lines: events.slice(index * size, (index + 1) * size).map((event) => ({ event, line: JSON.stringify(event) })),
  }))
}

/** All events as they came: by time. */
export function goldenEvents(): PlayEvent[] {
  return Object.values(GOLDEN_SESSIONS)
    .flat()
    .toSorted((left, right) => left.receivedAt - right.receivedAt)
}
