/** Reports of players into the store of the audience, and the questions of its console over ten million of them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { PlayEvent } from '../src/playlog/play-event.ts'
import { formatEvents, parseEvents } from '../src/services/audience/spool/event-lines.ts'
import type { SpoolBatch } from '../src/services/audience/spool/spool-reader.ts'
import { SqliteAudienceStore } from '../src/services/audience/store/sqlite-store.ts'
import type { Row } from './support/report.ts'

/** 25,000 a second one by one, 100,000 in batches of 20. */
const LOADS = [
  { size: 1, mostMicros: 40 },
  { size: 20, mostMicros: 10 },
] as const
const EVENTS = 200_000
const SESSIONS = 2_000
/** What one transaction takes. */
const EVENTS_AT_ONCE = 5_000
/** A day of 200,000 sessions with 50 events each. */
const STORED_SESSIONS = 200_000
const STORED_EVENTS = 50
const PATHS = 20
const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
const MOST_QUERY_MS = 1000
const START = Date.UTC(2026, 10, 25)

export async function* audience(): AsyncGenerator<Row> {
  const folder = mkdtempSync(path.join(tmpdir(), 'audience-bench-'))
  try {
    for (const { size, mostMicros } of LOADS)
      yield await load(path.join(folder, `load-${size}.sqlite`), size, mostMicros)
    yield* dashboard(path.join(folder, 'day.sqlite'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** From the bytes of the spool to the committed transaction, on one thread. */
async function load(file: string, size: number, mostMicros: number): Promise<Row> {
  const payloads = Array.from({ length: EVENTS / size }, (_, batch) =>
    formatEvents(Array.from({ length: size }, (_, at) => reportOf(batch, at, size))),
  )
  const store = new SqliteAudienceStore(file)
  const before = process.cpuUsage()
  const begin = performance.now()
  for (let at = 0; at < payloads.length; ) {
    const batches: SpoolBatch[] = []
    for (let events = 0; events < EVENTS_AT_ONCE && at < payloads.length; events += size) {
      batches.push({ number: ++at, lines: parseEvents(payloads[at - 1] ?? '') })
    }
    await store.commit(batches)
  }
  const seconds = (performance.now() - begin) / 1000
  const { user, system } = process.cpuUsage(before)
  const { attempts } = await store.overview({ from: START, until: START + DAY_MS, now: START + 2 * DAY_MS })
  await store.close()
  return {
    work: `report into SQLite, batches of ${size}`,
    value: (user + system) / EVENTS,
    unit: 'µs CPU',
    gate: mostMicros,
    note: `${Math.round(EVENTS / seconds)}/s by the clock; ${attempts} sessions`,
    failed: attempts !== SESSIONS,
  }
}

/** A batch is of one player, and players come in turn: 260 bytes of CMCD become about as many of JSON. */
function reportOf(batch: number, at: number, size: number): PlayEvent {
  const player = batch % SESSIONS
  const sequence = Math.floor(batch / SESSIONS) * size + at
  const time = START + player * 37 + sequence * 10_000
  return {
    sessionId: `3f0c8a52-7d1e-4b6a-9a44-${String(player).padStart(12, '0')}`,
    kind: sequence === 0 ? 'state' : 'interval',
    source: 'cmcd',
    time,
    receivedAt: time + 40,
    sequence,
    path: `live/${player % PATHS}`,
    protocol: 'hls',
    address: '192.0.2.0',
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36',
    state: sequence === 0 ? 'starting' : sequence % 17 === 5 ? 'rebuffering' : 'playing',
    bitrate: 2000 + (sequence % 3) * 1000,
    buffer: 12_000,
    throughput: 8400,
  }
}

async function* dashboard(file: string): AsyncGenerator<Row> {
  await new SqliteAudienceStore(file).close()
  const begin = performance.now()
  fill(file)
  const filled = `filled in ${((performance.now() - begin) / 1000).toFixed(0)} s`
  const store = new SqliteAudienceStore(file)
  const range = { from: START, until: START + DAY_MS, now: START + 2 * DAY_MS }
  const questions = {
    overview: async () => (await store.overview(range)).attempts === STORED_SESSIONS,
    'series of minutes': async () => (await store.series(range, MINUTE_MS)).length === DAY_MS / MINUTE_MS,
    'shares of paths': async () => (await store.shares(range, 'path')).length === PATHS,
    'list of sessions': async () =>
      (await store.sessions({ ...range, troubled: true, limit: 100 })).sessions.length === 100,
    'one session': async () => (await store.session('s77777', range.now))?.events.length === STORED_EVENTS,
  }
  for (const [work, ask] of Object.entries(questions)) {
    const before = performance.now()
    const isRight = await ask()
    yield {
      work: `${work}, ${(STORED_SESSIONS * STORED_EVENTS) / 1e6} million events`,
      value: performance.now() - before,
      unit: 'ms',
      gate: MOST_QUERY_MS,
      note: `the first time it is asked; ${filled}`,
      failed: !isRight,
    }
  }
  await store.close()
}

/** Straight into the tables, in the form that loading gives them. */
function fill(file: string): void {
  const database = new DatabaseSync(file)
  const event = formatEvents([reportOf(0, 1, 20)])
  database.exec(`PRAGMA synchronous = OFF; BEGIN;
    WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < ${STORED_SESSIONS - 1})
    INSERT INTO audience_session SELECT
      n + 1, 's' || n, 'live/' || (n % ${PATHS}), CASE n % 3 WHEN 0 THEN 'dash' ELSE 'hls' END, 'Chrome',
      ${START} + n * ${DAY_MS / STORED_SESSIONS}, ${START} + n * ${DAY_MS / STORED_SESSIONS} + 600000 + n % 9999, ${START} + n * ${DAY_MS / STORED_SESSIONS} + 600000,
      CASE n % 20 WHEN 0 THEN NULL ELSE ${START} + n * ${DAY_MS / STORED_SESSIONS} + 900 END,
      CASE n % 20 WHEN 0 THEN 'exit-before-start' ELSE 'left' END, 'left',
      900, 600000, n % 5 * 100, n % 5, 0, 0, 0, 0, 2500.0, 1, 1, 0, 1000000, NULL, 3000, n % 7 / 6, ${STORED_EVENTS}, 0, 0,
      'p' || (n % 50000), '192.0.2.0', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36', NULL
    FROM number;
    WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < ${DAY_MS / MINUTE_MS - 1}),
      path(p) AS (SELECT DISTINCT path FROM audience_session), protocol(q) AS (VALUES ('hls'), ('dash'))
    INSERT INTO audience_minute SELECT ${START / MINUTE_MS} + n, p, q, 'Chrome', 5000000, 10000, 5, 1000000000, 5000000, 2, 99, 40
    FROM number, path, protocol;
    INSERT INTO audience_startup SELECT minute, path, protocol, family, 60 + minute % 30, 4 FROM audience_minute;
    INSERT INTO audience_error SELECT minute, path, protocol, family, 'code' || (minute % 9), 1 FROM audience_minute;`)
  database
    .prepare(
      `WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < ${STORED_SESSIONS * STORED_EVENTS - 1})
       INSERT INTO audience_event (session, received, folded, line)
       SELECT n / ${STORED_EVENTS} + 1, ${START} + n / ${STORED_EVENTS}, 1, ? FROM number`,
    )
    .run(event)
  database.exec('COMMIT')
  database.close()
}
