import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it, type TestContext } from 'node:test'
import { AudienceIntake } from './audience-intake.ts'
import { listSpoolFiles } from './spool/spool-files.ts'
import { GOLDEN_START, goldenEvents } from './store/vectors.ts'

const CHILD = join(import.meta.dirname, 'testdata', 'endless-reports.ts')
const NOW = GOLDEN_START + 3_600_000

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'intake-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Runs the program until it has acknowledged that many, then kills it; resolves with the last that it said. */
async function runAndKill(t: TestContext, folder: string, run: number, enough: number): Promise<number> {
  const child = spawn(process.execPath, [CHILD, folder, String(run)], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  for await (const piece of child.stdout) {
    said += String(piece)
    if (Number(said.trimEnd().split('\n').at(-1)) >= enough) child.kill('SIGKILL')
  }
  // The last line may be cut: what is not said whole is not acknowledged.
  return Number(said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1))
}

describe('what was acknowledged', () => {
  it('is in the store once, whenever the process was killed', async (t) => {
    const folder = folderFor(t)
    const acknowledged: number[] = []
    for (const [run, enough] of [0, 40, 700, 150, 1500].entries()) {
      acknowledged.push(await runAndKill(t, folder, run, enough))
    }
    const intake = await AudienceIntake.open({ folder })
    await intake.drain()
    await intake.close()

    const database = new DatabaseSync(join(folder, 'audience.sqlite'))
    t.after(() => database.close())
    const stored = database
      .prepare(
        `SELECT audience_session.id AS id, count(*) AS events, count(DISTINCT json_extract(line, '$.position')) AS different,
                max(json_extract(line, '$.position')) AS last
         FROM audience_event JOIN audience_session ON session = key GROUP BY audience_session.id`,
      )
      .all()
    assert.equal(stored.length, 3 * acknowledged.length)
    for (const { id, events, different, last } of stored) {
      const said = acknowledged[Number(String(id)[0])] ?? assert.fail()
      // One more may have been taken and not said any more; none is missing, and none is there twice.
      assert.deepEqual([events, different], [Number(last) + 1, Number(last) + 1])
      assert.ok(Number(last) >= said && Number(last) <= said + 1, `${String(id)}: ${String(last)} of ${said}`)
    }
    const minutes = database.prepare('SELECT sum(active) AS active FROM audience_minute').get()
    assert.equal(minutes?.['active'], stored.length)
  })

  it('waits in the spool while the database is away, and comes when it is back', async (t) => {
    const folder = folderFor(t)
    const failures: unknown[] = []
    const intake = await AudienceIntake.open({ folder, onFailure: (error) => failures.push(error), fileBytes: 500 })
    t.after(() => intake.close())
    // Both threads have opened it then, and make no table any more.
    await intake.store.session('nobody', NOW)
    const lock = new DatabaseSync(join(folder, 'audience.sqlite'))
    lock.exec('ALTER TABLE audience_event RENAME TO elsewhere')
    for (const event of goldenEvents()) await intake.append([event])
    await assert.rejects(intake.drain(), { code: 'ERR_AUDIENCE_STORE' })
    assert.ok(listSpoolFiles(join(folder, 'spool')).length > 1)

    lock.exec('ALTER TABLE elsewhere RENAME TO audience_event')
    lock.close()
    await intake.drain()

    const range = { from: GOLDEN_START, until: NOW, now: NOW }
    const { attempts, played } = await intake.store.overview(range)
    assert.deepEqual([attempts, played], [8, 227_000])
    assert.ok(intake.waitingBytes < 1000)
  })

  it('is refused when the spool is full, and nothing that was taken is lost', async (t) => {
    const folder = folderFor(t)
    const intake = await AudienceIntake.open({ folder, maxBytes: 600 })
    t.after(() => intake.close())
    const events = goldenEvents()
    const results = await Promise.allSettled(events.map((event) => intake.append([event])))

    const taken = events.filter((_, at) => results[at]?.status === 'fulfilled')
    await intake.drain()

    assert.ok(taken.length > 0 && taken.length < events.length)
    for (const result of results) {
      if (result.status === 'rejected') assert.equal(result.reason.code, 'ERR_AUDIENCE_SPOOL_FULL')
    }
    const ids = new Set(taken.map(({ sessionId }) => sessionId))
    const { sessions } = await intake.store.sessions({ from: GOLDEN_START, until: NOW, now: NOW, limit: 100 })
    assert.deepEqual(new Set(sessions.map(({ id }) => id)), ids)
  })

  it('is read anew where the database is another one', async (t) => {
    const folder = folderFor(t)
    const first = await AudienceIntake.open({ folder })
    await first.append(goldenEvents())
    await first.drain()
    await first.append(goldenEvents().map((event) => ({ ...event, sessionId: `${event.sessionId}2` })))
    await first.close()
    renameSync(join(folder, 'audience.sqlite'), join(folder, 'old.sqlite'))

    const second = await AudienceIntake.open({ folder })
    t.after(() => second.close())
    await second.append(goldenEvents().map((event) => ({ ...event, sessionId: `${event.sessionId}3` })))
    await second.drain()

    const { attempts } = await second.store.overview({ from: GOLDEN_START, until: NOW, now: NOW })
    assert.equal(attempts, 24)
  })
})
