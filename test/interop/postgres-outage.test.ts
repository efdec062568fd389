/** Reports while a real PostgreSQL goes away and comes back: what was acknowledged is there once, and nothing else. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { PlayEvent } from '../../src/playlog/play-event.ts'
import { createLogServer } from '../../src/server/log-server.ts'
import { AudienceIntake } from '../../src/services/audience/audience-intake.ts'
import { findTool, requireTool } from '../support/tools.ts'
import { AnswerThief } from './answer-thief.ts'
import { Postgres } from './postgres.ts'

const REPORTS = join(import.meta.dirname, '../../src/services/audience/testdata/endless-reports.ts')
const START = Date.UTC(2026, 10, 25, 20)
const POLL_MS = 20

const initdb = findTool('postgres')
if (initdb === undefined) it('keeps reports while PostgreSQL is away', (t) => void requireTool(t, 'postgres'))
else withPostgres(initdb)

function withPostgres(tool: string): void {
  let postgres: Postgres
  let databases = 0
  before(async () => {
    postgres = await Postgres.open(tool)
  })
  after(() => postgres.close())

  const openDatabase = async () => {
    const name = `outage${++databases}`
    return { name, url: await postgres.createDatabase(name) }
  }

  /** By session, the positions that are in the database, as often as they are. */
  const readHistory = async (database: string): Promise<Map<string, number[]>> => {
    const rows = await postgres.query(
      database,
      `SELECT audience_session.id AS id, (line::json->>'position')::int AS sequence
       FROM audience_event JOIN audience_session ON session = key ORDER BY audience_session.id, sequence`,
    )
    const history = new Map<string, number[]>()
    for (const { id, sequence } of rows) {
      const known = history.get(String(id))
      if (known === undefined) history.set(String(id), [Number(sequence)])
      else known.push(Number(sequence))
    }
    return history
  }

  describe('reports while PostgreSQL is away', () => {
    it('are there once when it is back, however it went', async (t) => {
      const { name, url } = await openDatabase()
      const failures: unknown[] = []
      const intake = await AudienceIntake.open({
        folder: folderFor(t),
        database: url,
        fileBytes: 20_000,
        onFailure: (error) => failures.push(error),
      })
      t.after(() => intake.close())
      let sequence = 0
      const report = async (count: number) => {
        for (const until = sequence + count; sequence < until; sequence++) await intake.append(eventsOf(sequence))
      }
      const failed = async () => {
        const before = failures.length
        await until(() => failures.length > before)
      }

      await report(100)
      for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
        await report(50)
        const stopped = postgres.stop(signal)
        await report(50)
        await stopped
        await report(50)
        await failed()
        const started = postgres.start()
        await report(50)
        await started
        await until(() => intake.waitingBytes < 20_000)
      }
      for (let kills = 0; kills < 20; kills++) {
        await report(10)
        await postgres.query(
          name,
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND pid <> pg_backend_pid()`,
        )
      }
      await drained(intake)

      const all = Array.from({ length: sequence }, (_, at) => at)
      assert.deepEqual(await readHistory(name), new Map(['x', 'y', 'z'].map((id) => [id, all])))
      const { attempts } = await intake.store.overview({ from: START, until: START + 60_000, now: START + 3_600_000 })
      assert.equal(attempts, 3)
      for (const error of failures) assert.equal((error as { code?: string }).code, 'ERR_AUDIENCE_STORE')
    })

    it('are there once where nobody heard whether they were stored', async (t) => {
      const { name } = await openDatabase()
      const thief = await AnswerThief.open(t, postgres.folder)
      const failures: unknown[] = []
      const intake = await AudienceIntake.open({
        folder: folderFor(t),
        database: `${postgres.url(name, thief.folder)}&query_timeout=300`,
        onFailure: (error) => failures.push(error),
      })
      t.after(() => intake.close())
      let sequence = 0
      for (let round = 1; round <= 3; round++) {
        // The second is of the look at the tables, behind which only what is known here says where to go on.
        thief.steal(2)
        for (const end = sequence + 20; sequence < end; sequence++) await intake.append(eventsOf(sequence))
        await until(() => thief.stolen === 2 * round)
      }
      await drained(intake)

      const all = Array.from({ length: sequence }, (_, at) => at)
      assert.deepEqual(await readHistory(name), new Map(['x', 'y', 'z'].map((id) => [id, all])))
      assert.ok(failures.length > 0)
      for (const error of failures) assert.equal((error as { code?: string }).code, 'ERR_AUDIENCE_STORE')
    })

    it('are refused when no more of them can be kept, and those that were taken are there', async (t) => {
      const { name, url } = await openDatabase()
      const intake = await AudienceIntake.open({ folder: folderFor(t), database: url, maxBytes: 400_000 })
      t.after(() => intake.close())
      await postgres.stop('SIGKILL')
      const taken: number[] = []

      await assert.rejects(
        async () => {
          for (let sequence = 0; sequence < 10_000; sequence++) {
            await intake.append(eventsOf(sequence))
            taken.push(sequence)
          }
        },
        { name: 'UnavailableError', code: 'ERR_AUDIENCE_SPOOL_FULL' },
      )
      await postgres.start()
      await drained(intake)
      await intake.append(eventsOf(taken.length))
      await drained(intake)

      const all = [...taken, taken.length]
      assert.ok(all.length > 10)
      assert.deepEqual(await readHistory(name), new Map(['x', 'y', 'z'].map((id) => [id, all])))
    })

    it('are acknowledged by a server that began without it, and told of when it is there', async (t) => {
      const { name, url } = await openDatabase()
      await postgres.stop('SIGINT')
      const server = await createLogServer(
        { host: '127.0.0.1', data: folderFor(t), http: { port: 0 }, audience: { database: url } },
        { writeLog: () => undefined, terminal: false },
      )
      t.after(() => server.close())
      const ask = (target: string, init: RequestInit = {}) =>
        fetch(`${server.urls['http']}${target}`, {
          ...init,
          headers: { authorization: `Bearer ${server.secrets.adminToken}`, 'content-type': 'application/cmcd' },
        })
      const report = (sequence: number, state: string) =>
        ask('/logs/cmcd', {
          method: 'POST',
          body: `v=2,e=ps,sta=${state},sid="one",sn=${sequence},ts=${Date.now() - 5000 + sequence * 1000}`,
        })

      const reported = [await report(0, 's'), await report(1, 'p'), await report(2, 'e'), await report(2, 'e')]
      const overview = await ask('/api/v1/audience/overview')
      await postgres.start()
      const exported = async () => (await ask('/api/v1/audience/export?what=events&format=jsonl&from=-10m')).text()
      while ((await exported()).split('\n').length < 4) await delay(POLL_MS)

      assert.deepEqual(
        reported.map(({ status }) => status),
        [204, 204, 204, 204],
      )
      assert.equal(overview.status, 503)
      const events = (await exported()).trimEnd().split('\n')
      assert.deepEqual(
        events.map((line) => (JSON.parse(line) as PlayEvent).state),
        ['starting', 'playing', 'ended'],
      )
      assert.deepEqual(await postgres.query(name, 'SELECT events::int, outcome FROM audience_session'), [
        { events: 3, outcome: 'ended' },
      ])
    })

    it('are there once when both it and we were killed, and we began without it', async (t) => {
      const { name, url } = await openDatabase()
      const folder = folderFor(t)
      const acknowledged: number[] = []
      const run = async (enough: number, meanwhile: () => Promise<void>) => {
        acknowledged.push(await runAndKill(t, [folder, String(acknowledged.length), url], enough, meanwhile))
      }

      await run(200, () => postgres.stop('SIGKILL'))
      await run(100, () => postgres.start())
      await run(700, async () => {})
      await run(50, () => postgres.stop('SIGINT'))
      await run(30, async () => {})
      await postgres.start()
      const intake = await AudienceIntake.open({ folder, database: url })
      t.after(() => intake.close())
      await drained(intake)

      const history = await readHistory(name)
      assert.equal(history.size, 3 * acknowledged.length)
      for (const [id, sequences] of history) {
        const said = acknowledged[Number(id[0])] ?? assert.fail()
        // One more may have been taken and not said any more; none is missing, and none is there twice.
        assert.ok(
          sequences.length === said + 1 || sequences.length === said + 2,
          `${id}: ${sequences.length} of ${said}`,
        )
        assert.ok(
          sequences.every((sequence, at) => sequence === at),
          id,
        )
      }
    })
  })
}

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'outage-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function eventsOf(sequence: number): PlayEvent[] {
  const time = START + sequence
  return ['x', 'y', 'z'].map((sessionId) => ({
    sessionId,
    kind: 'interval',
    source: 'cmcd',
    time,
    receivedAt: time,
    position: sequence,
    // By their sequence the store knows records that come twice; what has none is there once by the spool alone.
    ...(sessionId !== 'z' && { sequence }),
  }))
}

/** As often as it takes. */
async function drained(intake: AudienceIntake): Promise<void> {
  for (;;) {
    try {
      return await intake.drain()
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_AUDIENCE_STORE') throw error
    }
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(POLL_MS)
}

/** Kills the program when it has acknowledged that many, after what is done meanwhile; resolves with the last that it said. */
async function runAndKill(
  t: TestContext,
  args: readonly string[],
  enough: number,
  meanwhile: () => Promise<void>,
): Promise<number> {
  const child = spawn(process.execPath, [REPORTS, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  let doing: Promise<void> | undefined
  child.stdout.on('data', (piece: Buffer) => {
    said += String(piece)
    if (doing === undefined && Number(said.trimEnd().split('\n').at(-1)) >= enough) {
      doing = meanwhile().then(() => void child.kill('SIGKILL'))
    }
  })
  await once(child, 'close')
  await doing
  return Number(said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1))
}
