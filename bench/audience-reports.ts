/** Reports of players over HTTP into SQLite: the whole log server, its threads included, on one core. */
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuSeconds, runLoad, type ServerProcess, startHeadend } from './support/processes.ts'
import type { Row } from './support/report.ts'

/** 25,000 a second one by one, 100,000 in batches of 20. */
const LOADS = [
  { size: 1, events: 150_000, mostMicros: 40 },
  { size: 20, events: 400_000, mostMicros: 10 },
] as const
const PLAYERS = 2000
const MOST_WAIT_MS = 60_000

export async function* audienceReports(): AsyncGenerator<Row> {
  for (const { size, events, mostMicros } of LOADS) {
    const server = await startHeadend({ audience: { perAddress: 10_000_000 } }, [], 'logs')
    try {
      // Loads and compiles.
      await report(server, size, events / 10, 1_000_000)
      await stored(server, events / 10)
      const before = cpuSeconds(server.pid)
      const { seconds, refused } = await report(server, size, events, 0)
      const count = await stored(server, events + events / 10)
      yield {
        work: `report over HTTP into SQLite, batches of ${size}`,
        value: ((cpuSeconds(server.pid) - before) / events) * 1e6,
        unit: 'µs CPU',
        gate: mostMicros,
        note: `${Math.round(events / seconds)}/s acknowledged; ${refused} refused, ${count} stored`,
        failed: refused > 0 || count !== events + events / 10,
      }
    } finally {
      await server.stop()
    }
  }
}

interface Reported {
  readonly answered: number
  readonly refused: number
  readonly seconds: number
}

async function report(server: ServerProcess, size: number, events: number, first: number): Promise<Reported> {
  const program = path.join(import.meta.dirname, 'support/report-load.ts')
  const args = [program, server.ports['http'], size, events, PLAYERS, first].map(String)
  return runLoad<Reported>(process.execPath, args)
}

/** Events in the store, once these are there. */
async function stored(server: ServerProcess, events: number): Promise<number> {
  const database = new DatabaseSync(path.join(server.data, 'audience/audience.sqlite'), { readOnly: true })
  try {
    const count = database.prepare('SELECT count(*) AS count FROM audience_event')
    let found = 0
    for (const end = Date.now() + MOST_WAIT_MS; Date.now() < end && found < events; await sleep(100)) {
      found = Number(count.get()?.['count'])
    }
    return found
  } finally {
    database.close()
  }
}
