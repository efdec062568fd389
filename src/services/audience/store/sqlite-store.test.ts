import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import { mostAtOnce } from './concurrency.ts'
import { SqliteAudienceStore } from './sqlite-store.ts'
import { storeSuite } from './store.suite.ts'
import { StoreThread } from './store-thread.ts'
import { batchesOf, GOLDEN_SESSIONS, GOLDEN_START, goldenEvents } from './vectors.ts'

function fileFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'audience-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'audience.sqlite')
}

storeSuite('SQLite', async (t) => {
  const store = new SqliteAudienceStore(':memory:')
  t.after(() => store.close())
  return store
})

describe('a thread with SQLite', () => {
  it('answers as the store does', async (t) => {
    const range = { from: GOLDEN_START, until: GOLDEN_START + 180_000, now: GOLDEN_START + 3_600_000 }
    const store = new SqliteAudienceStore(':memory:')
    const thread = new StoreThread(fileFor(t))
    t.after(() => Promise.all([store.close(), thread.close()]))
    const batches = batchesOf(goldenEvents())

    for (const one of [store, thread]) {
      assert.equal((await one.commit(batches)).committed, batches.length)
      assert.equal(await one.settle(), false)
    }

    assert.equal(await thread.committed(), await store.committed())
    assert.deepEqual(await thread.overview(range), await store.overview(range))
    assert.deepEqual(await thread.series(range, 60_000), await store.series(range, 60_000))
    assert.deepEqual(await thread.shares(range, 'path'), await store.shares(range, 'path'))
    assert.deepEqual(await thread.sessions({ ...range, limit: 3 }), await store.sessions({ ...range, limit: 3 }))
    assert.deepEqual(await thread.session('a', range.now), await store.session('a', range.now))
    assert.equal(await thread.erase('a', range.now), true)
    assert.equal(await thread.session('a', range.now), undefined)
    await assert.rejects(thread.series(range, 1), RangeError)
    await thread.close()
    await assert.rejects(thread.committed(), { code: 'ERR_AUDIENCE_STORE' })
  })
})

describe('the SQLite store', () => {
  it('goes on with sessions that it knew before it was opened', async (t) => {
    const file = fileFor(t)
    const batches = batchesOf(goldenEvents(), { size: 1 })
    const range = { from: GOLDEN_START, until: GOLDEN_START + 180_000, now: GOLDEN_START + 3_600_000 }
    const whole = new SqliteAudienceStore(':memory:')
    t.after(() => whole.close())
    await whole.commit(batches)
    for (const batch of batches) {
      const store = new SqliteAudienceStore(file)
      await store.commit([batch])
      await store.close()
    }
    const store = new SqliteAudienceStore(file)
    t.after(() => store.close())

    assert.deepEqual(await store.overview(range), await whole.overview(range))
    assert.deepEqual(await store.session('a', range.now), await whole.session('a', range.now))
    assert.equal(await store.committed(), batches.length)
  })

  it('is for its owner, and leaves nothing of an erased session in its files', async (t) => {
    const file = fileFor(t)
    const store = new SqliteAudienceStore(file)
    t.after(() => store.close())
    const secret = { ...(GOLDEN_SESSIONS['a']?.[0] ?? assert.fail()), sessionId: 'who-knows', original: 'tell-nobody' }
    await store.commit(batchesOf([...goldenEvents(), secret]))

    await store.erase('who-knows', Number.MAX_SAFE_INTEGER)

    for (const name of readdirSync(join(file, '..'))) {
      const path = join(file, '..', name)
      assert.equal(statSync(path).mode & 0o077, 0, name)
      const text = readFileSync(path, 'latin1')
      assert.ok(!text.includes('tell-nobody') && !text.includes('who-knows'), name)
    }
  })

  it('removes the oldest events when it is too large', async (t) => {
    const file = fileFor(t)
    const store = new SqliteAudienceStore(file)
    t.after(() => store.close())
    const [event] = GOLDEN_SESSIONS['a'] ?? assert.fail()
    const many = Array.from({ length: 25_000 }, (_, sequence) => ({
      ...(event ?? assert.fail()),
      sessionId: `s${sequence % 50}`,
      sequence,
      original: 'x'.repeat(100),
    }))
    for (const batch of batchesOf(many, { size: 1000 })) await store.commit([batch])

    const removed = await store.retain({ eventsMs: 1e12, sessionsMs: 1e12, maxBytes: 5_000_000 }, GOLDEN_START)

    assert.equal(removed, 20_000)
    const onDisk = ['', '-wal'].reduce((sum, tail) => sum + statSync(`${file}${tail}`).size, 0)
    assert.ok(onDisk < 5_000_000, `${onDisk} bytes on the disk`)
    assert.equal((await store.session('s7', GOLDEN_START))?.events.length, 100)
  })

  it('refuses to open what is no database', async (t) => {
    const file = fileFor(t)
    writeFileSync(file, 'text, and not little of it '.repeat(100))

    assert.throws(() => new SqliteAudienceStore(file), { code: 'ERR_AUDIENCE_STORE', name: 'ConfigError' })
    const thread = new StoreThread(file)
    await assert.rejects(thread.committed(), { code: 'ERR_AUDIENCE_STORE', name: 'UnavailableError' })
    await thread.close()
  })
})

describe('sessions at the same time', () => {
  it('are counted at their most in each interval', () => {
    const presences = fc.array(
      fc
        .record({ start: fc.nat(60), length: fc.integer({ min: 1, max: 40 }) })
        .map(({ start, length }) => ({ start, end: start + length })),
      { maxLength: 20 },
    )

    fc.assert(
      fc.property(presences, fc.integer({ min: 1, max: 30 }), (all, step) => {
        const slow = Array.from({ length: Math.ceil(50 / step) }, (_, index) => {
          const moments = Array.from({ length: Math.min(step, 50 - index * step) }, (_, at) => 10 + index * step + at)
          return Math.max(...moments.map((at) => all.filter(({ start, end }) => start <= at && end > at).length))
        })
        const starts = Float64Array.from(all, ({ start }) => start)
        const ends = Float64Array.from(all, ({ end }) => end)
        assert.deepEqual(mostAtOnce({ starts, ends }, { from: 10, until: 60, step }), slow)
      }),
    )
  })
})
