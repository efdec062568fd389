import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LazyStore } from '../audience/store/lazy-store.ts'
import { SqliteAudienceStore } from '../audience/store/sqlite-store.ts'
import { AudienceMetrics } from './audience-metrics.ts'
import { Exposition } from './exposition.ts'
import type { Operation } from './operation.ts'

function printed(metrics: AudienceMetrics): string {
  const page = new Exposition()
  metrics.print(page)
  return page.text()
}

test('a scrape does not wait for a store that does not answer, and says nothing old', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const store = new SqliteAudienceStore(':memory:')
  t.after(() => store.close())
  const metrics = new AudienceMetrics({ audience: store, hub: { find: () => undefined } } as unknown as Operation)
  let now = 0
  t.mock.method(performance, 'now', () => now)
  await metrics.refresh()
  assert.match(printed(metrics), /^headend_audience_up 1$/m)
  t.mock.method(store, 'overview', () => new Promise<never>(() => undefined))
  now = 60_000

  const scraped = metrics.refresh()
  t.mock.timers.tick(2000)
  await scraped

  assert.match(printed(metrics), /^headend_audience_up 0$/m)
  assert.doesNotMatch(printed(metrics), /concurrent/)
})

test('a scrape opens no store that nobody has reported to, and tells nothing of it', async (t) => {
  const store = new SqliteAudienceStore(':memory:')
  t.after(() => store.close())
  let opened = 0
  let isWanted = false
  const lazy = new LazyStore(
    async () => {
      opened++
      return store
    },
    () => isWanted,
  )
  const operation = { audience: lazy, hub: { find: () => undefined } } as unknown as Operation
  const [before, later] = [new AudienceMetrics(operation), new AudienceMetrics(operation)]

  await before.refresh()
  const silent = printed(before)
  isWanted = true
  await later.refresh()

  assert.deepEqual([silent.includes('headend_audience'), opened > 0], [false, true])
  assert.match(printed(later), /^headend_audience_up 1$/m)
})

test('many scrapes at the same time, or soon one after the other, ask the store once', async (t) => {
  const store = new SqliteAudienceStore(':memory:')
  t.after(() => store.close())
  const overview = t.mock.method(store, 'overview')
  const metrics = new AudienceMetrics({ audience: store, hub: { find: () => undefined } } as unknown as Operation)

  await Promise.all([metrics.refresh(), metrics.refresh()])
  await metrics.refresh()

  assert.equal(overview.mock.callCount(), 1)
})
