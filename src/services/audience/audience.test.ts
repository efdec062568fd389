import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { it, type TestContext } from 'node:test'
import { quietLogger } from '../../net/testdata/raw-client.ts'
import type { PlayEvent } from '../../playlog/play-event.ts'
import { Audience } from './audience.ts'
import { audienceOptions } from './options.ts'
import { MAX_REMOVED } from './store/store-limits.ts'

const HOUR_MS = 3_600_000

async function openAudience(
  t: TestContext,
  settings: Record<string, unknown> = {},
  folder = mkdtempSync(join(tmpdir(), 'audience-')),
): Promise<Audience> {
  const options = audienceOptions.parse(settings)
  const audience = await Audience.open({ folder, options: () => options, log: quietLogger() })
  t.after(async () => {
    await audience.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return audience
}

function eventAt(time: number, more: Partial<PlayEvent> = {}): PlayEvent {
  return { sessionId: 'a', kind: 'interval', source: 'cmcd', time, receivedAt: time, ...more }
}

it('takes what is more than one batch of the spool, by number and by bytes', async (t) => {
  const audience = await openAudience(t)
  const now = Date.now()
  // Each character of it is three bytes.
  const original = '\u3042'.repeat(8000)

  await audience.append(
    Array.from({ length: 2500 }, (_, sequence) => eventAt(now, { sequence })),
    false,
  )
  await audience.append(
    Array.from({ length: 100 }, (_, sequence) => eventAt(now, { sessionId: 'b', sequence, original })),
    false,
  )
  await audience.drain()

  assert.equal((await audience.store.session('a', now))?.events.length, 2500)
  const { events = [] } = (await audience.store.session('b', now)) ?? {}
  assert.equal(events.length, 100)
})

it('removes reports, and then sessions, when they are too old', async (t) => {
  const audience = await openAudience(t, { eventDays: 1, sessionDays: 2 })
  const now = Date.now()
  await audience.append([eventAt(now), eventAt(now, { sessionId: 'b', kind: 'close', source: 'server' })], false)
  await audience.drain()

  await audience.retain(now + 23 * HOUR_MS)
  assert.equal((await audience.store.session('a', now))?.events.length, 1)
  await audience.retain(now + 26 * HOUR_MS)
  assert.equal((await audience.store.session('a', now))?.events.length, 0)
  await audience.retain(now + 50 * HOUR_MS)
  assert.equal(await audience.store.session('a', now), undefined)
})

it('removes as many reports as are too old, and makes the file smaller', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'audience-'))
  const file = join(folder, 'audience.sqlite')
  const now = Date.now()
  const audience = await openAudience(t, { eventDays: 1 }, folder)
  await audience.append([eventAt(now)], false)
  await audience.drain()
  const database = new DatabaseSync(file)
  database.exec(`WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ${2.5 * MAX_REMOVED})
    INSERT INTO audience_event (session, received, folded, line) SELECT session, received, 1, line FROM audience_event, number`)
  database.close()
  const before = statSync(file).size

  await audience.retain(now + 25 * HOUR_MS)

  assert.ok(before > 50e6, `${before} bytes before`)
  assert.ok(statSync(file).size < 1e6, `${statSync(file).size} bytes after`)
  assert.equal((await audience.store.session('a', now))?.events.length, 0)
})
