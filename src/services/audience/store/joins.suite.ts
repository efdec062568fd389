/** What every store does when a player says late what it calls its session: what the server told of it before becomes part of it. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { PlayEvent } from '../../../playlog/play-event.ts'
import type { AudienceStore } from './audience-store.ts'
import { batchesOf, GOLDEN_START, goldenEvents } from './vectors.ts'

const MINUTE = 60_000
const RANGE = { from: GOLDEN_START, until: GOLDEN_START + 5 * MINUTE, now: GOLDEN_START + 60 * MINUTE }
const FORMER = 'server-1'

type Told = Omit<PlayEvent, 'sessionId' | 'receivedAt' | 'time'>

function event(sessionId: string, seconds: number, told: Told): PlayEvent {
  const time = GOLDEN_START + seconds * 1000
  return { sessionId, time, receivedAt: time + 30, ...told }
}

/** The server saw it from 0:00 to 2:30; its player tells from 0:01 on, and its name is known to the server at 1:20. */
function viewer(before: string, after: string): PlayEvent[] {
  const server = { source: 'server', path: 'live/one', protocol: 'hls', userAgent: 'Firefox/150.0' } as const
  const player = { source: 'cmcd', kind: 'state' } as const
  return [
    event(before, 0, { ...server, kind: 'open' }),
    event('sid', 1, { ...player, state: 'starting', sequence: 0 }),
    event('sid', 3, { ...player, state: 'playing', sequence: 1, bitrate: 2000 }),
    event(before, 25, { ...server, kind: 'interval', bytes: 1_000_000 }),
    event(before, 50, { ...server, kind: 'interval', bytes: 3_000_000 }),
    event('sid', 70, { ...player, state: 'rebuffering', sequence: 2 }),
    event('sid', 75, { ...player, state: 'playing', sequence: 3 }),
    event(after, 80, {
      ...server,
      kind: 'interval',
      bytes: 4_000_000,
      ...(before === after ? {} : { formerId: before }),
    }),
    event('sid', 140, { ...player, state: 'ended', sequence: 4 }),
    event(after, 150, { ...server, kind: 'close', bytes: 9_000_000, lostPackets: 2, reason: 'ERR_SLOW' }),
  ]
}

/** Each call of `open` opens an empty store that ends with the test. */
export function joinSuite(open: (t: TestContext) => Promise<AudienceStore>): void {
  describe('a name that comes late', () => {
    const filled = async (t: TestContext, events: readonly PlayEvent[], size: number, settles = true) => {
      const store = await open(t)
      for (const batch of batchesOf(events, { size })) {
        await store.commit([batch])
        if (settles) await store.settle()
      }
      while (await store.settle()) continue
      return store
    }
    const everything = async (store: AudienceStore) => ({
      overview: await store.overview(RANGE),
      series: await store.series(RANGE, MINUTE),
      paths: await store.shares(RANGE, 'path'),
      families: await store.shares(RANGE, 'family'),
      sessions: (await store.sessions({ ...RANGE, limit: 100 })).sessions.toSorted((x, y) => (x.id < y.id ? -1 : 1)),
    })
    const others = goldenEvents()
    const inTime = [...others, ...viewer('sid', 'sid')]
    const late = [...others, ...viewer(FORMER, 'sid')]

    it('gives the session, and all numbers, that it had given at once', async (t) => {
      const wanted = await everything(await filled(t, inTime, 1000))
      assert.equal(wanted.sessions.find(({ id }) => id === 'sid')?.bytes, 9_000_000)

      for (const [size, settles] of [
        [1, true],
        [1, false],
        [3, false],
        [1000, true],
      ] as const) {
        const store = await filled(t, late, size, settles)
        assert.deepEqual(await everything(store), wanted)
        assert.equal(await store.session(FORMER, RANGE.now), undefined)
        const found = await store.session('sid', RANGE.now)
        // The golden ones end before it: their events have no part in it.
        assert.deepEqual(
          found?.events.map(({ source, kind }) => `${source} ${kind}`),
          viewer(FORMER, 'sid').map(({ source, kind }) => `${source} ${kind}`),
        )
        assert.deepEqual([found?.start, found?.end], [GOLDEN_START, GOLDEN_START + 150_000])
      }
    })

    it('goes on with the session when more is told of it', async (t) => {
      const events = viewer(FORMER, 'sid')
      const wanted = await everything(await filled(t, viewer('sid', 'sid'), 1000))
      // What was on its way comes behind the name.
      const [open, ...rest] = events
      const overtaken = [open ?? assert.fail(), ...rest.filter(({ source }) => source === 'server'), ...rest].filter(
        (one, at, all) => all.indexOf(one) === at,
      )

      assert.deepEqual(await everything(await filled(t, overtaken, 2)), wanted)
    })

    it('takes what is known under the former one with it when the session was erased', async (t) => {
      const store = await filled(t, viewer(FORMER, 'sid').slice(0, 7), 100)
      const committed = await store.committed()

      await store.erase('sid', RANGE.now)
      await store.commit(batchesOf(viewer(FORMER, 'sid').slice(7), { first: committed + 1, size: 100 }))
      while (await store.settle()) continue

      assert.equal(await store.session(FORMER, RANGE.now), undefined)
      const { attempts, bytes, played } = await store.overview(RANGE)
      assert.deepEqual([attempts, bytes, played], [0, 0, 0])
    })

    it('of a session that is not there, or of itself, changes nothing', async (t) => {
      const nobody = [...inTime, event('sid', 151, { source: 'server', kind: 'interval', formerId: 'nobody' })]
      const itself = [...inTime, event('sid', 151, { source: 'server', kind: 'interval', formerId: 'sid' })]

      const numbers = await Promise.all(
        [inTime, nobody, itself].map(async (events) => {
          const { sessions, overview } = await everything(await filled(t, events, 7))
          return [sessions.length, overview.played, overview.bytes]
        }),
      )

      assert.deepEqual([numbers[1], numbers[2]], [numbers[0], numbers[0]])
    })
  })
}
