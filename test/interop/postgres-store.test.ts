/** The audience in a real PostgreSQL: the same answers as in SQLite. */
import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import { PostgresAudienceStore } from '../../src/services/audience/store/postgres-store.ts'
import { SqliteAudienceStore } from '../../src/services/audience/store/sqlite-store.ts'
import { storeSuite } from '../../src/services/audience/store/store.suite.ts'
import { batchesOf, GOLDEN_SESSIONS, GOLDEN_START, goldenEvents } from '../../src/services/audience/store/vectors.ts'
import { findTool, requireTool } from '../support/tools.ts'
import { Postgres } from './postgres.ts'

const DAY = 86_400_000
const RANGE = { from: GOLDEN_START, until: GOLDEN_START + 180_000, now: GOLDEN_START + 3_600_000 }

const initdb = findTool('postgres')
if (initdb === undefined) it('keeps the audience in PostgreSQL', (t) => void requireTool(t, 'postgres'))
else withPostgres(initdb)

function withPostgres(tool: string): void {
  let postgres: Postgres
  let databases = 0
  before(async () => {
    postgres = await Postgres.open(tool)
  })
  after(() => postgres.close())

  const openDatabase = () => postgres.createDatabase(`store${++databases}`)
  const open = (t: TestContext, url: string, spool = 'own') => {
    const store = new PostgresAudienceStore(url, spool)
    t.after(() => store.close())
    return store
  }

  storeSuite('PostgreSQL', async (t) => open(t, await openDatabase()))

  describe('the PostgreSQL store', () => {
    it('answers as SQLite does, in the same order', async (t) => {
      const stores = [open(t, await openDatabase()), new SqliteAudienceStore(':memory:')]
      t.after(() => stores[1]?.close())

      const [left, right] = await Promise.all(
        stores.map(async (store) => {
          for (const batch of batchesOf(goldenEvents().toReversed(), { size: 3 })) await store.commit([batch])
          while (await store.settle()) continue
          return [
            await store.overview(RANGE),
            await store.series(RANGE, 60_000),
            await store.shares(RANGE, 'path'),
            await store.shares(RANGE, 'family'),
            await store.sessions({ ...RANGE, limit: 3 }),
            await store.session('a', RANGE.now),
          ]
        }),
      )

      assert.deepEqual(left, right)
    })

    it('goes on with sessions that it knew before it was opened, each spool by itself', async (t) => {
      const url = await openDatabase()
      const whole = new SqliteAudienceStore(':memory:')
      t.after(() => whole.close())
      const batches = batchesOf(goldenEvents(), { size: 1 })
      await whole.commit(batches)

      for (const [at, { lines }] of batches.entries()) {
        const store = new PostgresAudienceStore(url, at % 2 === 0 ? 'left' : 'right')
        await store.commit([{ number: Math.floor(at / 2) + 1, lines }])
        await store.close()
      }

      const store = open(t, url, 'left')
      while (await store.settle()) continue
      assert.deepEqual(await store.overview(RANGE), await whole.overview(RANGE))
      assert.deepEqual(await store.session('a', RANGE.now), await whole.session('a', RANGE.now))
      assert.equal(await store.committed(), Math.ceil(batches.length / 2))
    })

    it('takes from two servers at once what they have of the same sessions', async (t) => {
      const url = await openDatabase()
      const stores = ['left', 'right'].map((spool) => open(t, url, spool))

      await Promise.all(
        stores.map(async (store, at) => {
          const own = goldenEvents().filter((_, place) => place % 2 === at)
          for (const batch of batchesOf(own, { size: 1 })) await store.commit([batch])
        }),
      )

      const [store] = stores
      while (await store?.settle()) continue
      const overview = await store?.overview(RANGE)
      assert.deepEqual([overview?.attempts, overview?.played, overview?.bytes], [8, 227_000, 12_000])
    })

    it('keeps the events of each day in a partition, and drops whole days', async (t) => {
      const url = await openDatabase()
      const store = open(t, url)
      const name = new URL(url).pathname.slice(1)
      const later = (days: number) =>
        goldenEvents().map((event) => ({
          ...event,
          sessionId: `${event.sessionId}${days}`,
          time: event.time + days * DAY,
          receivedAt: event.receivedAt + days * DAY,
        }))
      const days = [0, 1, 2, 20]
      await store.commit(batchesOf(days.flatMap(later), { size: 1000 }))
      const before = await store.overview({ ...RANGE, until: RANGE.until + 21 * DAY })
      const partitions = async () =>
        (
          await postgres.query(
            name,
            `SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid
             WHERE inhparent = 'audience_event'::regclass ORDER BY relname`,
          )
        ).map(({ relname }) => Number(String(relname).split('_').at(-1)) - Math.floor(GOLDEN_START / DAY))
      assert.deepEqual(await partitions(), days)
      const size = async () => {
        const [row] = await postgres.query(name, 'SELECT pg_database_size(current_database())::float8 AS bytes')
        return Number(row?.['bytes'])
      }
      const sizeBefore = await size()

      const keep = { eventsMs: 19 * DAY, sessionsMs: 1000 * DAY, maxBytes: 1e15 }
      // The limit falls into the second day, which stays whole.
      const removed = await store.retain(keep, GOLDEN_START + 20 * DAY + 200_000)
      const byBytes = await store.retain({ ...keep, maxBytes: 1 }, GOLDEN_START + 20 * DAY + 200_000)

      assert.deepEqual([removed, byBytes], [goldenEvents().length, 2 * goldenEvents().length])
      assert.deepEqual(await partitions(), [20])
      assert.ok((await size()) < sizeBefore)
      assert.deepEqual(await store.overview({ ...RANGE, until: RANGE.until + 21 * DAY }), before)
      const cut = await store.session('a0', RANGE.now)
      assert.deepEqual([cut?.isCut, cut?.events.length, cut?.played], [true, 0, 109_000])
    })

    it('knows of a session that goes on that some of its events were removed', async (t) => {
      const store = open(t, await openDatabase())
      const [first, ...rest] = GOLDEN_SESSIONS['a'] ?? assert.fail()
      await store.commit(batchesOf([first ?? assert.fail()]))
      await store.retain({ eventsMs: 0, sessionsMs: DAY, maxBytes: 1e15 }, (first?.receivedAt ?? 0) + 1)

      await store.commit(batchesOf(rest.toReversed(), { first: 2, size: 1 }))
      while (await store.settle()) continue

      const found = await store.session('a', RANGE.now)
      // Read again from what is left of it, it would have begun later.
      assert.deepEqual([found?.isCut, found?.events.length, found?.start], [true, rest.length, GOLDEN_START])
    })

    it('says that it is away, and is there again with the database', async (t) => {
      const away = open(t, postgres.url('nothing'))
      const nowhere = open(t, 'postgres://headend@127.0.0.1:1/audience')
      const wrong = { name: 'UnavailableError', code: 'ERR_AUDIENCE_STORE' }

      await assert.rejects(away.committed(), { ...wrong, message: /database "nothing" does not exist/ })
      await assert.rejects(nowhere.overview(RANGE), { ...wrong, message: /ECONNREFUSED/ })
      await postgres.createDatabase('nothing')
      assert.equal(await away.committed(), 0)
      await assert.rejects(away.series(RANGE, 1), RangeError)
    })
  })
}
