/** Reports of players over HTTP into SQLite: the whole log server, its threads included, on one core. */
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { nativeProgram } from './support/native.ts'
import { BOTH_CORES, cpuSeconds, runLoad, type ServerProcess, startHeadend } from './support/processes.ts'
import type { Row } from './support/report.ts'

/** 25,000 a second one by one, 100,000 in batches of 20. */
const LOADS = [
  { size: 1, events: 150_000, mostMicros: 40 },
  { size: 20, events: 400_000, mostMicros: 10 },
] as const
const PLAYERS = 2000
/** Reports a second of 20,000 viewers, each every ten seconds. */
const USUAL_RATE = 2000
/** Viewers of the test channel who ask for its playlist once a second, seconds of each measurement, and how often it is made. */
const VIEWERS = 600
const VIEW_SECONDS = 8
const VIEW_ROUNDS = 3
/** Ratio of the slowest percent with reports to that without: the load generator looks at its sockets once a millisecond, and both are near that. */
const MOST_SLOWER = 2
const MOST_WAIT_MS = 60_000

export async function* audienceReports(): AsyncGenerator<Row> {
  yield await mediaBesideReports()
  for (const { size, events, mostMicros } of LOADS) {
    const server = await startHeadend({ audience: { perAddress: 10_000_000 } }, [], { command: 'logs' })
    try {
      // Loads and compiles.
      await report(server, size, events / 10, 1_000_000)
      await stored(server, events / 10)
      const before = cpuSeconds(server.pid)
      const mainBefore = cpuSeconds(server.pid, 'main-thread')
      const { seconds, refused } = await report(server, size, events, 0)
      const acknowledging = micros(cpuSeconds(server.pid, 'main-thread') - mainBefore, events)
      const count = await stored(server, events + events / 10)
      const failed = refused > 0 || count !== events + events / 10
      yield {
        work: `report over HTTP acknowledged, batches of ${size}`,
        value: micros(seconds, events),
        unit: 'µs',
        gate: mostMicros,
        note: `${Math.round(events / seconds)}/s by the clock, while the store comes after; ${refused} refused`,
        failed,
      }
      yield {
        work: `report over HTTP into SQLite, batches of ${size}`,
        value: micros(cpuSeconds(server.pid) - before, events),
        unit: 'µs CPU',
        gate: mostMicros,
        note: `of all threads, of them ${acknowledging.toFixed(1)} up to the answer; ${count} stored`,
        failed,
      }
    } finally {
      await server.stop()
    }
  }
}

function micros(seconds: number, events: number): number {
  return (seconds / events) * 1e6
}

/** Live playlists of a server that takes reports as well, in turns with and without them. */
async function mediaBesideReports(): Promise<Row> {
  const server = await startHeadend({ audience: { perAddress: 10_000_000 } }, [], { cores: BOTH_CORES })
  try {
    const slowest: Record<'with' | 'without', number[]> = { with: [], without: [] }
    let refused = 0
    await report(server, 1, USUAL_RATE, 1_000_000)
    for (let round = 0; round < VIEW_ROUNDS; round++) {
      slowest.without.push(await slowestPercent(server))
      const events = USUAL_RATE * (VIEW_SECONDS + 3)
      const reporting = report(server, 1, events, round * PLAYERS, USUAL_RATE)
      slowest.with.push(await slowestPercent(server))
      refused += (await reporting).refused
    }
    return {
      work: `slowest percent of live playlists while ${USUAL_RATE} reports a second come`,
      value: median(slowest.with),
      unit: 'ms',
      floor: median(slowest.without),
      gate: MOST_SLOWER,
      note: `the floor is without reports; ${refused} refused`,
      failed: refused > 0,
    }
  } finally {
    await server.stop()
  }
}

/** Milliseconds. */
async function slowestPercent({ pid, ports }: ServerProcess): Promise<number> {
  const args = ['-p', String(ports['http']), '-N', String(VIEWERS), '-T', '1', '-w', '2', '-t', String(VIEW_SECONDS)]
  args.push('-P', String(pid), '-u', '/live/test/index.m3u8')
  const { errs, lat_ms: latencies } = await runLoad(nativeProgram('httpload'), args)
  return errs > 0 ? Number.NaN : (latencies[2] ?? Number.NaN)
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}

interface Reported {
  readonly answered: number
  readonly refused: number
  readonly seconds: number
}

async function report(server: ServerProcess, size: number, events: number, first: number, rate = 0): Promise<Reported> {
  const program = path.join(import.meta.dirname, 'support/report-load.ts')
  const args = [program, server.ports['http'], size, events, PLAYERS, first, rate].map(String)
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
