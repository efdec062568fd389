/** A day of the audience with ten million events, written straight into the tables in the form that loading gives them. */
import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import { MINUTE_COLUMNS, SESSION_COLUMNS } from '../../src/services/audience/store/columns.ts'
import { DAY_MS, dayOf } from '../../src/services/audience/store/postgres-schema.ts'
import { PostgresAudienceStore } from '../../src/services/audience/store/postgres-store.ts'
import { SqliteAudienceStore } from '../../src/services/audience/store/sqlite-store.ts'
import type { SessionRow } from '../../src/services/audience/store/tables.ts'

export const SESSIONS = 200_000
export const EVENTS_EACH = 50
export const PATHS = 20
/** Yesterday, so that nothing of it is too old to be kept. */
export const START = (dayOf(Date.now()) - 1) * DAY_MS
export const END = START + DAY_MS
/** The session that is looked at. */
export const SESSION = { id: 's77778', path: 'live/18' }

const MINUTE_MS = 60_000
const EVENT_MS = 12_000
const USER_AGENT = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36'
const PROTOCOLS = ['hls', 'dash']
const FAMILIES = ['Chrome', 'Firefox', 'Safari']

// What follows is SQL that both databases understand. Session `n` begins in its turn:
const BEGIN = `(${START} + n * ${DAY_MS / SESSIONS})`
const PATH = `'live/' || (n % ${PATHS})`
const PROTOCOL = `CASE n % 5 WHEN 0 THEN 'dash' ELSE 'hls' END`

/** Ten minutes each. One of twenty never came to a picture; half stalled or failed. */
const SESSION_VALUES: Readonly<Record<keyof SessionRow, string>> = {
  key: 'n + 1',
  id: `'s' || n`,
  path: PATH,
  protocol: PROTOCOL,
  family: `CASE n % 3 ${FAMILIES.map((name, at) => `WHEN ${at} THEN '${name}'`).join(' ')} END`,
  start: BEGIN,
  finish: `${BEGIN} + 600000 + n % 9999`,
  seen: `${BEGIN} + 600000`,
  shown: `CASE n % 20 WHEN 0 THEN NULL ELSE ${BEGIN} + 900 END`,
  outcome: `CASE n % 20 WHEN 0 THEN 'exit-before-start' ELSE 'left' END`,
  outcome_over: `'left'`,
  startup: '900',
  played: '600000',
  stalled: 'n % 5 * 100',
  stalls: 'n % 5 / 2',
  network_stalled: '0',
  network_stalls: '0',
  paused: '0',
  seeking: '0',
  bitrate: '2500.0',
  bitrate_up: '1',
  bitrate_down: '1',
  dropped_frames: '0',
  bytes: '1000000',
  lost_packets: 'NULL',
  latency: '3000',
  errors: 'n % 7 / 6',
  events: `${EVENTS_EACH}`,
  stale: '0',
  trimmed: '0',
  player: `'p' || (n % 50000)`,
  address: `'192.0.2.0'`,
  user_agent: `'${USER_AGENT}'`,
  content: 'NULL',
}

/** Event `e` of session `n`, as its player tells where it is. */
const EVENT_TIME = `(${BEGIN} + e * ${EVENT_MS})`
const EVENT_LINE = `'{"sessionId":"s' || n || '","kind":"interval","source":"cmcd","time":' || ${EVENT_TIME} ||
  ',"receivedAt":' || (${EVENT_TIME} + 40) || ',"sequence":' || e || ',"path":"' || ${PATH} || '","protocol":"' || ${PROTOCOL} ||
  '","address":"192.0.2.0","userAgent":"${USER_AGENT}","state":"' || CASE e % 17 WHEN 0 THEN 'starting' WHEN 5 THEN 'rebuffering' ELSE 'playing' END ||
  '","bitrate":' || (2000 + e % 3 * 1000) || ',"buffer":12000,"throughput":8400}'`

/** SQL of a table of one column with the whole numbers from 0 on. */
type Numbers = (column: string, count: number) => string

function statements(numbers: Numbers): string[] {
  const cells = `${numbers('m', DAY_MS / MINUTE_MS)}, ${numbers('p', PATHS)}, ${names('q', PROTOCOLS)}, ${names('f', FAMILIES)}`
  const dimensions = `${START / MINUTE_MS} + m, 'live/' || p, q, f`
  const sums = Object.keys(MINUTE_COLUMNS).map((column) => (column === 'stalls' ? '5' : '1000000'))
  return [
    `INSERT INTO audience_session (${SESSION_COLUMNS.join(', ')})
     SELECT ${SESSION_COLUMNS.map((column) => SESSION_VALUES[column]).join(', ')} FROM ${numbers('n', SESSIONS)}`,
    `INSERT INTO audience_minute (minute, path, protocol, family, ${Object.keys(MINUTE_COLUMNS).join(', ')})
     SELECT ${dimensions}, ${sums.join(', ')} FROM ${cells}`,
    `INSERT INTO audience_startup SELECT ${dimensions}, 60 + m % 30, 4 FROM ${cells}`,
    `INSERT INTO audience_error SELECT ${dimensions}, 'code' || (m % 9), 1 FROM ${cells}`,
    `INSERT INTO audience_event (session, received, folded, line)
     SELECT n + 1, ${EVENT_TIME} + 40, 1, ${EVENT_LINE} FROM ${numbers('n', SESSIONS)}, ${numbers('e', EVENTS_EACH)}`,
  ]
}

function names(column: string, values: readonly string[]): string {
  return `(${values.map((value) => `SELECT '${value}' AS ${column}`).join(' UNION ALL ')}) AS of_${column}`
}

/** `file`: gets the tables. */
export async function fillSqlite(file: string): Promise<void> {
  await new SqliteAudienceStore(file).close()
  const database = new DatabaseSync(file)
  const numbers: Numbers = (column, count) =>
    `(WITH RECURSIVE counted(v) AS (SELECT 0 UNION ALL SELECT v + 1 FROM counted WHERE v < ${count - 1})
      SELECT v AS ${column} FROM counted) AS of_${column}`
  database.exec(`PRAGMA synchronous = OFF; BEGIN; ${statements(numbers).join('; ')}; COMMIT`)
  database.close()
}

/** `url`: of a database, which gets the tables. */
export async function fillPostgres(url: string): Promise<void> {
  const store = new PostgresAudienceStore(url, 'bench')
  await store.committed()
  await store.close()
  const numbers: Numbers = (column, count) => `generate_series(0, ${count - 1}) AS of_${column}(${column})`
  const client = new Client({ connectionString: url })
  await client.connect()
  for (const day of [dayOf(START), dayOf(END)]) {
    await client.query(
      `CREATE TABLE audience_event_${day} PARTITION OF audience_event FOR VALUES FROM (${day * DAY_MS}) TO (${(day + 1) * DAY_MS})`,
    )
  }
  for (const statement of statements(numbers)) await client.query(statement)
  // As the database does by itself a minute later.
  await client.query('ANALYZE')
  await client.end()
}
