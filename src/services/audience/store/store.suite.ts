/** What every store of the audience must do, whatever database it is. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { PlayEvent } from '../../../playlog/play-event.ts'
import { type AudienceRange, type AudienceStore, type EventFilter, MAX_SESSION_EVENTS } from './audience-store.ts'
import { joinSuite } from './joins.suite.ts'
import { batchesOf, GOLDEN_SESSIONS, GOLDEN_START, goldenEvents } from './vectors.ts'

const MINUTE = 60_000
const RANGE: AudienceRange = {
  from: GOLDEN_START,
  until: GOLDEN_START + 3 * MINUTE,
  now: GOLDEN_START + 60 * MINUTE,
}

/** Each call of `open` opens an empty store that ends with the test. */
export function storeSuite(name: string, open: (t: TestContext) => Promise<AudienceStore>): void {
  describe(`${name} keeps the audience`, () => {
    joinSuite(open)
    /** With events in that order, and what was late settled. */
    const filled = async (t: TestContext, events: readonly PlayEvent[], size = 2) => {
      const store = await open(t)
      for (const batch of batchesOf(events, { size })) await store.commit([batch])
      while (await store.settle()) continue
      return store
    }
    const everything = async (store: AudienceStore) => ({
      overview: await store.overview(RANGE),
      series: await store.series(RANGE, MINUTE),
      paths: await store.shares(RANGE, 'path'),
      sessions: (await store.sessions({ ...RANGE, limit: 100 })).sessions.toSorted((x, y) => (x.id < y.id ? -1 : 1)),
    })

    it('tells the numbers of a range', async (t) => {
      const overview = await (await filled(t, goldenEvents())).overview(RANGE)

      assert.deepEqual(overview, {
        attempts: 8,
        plays: 6,
        viewers: 7,
        // 0:55 to 1:05: a, e, h; f has been silent since 0:30.
        concurrent: 3,
        exitsBeforeStart: 1,
        startFailures: 1,
        playbackFailures: 1,
        // a 49 + 60, b 28, e 36, f 24, g 30 s.
        played: 227_000,
        // a 15, g 2 s.
        stalled: 17_000,
        stalls: 2,
        rebufferRatio: 17_000 / 244_000,
        networkRebufferRatio: 17_000 / 244_000,
        bitrate: (49 * 1000 + 60 * 3000) / 109,
        bytes: 12_000,
        errors: 3,
        // 1 s twice, 2 s, 4 s: the middle of their buckets.
        startup: { p50: 981, p75: 1961, p95: 3922 },
        codes: [
          { code: '404', count: 2 },
          { code: 'manifest', count: 1 },
        ],
      })
    })

    it('tells them for each interval', async (t) => {
      const series = await (await filled(t, goldenEvents())).series(RANGE, MINUTE)

      assert.deepEqual(
        series.map(({ time, concurrent, attempts, plays, played, stalled, stalls, errors, bytes, startup }) => [
          (time - GOLDEN_START) / MINUTE,
          ...[concurrent, attempts, plays, played, stalled, stalls, errors, bytes, startup],
        ]),
        [
          [0, 3, 6, 5, 49_000 + 28_000 + 26_000 + 24_000, 10_000, 1, 0, 0, 981],
          [1, 3, 2, 1, 55_000 + 10_000 + 30_000, 7000, 1, 3, 12_000, undefined],
          [2, 1, 0, 0, 5000, 0, 0, 0, 0, undefined],
        ],
      )
      assert.equal(series[1]?.bitrate, 3000)
    })

    it('tells them for a path, a protocol, a family of players', async (t) => {
      const store = await filled(t, goldenEvents())

      const told = await Promise.all([
        store.overview({ ...RANGE, path: 'live/one' }),
        store.overview({ ...RANGE, protocol: 'wmsp' }),
        store.overview({ ...RANGE, family: 'Chrome' }),
        store.overview({ ...RANGE, path: 'nothing' }),
      ])
      const shares = await store.shares(RANGE, 'protocol')

      assert.deepEqual(
        told.map(({ attempts, plays, played, viewers, concurrent, startup }) => [
          ...[attempts, plays, played, viewers, concurrent],
          startup?.p50,
        ]),
        [
          [4, 2, 137_000, 3, 2, 981],
          [1, 1, 30_000, 1, 1, undefined],
          [2, 2, 137_000, 1, 2, 981],
          [0, 0, 0, 0, 0, undefined],
        ],
      )
      assert.equal(told[3]?.rebufferRatio, undefined)
      assert.deepEqual(
        shares.map(({ name, attempts, plays, played }) => [name, attempts, plays, played]),
        [
          ['hls', 5, 4, 197_000],
          ['wmsp', 1, 1, 30_000],
          ['dash', 1, 0, 0],
          ['rtmp', 1, 1, 0],
        ],
      )
    })

    it('lists sessions as they are asked for, page by page', async (t) => {
      const store = await filled(t, goldenEvents())
      const ids = async (more: object) =>
        (await store.sessions({ ...RANGE, limit: 100, ...more })).sessions.map(({ id }) => id).join('')

      assert.equal((await ids({})).length, 8)
      assert.equal(await ids({ outcome: 'start-failure' }), 'd')
      assert.equal(await ids({ outcome: 'left', path: 'live/two', family: '' }), 'hf')
      assert.equal(await ids({ player: 'p1', protocol: 'hls' }), 'ba')
      assert.equal(
        (await ids({ troubled: true }))
          .split('')
          .sort((x, y) => (x < y ? -1 : 1))
          .join(''),
        'adeg',
      )
      const first = await store.sessions({ ...RANGE, limit: 5 })
      const second = await store.sessions({ ...RANGE, limit: 5, before: first.next ?? assert.fail() })
      assert.deepEqual([first.sessions.length, second.sessions.length, second.next], [5, 3, undefined])
    })

    it('knows who is there at present', async (t) => {
      const store = await filled(t, goldenEvents())
      const now = GOLDEN_START + 60_000

      const { concurrent } = await store.overview({ ...RANGE, now })
      const { sessions } = await store.sessions({ ...RANGE, now, outcome: 'open', limit: 9 })

      // f has told nothing for 30 s, which says nothing yet.
      assert.equal(concurrent, 4)
      assert.deepEqual(
        sessions.map(({ id }) => id),
        ['f'],
      )
    })

    it('counts who was there for a moment only, and two that follow each other as one at a time', async (t) => {
      const shown = (sessionId: string, seconds: readonly number[]): PlayEvent[] =>
        seconds.map((second, sequence) => {
          const time = GOLDEN_START + second * 1000
          const state = sequence === 0 ? 'playing' : 'quit'
          return { sessionId, kind: 'state', source: 'cmcd', time, receivedAt: time, sequence, state }
        })
      const store = await filled(t, [
        ...shown('first', [0, 10]),
        ...shown('second', [10, 20]),
        ...shown('moment', [70]),
      ])

      const series = await store.series(RANGE, MINUTE)

      assert.deepEqual(
        series.map(({ concurrent }) => concurrent),
        [1, 1, 0],
      )
    })

    it('tells all of one session', async (t) => {
      const store = await filled(t, goldenEvents())

      const found = await store.session('a', RANGE.now)

      assert.ok(found !== undefined)
      assert.deepEqual(found.events, GOLDEN_SESSIONS['a'])
      assert.deepEqual(
        found.spans.map(({ state, start, end }) => [state, (start - GOLDEN_START) / 1000, (end - GOLDEN_START) / 1000]),
        [
          ['starting', 0, 1],
          ['playing', 1, 50],
          ['rebuffering', 50, 65],
          ['playing', 65, 125],
          ['ended', 125, 125],
        ],
      )
      assert.deepEqual(
        [found.outcome, found.startup, found.played, found.stalled, found.bitrateUp, found.address, found.isCut],
        ['ended', 1000, 109_000, 15_000, 1, '192.0.2.0', false],
      )
      assert.equal(await store.session('nobody', RANGE.now), undefined)
    })

    it('tells of a session with very many events what happened, before what was requested', async (t) => {
      const [event] = GOLDEN_SESSIONS['a'] ?? []
      const common = { ...(event ?? assert.fail()), kind: 'request', original: '"kind":"state"' } as const
      const requests = Array.from({ length: MAX_SESSION_EVENTS + 100 }, (_, at) => ({
        ...common,
        sequence: at,
        time: GOLDEN_START + at,
        receivedAt: GOLDEN_START + at,
      }))
      const late = { ...(event ?? assert.fail()), state: 'rebuffering', sequence: requests.length } as const
      const stall = { ...late, time: GOLDEN_START + 60_000, receivedAt: GOLDEN_START + 60_000, reason: common.original }
      const store = await filled(t, [...requests, stall], 1000)

      const found = await store.session('a', RANGE.now)

      assert.equal(found?.events.length, MAX_SESSION_EVENTS)
      assert.deepEqual(found.events.at(-1), stall)
      assert.equal(found.events.at(-2)?.sequence, MAX_SESSION_EVENTS - 2)
      assert.equal(found.isCut, true)
    })

    it('gives the same whatever the order and the batches they came in', async (t) => {
      const events = goldenEvents()
      const wanted = await everything(await filled(t, events))
      // The path, protocol and player of a session may come behind its first events.
      const halves = [...events.filter((_, at) => at % 3 === 1), ...events.filter((_, at) => at % 3 !== 1)]

      for (const [order, size] of [
        [events, 1000],
        [events.toReversed(), 1],
        [halves, 3],
        [halves.toReversed(), 5],
      ] as const) {
        assert.deepEqual(await everything(await filled(t, order, size)), wanted)
      }
    })

    it('moves the numbers of a session that tells later whose they are', async (t) => {
      const events = goldenEvents()
      const wanted = await everything(await filled(t, events))
      const seen = new Set<string>()
      const anonymous = events.map((event) => {
        if (seen.has(event.sessionId) || (GOLDEN_SESSIONS[event.sessionId]?.length ?? 0) < 2) return event
        seen.add(event.sessionId)
        const { path: _, protocol: __, userAgent: ___, ...rest } = event
        return rest
      })

      assert.deepEqual(await everything(await filled(t, anonymous, 1)), wanted)
    })

    it('takes each batch once, and each record of a player once', async (t) => {
      const events = goldenEvents()
      const store = await filled(t, events)
      const before = await everything(store)
      const committed = await store.committed()

      const again = await store.commit(batchesOf(events))
      const sentAgain = await store.commit(batchesOf(events, { first: committed + 1, size: 100 }))

      assert.deepEqual(again, { committed, events: 0, duplicates: 0, erased: 0 })
      assert.deepEqual(sentAgain, { committed: committed + 1, events: 0, duplicates: events.length, erased: 0 })
      assert.deepEqual(await everything(store), before)
    })

    it('forgets a session, its numbers, and what of it was on its way', async (t) => {
      const events = goldenEvents()
      const others = await everything(
        await filled(
          t,
          events.filter(({ sessionId }) => sessionId !== 'a'),
        ),
      )
      const store = await filled(t, events.slice(0, -1))
      const committed = await store.committed()

      assert.equal(await store.erase('a', RANGE.now), true)
      assert.equal(await store.erase('nobody', RANGE.now), false)
      const late = await store.commit(batchesOf(GOLDEN_SESSIONS['a'] ?? [], { first: committed + 1, size: 9 }))
      while (await store.settle()) continue

      assert.equal(late.erased, 5)
      assert.equal(await store.session('a', RANGE.now), undefined)
      assert.deepEqual(await everything(store), others)
    })

    it('removes what is too old, and keeps the numbers that are to be kept', async (t) => {
      const store = await filled(t, goldenEvents())
      const before = await store.overview(RANGE)
      const keep = { eventsMs: 0, sessionsMs: 86_400_000, maxBytes: 1e12 }

      const removed = await store.retain({ ...keep, eventsMs: RANGE.now - GOLDEN_START - 30_000 }, RANGE.now)

      assert.ok(removed > 5 && removed < goldenEvents().length)
      assert.deepEqual(await store.overview(RANGE), before)
      const cut = await store.session('a', RANGE.now)
      assert.deepEqual([cut?.isCut, cut?.played], [true, 109_000])
      assert.equal(await store.retain({ ...keep, sessionsMs: 0 }, RANGE.now), goldenEvents().length - removed)
      assert.equal((await store.overview(RANGE)).attempts, 0)
    })

    it('takes no number that cannot be, and no time that is not near', async (t) => {
      const forged = (sequence: number, more: Partial<PlayEvent>): PlayEvent => ({
        ...(GOLDEN_SESSIONS['a']?.[0] ?? assert.fail()),
        receivedAt: GOLDEN_START + sequence * 1000,
        sequence,
        ...more,
      })
      const store = await filled(t, [
        forged(1, { time: 0, state: 'playing', bitrate: 1e300 }),
        forged(2, { time: 8e15, bytes: -5, played: 1e300, kind: 'log', errors: Array.from({ length: 500 }, String) }),
        forged(3, {
          time: GOLDEN_START + 2500.4,
          userAgent: `Firefox ${'x'.repeat(5000)}`,
          stalled: 1e18,
          stalls: 0.2,
        }),
      ])

      const { played, bytes, stalled, bitrate, errors } = await store.overview(RANGE)

      assert.deepEqual([played, bytes, stalled, bitrate, errors], [1000, 0, 0, undefined, 8])
      const found = await store.session('a', RANGE.now)
      assert.deepEqual([found?.start, found?.end], [GOLDEN_START + 1000, GOLDEN_START + 2500])
    })

    it('takes whatever text and number an event can have, and finds it again', async (t) => {
      const store = await open(t)
      const odd = ['\0', 'a\0b', '\ud800', '\ufffd', '"\\{},\'', 'NULL', '', '=1+1', '\n\r\t', '🎬', '\u202e', '-1e999']
      const events = odd.flatMap((text, at): PlayEvent[] => {
        const time = GOLDEN_START + at
        const common = { kind: 'error', source: 'cmcd', time, receivedAt: time, sequence: at } as const
        const told = { path: text, protocol: text, playerId: text, userAgent: text, contentId: text, address: text }
        const sums = {
          bytes: 2 ** 50,
          droppedFrames: 2 ** 40,
          bitrate: 10_000_000,
          played: 86_400_000,
          stalled: 86_400_000,
        }
        return [{ ...common, ...told, ...sums, sessionId: `s${text}`, errors: [text], reason: text, original: text }]
      })
      const flood = Array.from(
        { length: 9000 },
        (_, at): PlayEvent => ({
          ...(events[0] ?? assert.fail()),
          sessionId: `flood${at}`,
          kind: 'log',
        }),
      )

      const { events: stored } = await store.commit(batchesOf([...events, ...flood], { size: 1000 }))

      assert.equal(stored, events.length + flood.length)
      for (const { sessionId } of events)
        assert.ok((await store.session(sessionId, RANGE.now)) !== undefined, sessionId)
      assert.equal((await store.overview({ ...RANGE, path: 'a\0b' })).attempts, 1)
      assert.equal((await store.overview(RANGE)).bytes, Number.MAX_SAFE_INTEGER)
      assert.equal((await store.sessions({ ...RANGE, player: '\0', limit: 10 })).sessions.length, 10)
      assert.equal(await store.erase('s\0', RANGE.now), true)
    })

    it('gives the events of the sessions that are asked for, page by page', async (t) => {
      const events = goldenEvents()
      const many = Array.from({ length: 1200 }, (_, sequence): PlayEvent => {
        const time = GOLDEN_START + sequence
        return {
          sessionId: 'long',
          kind: 'interval',
          source: 'cmcd',
          time,
          receivedAt: time,
          sequence,
          path: 'live/long',
        }
      })
      const few = Array.from({ length: 1100 }, (_, at): PlayEvent => {
        const time = GOLDEN_START + at
        return { sessionId: `short${at}`, kind: 'other', source: 'cmcd', time, receivedAt: time, path: 'live/short' }
      })
      const store = await filled(t, [...events, ...many, ...few], 500)
      const ask = async (more: Partial<EventFilter>) => {
        const found: PlayEvent[] = []
        const sizes: number[] = []
        let after: EventFilter['after']
        do {
          const page = await store.events({ ...RANGE, ...more, ...(after !== undefined && { after }) })
          found.push(...page.events)
          sizes.push(page.events.length)
          after = page.next
        } while (after !== undefined)
        return { found, sizes }
      }

      const golden = await ask({ path: 'live/two' })
      const long = await ask({ path: 'live/long' })
      const short = await ask({ path: 'live/short' })
      const all = await ask({})

      assert.deepEqual(
        golden.found,
        ['g', 'h', 'e', 'f'].flatMap((id) => GOLDEN_SESSIONS[id] ?? []),
      )
      assert.deepEqual([long.found, long.sizes], [many, [500, 500, 200]])
      assert.deepEqual([short.found, Math.max(...short.sizes)], [few.toReversed(), 500])
      assert.equal(all.found.length, events.length + many.length + few.length)
      assert.deepEqual((await ask({ outcome: 'start-failure' })).found, GOLDEN_SESSIONS['d'])
      assert.deepEqual(await ask({ path: 'nothing' }), { found: [], sizes: [0] })
    })

    it('refuses questions that would give too much', async (t) => {
      const store = await open(t)
      const year = { ...RANGE, until: GOLDEN_START + 365 * 86_400_000 }

      await assert.rejects(() => store.series(year, MINUTE), RangeError)
      await assert.rejects(() => store.series(RANGE, 1), RangeError)
      await assert.rejects(() => store.series(RANGE, Number.NaN), RangeError)
    })
  })
}
