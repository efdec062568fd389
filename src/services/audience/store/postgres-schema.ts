/** The tables of tables.ts in PostgreSQL. Events lie in a partition for each day that they came on (UTC), so that old days go as a whole. */
import { type Kysely, sql, type Transaction } from 'kysely'
import { MINUTE_COLUMNS } from './columns.ts'
import type { AudienceTables } from './tables.ts'

export const DAY_MS = 86_400_000

/** Names the one lock that whoever writes holds: `audience`, as far as it goes into 48 bits. */
const WRITER_LOCK = 0x617564696e63

/** Compared byte by byte, as in SQLite. */
const TEXT = 'text COLLATE "C"'
const DIMENSIONS = `minute bigint NOT NULL, path ${TEXT} NOT NULL, protocol ${TEXT} NOT NULL, family ${TEXT} NOT NULL`
/** Rows that change all the time find room beside themselves. */
const CHANGING = 'WITH (fillfactor = 70)'

const STATEMENTS = [
  `CREATE TABLE IF NOT EXISTS audience_session (
    key bigint PRIMARY KEY,
    id ${TEXT} NOT NULL UNIQUE,
    path ${TEXT} NOT NULL, protocol ${TEXT} NOT NULL, family ${TEXT} NOT NULL,
    start bigint NOT NULL, finish bigint NOT NULL, seen bigint NOT NULL, shown bigint,
    outcome ${TEXT} NOT NULL, outcome_over ${TEXT} NOT NULL,
    startup bigint, played bigint NOT NULL, stalled bigint NOT NULL, stalls bigint NOT NULL,
    network_stalled bigint NOT NULL, network_stalls bigint NOT NULL, paused bigint NOT NULL, seeking bigint NOT NULL,
    bitrate double precision, bitrate_up bigint NOT NULL, bitrate_down bigint NOT NULL,
    dropped_frames bigint, bytes bigint, lost_packets bigint, latency bigint,
    errors bigint NOT NULL, events bigint NOT NULL, stale bigint NOT NULL, trimmed bigint NOT NULL,
    player ${TEXT}, address ${TEXT}, user_agent ${TEXT}, content ${TEXT}
  ) ${CHANGING}`,
  'CREATE INDEX IF NOT EXISTS audience_session_start ON audience_session (start)',
  'CREATE INDEX IF NOT EXISTS audience_session_finish ON audience_session (finish)',
  'CREATE INDEX IF NOT EXISTS audience_session_seen ON audience_session (seen)',
  'CREATE INDEX IF NOT EXISTS audience_session_stale ON audience_session (key) WHERE stale = 1',
  `CREATE TABLE IF NOT EXISTS audience_state (session bigint PRIMARY KEY, state text NOT NULL) ${CHANGING}`,
  'CREATE SEQUENCE IF NOT EXISTS audience_event_id',
  `CREATE TABLE IF NOT EXISTS audience_event (
    id bigint NOT NULL DEFAULT nextval('audience_event_id'),
    session bigint NOT NULL,
    received bigint NOT NULL,
    folded bigint NOT NULL,
    line text NOT NULL
  ) PARTITION BY RANGE (received)`,
  'CREATE INDEX IF NOT EXISTS audience_event_session ON audience_event (session, id)',
  `CREATE TABLE IF NOT EXISTS audience_minute (
    ${DIMENSIONS},
    ${Object.keys(MINUTE_COLUMNS)
      .map((column) => `${column} bigint NOT NULL`)
      .join(', ')},
    PRIMARY KEY (minute, path, protocol, family)
  ) ${CHANGING}`,
  `CREATE TABLE IF NOT EXISTS audience_startup (
    ${DIMENSIONS}, bucket bigint NOT NULL, count bigint NOT NULL,
    PRIMARY KEY (minute, path, protocol, family, bucket)
  ) ${CHANGING}`,
  `CREATE TABLE IF NOT EXISTS audience_error (
    ${DIMENSIONS}, code ${TEXT} NOT NULL, count bigint NOT NULL,
    PRIMARY KEY (minute, path, protocol, family, code)
  ) ${CHANGING}`,
  `CREATE TABLE IF NOT EXISTS audience_progress (spool ${TEXT} PRIMARY KEY, committed bigint NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS audience_erased (digest ${TEXT} PRIMARY KEY, erased bigint NOT NULL)`,
]

/** What is missing of the tables is made, once, however many ask for it at the same time. */
export async function createTables(database: Kysely<AudienceTables>): Promise<void> {
  await database.transaction().execute(async (transaction) => {
    await lockForWriting(transaction)
    for (const statement of STATEMENTS) await sql.raw(statement).execute(transaction)
  })
}

/** Until the transaction ends; several servers may write into one database, in turns. */
export async function lockForWriting(transaction: Transaction<AudienceTables>): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(cast(${WRITER_LOCK} as bigint))`.execute(transaction)
}

/** Days since 1970 of a time. */
export function dayOf(time: number): number {
  return Math.floor(time / DAY_MS)
}

/** A partition of events. */
export interface EventDay {
  readonly table: string
  readonly day: number
}

const DAY_TABLE = /^audience_event_(\d{1,9})$/

/** Makes the partitions of days that have none. */
export async function createDays(transaction: Transaction<AudienceTables>, days: ReadonlySet<number>): Promise<void> {
  const known = new Set((await listDays(transaction)).map(({ day }) => day))
  for (const day of days) {
    if (known.has(day)) continue
    const table = sql.id(tableOf(day))
    const [from, until] = [sql.lit(day * DAY_MS), sql.lit((day + 1) * DAY_MS)]
    // Attached when it is ready, as making it in its place would wait for all who read.
    await sql`CREATE TABLE ${table} (LIKE audience_event INCLUDING DEFAULTS INCLUDING INDEXES)`.execute(transaction)
    await sql`ALTER TABLE audience_event ATTACH PARTITION ${table} FOR VALUES FROM (${from}) TO (${until})`.execute(
      transaction,
    )
  }
}

/** The oldest first. */
export async function listDays(database: Kysely<AudienceTables>): Promise<EventDay[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT relname AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'audience_event'::regclass`.execute(database)
  return rows
    .flatMap(({ name }) => {
      const day = DAY_TABLE.exec(name)?.[1]
      return day === undefined ? [] : [{ table: name, day: Number(day) }]
    })
    .toSorted((left, right) => left.day - right.day)
}

function tableOf(day: number): string {
  return `audience_event_${day}`
}
