/** The console with a store that has an audience of the last half hour. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { PlayEvent } from '../../src/playlog/play-event.ts'
import { AudienceIntake } from '../../src/services/audience/audience-intake.ts'
import { MAX_BATCH_EVENTS } from '../../src/services/audience/spool/event-lines.ts'
import { type RunningServer, startServer } from '../support/server.ts'

/** In every field that a peer fills in. */
export const HOSTILE = '<img src=x onerror="hurt=1"><script>hurt=1</script>&amp;"\u202e'

const MINUTE = 60_000
const CHROME = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36'

/** Seconds behind the session's start. */
type Told = readonly [seconds: number, more: Partial<PlayEvent>]

/** `start`: Unix milliseconds. */
export function sessionOf(id: string, start: number, common: Partial<PlayEvent>, told: readonly Told[]): PlayEvent[] {
  return told.map(([seconds, more], sequence) => {
    const time = start + seconds * 1000
    return { sessionId: id, kind: 'state', source: 'cmcd', time, receivedAt: time + 40, sequence, ...common, ...more }
  })
}

/** 20 viewers that came one minute after the other, one that stalled, and one whose every word is HTML. */
export function audienceEvents(now: number): PlayEvent[] {
  const start = Math.floor(now / MINUTE) * MINUTE - 32 * MINUTE
  const viewers = Array.from({ length: 20 }, (_, at) =>
    sessionOf(`viewer-${at}`, start + at * MINUTE, at % 4 === 0 ? DASH : HLS, [
      [0, { state: 'starting', bitrate: 1500 + at * 50 }],
      [0.4 + at / 10, { state: 'playing' }],
      ...(at % 5 === 0
        ? ([
            [100, { state: 'rebuffering' }],
            [104, { state: 'playing' }],
          ] as const)
        : []),
      [300, { state: 'quit' }],
    ]),
  )
  const server = { source: 'server', playerId: undefined } as unknown as Partial<PlayEvent>
  const stalled = sessionOf('why-did-it-stop', start + 5 * MINUTE, { ...HLS, path: 'live/studio', contentId: 'News' }, [
    [0, { state: 'starting', bitrate: 3000 }],
    [0.2, { ...server, kind: 'open' }],
    [0.9, { state: 'playing' }],
    [30, { kind: 'request', buffer: 4000 }],
    [40, { kind: 'bitrate', bitrate: 6000 }],
    [80, { kind: 'bitrate', bitrate: 1000, buffer: 800 }],
    [84, { state: 'rebuffering', buffer: 0 }],
    [86, { ...server, kind: 'close', bytes: 5_000_000, reason: 'the publisher went away' }],
    [91, { kind: 'error', errors: ['fragLoadTimeOut'], original: 'e=e,ec=("fragLoadTimeOut")' }],
    [95, { ...server, kind: 'open' }],
    [97, { state: 'playing', bitrate: 3000 }],
    [180, { ...server, kind: 'close', bytes: 9_000_000 }],
    [180, { state: 'ended' }],
  ])
  const hostile = sessionOf(
    HOSTILE,
    start + 8 * MINUTE,
    {
      path: HOSTILE,
      protocol: HOSTILE,
      contentId: HOSTILE,
      playerId: HOSTILE,
      address: HOSTILE,
      userAgent: HOSTILE,
      original: HOSTILE,
      reason: HOSTILE,
    },
    [
      [0, { state: 'starting' }],
      [1, { state: 'playing' }],
      [20, { kind: 'error', state: 'failed', errors: [HOSTILE] }],
    ],
  )
  return [...viewers.flat(), ...stalled, ...hostile].toSorted((left, right) => left.receivedAt - right.receivedAt)
}

const HLS: Partial<PlayEvent> = { path: 'live/one', protocol: 'hls', userAgent: CHROME, address: '192.0.2.0' }
const DASH: Partial<PlayEvent> = { path: 'vod/harbour.mp4', protocol: 'dash', userAgent: 'Mozilla/5.0 Firefox/150.0' }

export interface AudienceSite {
  readonly server: RunningServer
  readonly url: string
}

/** A server whose store has these events; it ends with the test. */
export async function openAudienceSite(t: TestContext, events: readonly PlayEvent[]): Promise<AudienceSite> {
  const data = mkdtempSync(join(tmpdir(), 'headend-audience-'))
  t.after(() => rmSync(data, { recursive: true, force: true }))
  const intake = await AudienceIntake.open({ folder: join(data, 'audience') })
  for (let at = 0; at < events.length; at += MAX_BATCH_EVENTS)
    await intake.append(events.slice(at, at + MAX_BATCH_EVENTS))
  await intake.drain()
  await intake.close()
  const server = await startServer({ data })
  t.after(() => server.stop())
  return { server, url: `${server.urls['http']}/console/audience` }
}
