/** What a transaction writes to PostgreSQL: many rows with each statement, as every one of them is a way there and back. */
import { type RawBuilder, sql, type Transaction } from 'kysely'
import { storableText } from './believable.ts'
import { DIMENSION_COLUMNS, MINUTE_COLUMNS, SESSION_COLUMNS } from './columns.ts'
import type { NewEvent, SessionJoin } from './ingest.ts'
import { createDays, dayOf } from './postgres-schema.ts'
import { readEvents, readSessions } from './postgres-sessions.ts'
import type { RollupChanges } from './rollup-changes.ts'
import type { SessionRecord } from './session-record.ts'
import { boundedSum, MAX_SUM } from './store-limits.ts'
import type { AudienceTables } from './tables.ts'

type Writing = Transaction<AudienceTables>
type Row = Readonly<Record<string, string | number | null>>

/** In the order they are given; their ids grow. */
export async function putEvents(writing: Writing, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return
  await createDays(writing, new Set(events.map(({ event }) => dayOf(event.receivedAt))))
  const sessions = events.map(({ record }) => record.key)
  const received = events.map(({ event }) => event.receivedAt)
  const folded = events.map(({ folded }) => (folded ? 1 : 0))
  const lines = events.map(({ line }) => line)
  await sql`
    INSERT INTO audience_event (session, received, folded, line)
    SELECT session, received, folded, line
    FROM unnest(${sessions}::bigint[], ${received}::bigint[], ${folded}::bigint[], ${lines}::text[])
      WITH ORDINALITY AS event (session, received, folded, line, place)
    ORDER BY place`.execute(writing)
}

/** Their rows, and what is needed to go on with them. */
export async function putSessions(writing: Writing, records: readonly SessionRecord[]): Promise<void> {
  if (records.length === 0) return
  const [, , ...changing] = SESSION_COLUMNS
  await upsert(writing, {
    table: 'audience_session',
    columns: SESSION_COLUMNS,
    keys: ['key'],
    rows: records.map((record) => ({ ...record.row() })),
    changes: changing.map((name) => `${name} = excluded.${name}`),
  })
  const [keys, states] = [records.map(({ key }) => key), records.map((record) => record.state())]
  await sql`
    INSERT INTO audience_state (session, state)
    SELECT * FROM unnest(${keys}::bigint[], ${states}::text[])
    ON CONFLICT (session) DO UPDATE SET state = excluded.state`.execute(writing)
}

/** When both are written. */
export async function joinSessions(
  writing: Writing,
  { formerId, record }: SessionJoin,
  rollups: RollupChanges,
): Promise<void> {
  const id = storableText(formerId)
  const former = (await readSessions(writing, [id])).get(id)
  if (former === undefined || record?.canJoin(former) === false) return
  const stored = await readEvents(writing, former.key)
  former.withdraw(stored, rollups)
  if (record !== undefined) {
    const moved = writing.updateTable('audience_event').set({ session: record.key, folded: 0 })
    await moved.where('session', '=', former.key).execute()
    record.join(stored.map(({ event }) => event))
    await putSessions(writing, [record])
  }
  await removeSession(writing, former.key)
}

/** All of it, with its events. */
export async function removeSession(writing: Writing, key: number): Promise<void> {
  await writing.deleteFrom('audience_event').where('session', '=', key).execute()
  await writing.deleteFrom('audience_state').where('session', '=', key).execute()
  await writing.deleteFrom('audience_session').where('key', '=', key).execute()
}

export async function addRollups(writing: Writing, rollups: RollupChanges): Promise<void> {
  const minutes: Row[] = []
  const startups: Row[] = []
  const errors: Row[] = []
  for (const change of rollups) {
    for (const [minute, share] of change.shares.minutes) {
      const sums = Object.entries(MINUTE_COLUMNS).map(([column, field]) => [column, boundedSum(share[field])])
      minutes.push({ minute, ...change.dimensions, ...Object.fromEntries(sums) })
    }
    for (const [minute, counts] of change.startups) {
      for (const [bucket, count] of counts) {
        if (count !== 0) startups.push({ minute, ...change.dimensions, bucket, count })
      }
    }
    for (const [minute, counts] of change.errors) {
      for (const [code, count] of counts) {
        if (count !== 0) errors.push({ minute, ...change.dimensions, code, count })
      }
    }
  }
  await addSums(writing, 'audience_minute', DIMENSION_COLUMNS, Object.keys(MINUTE_COLUMNS), minutes)
  await addSums(writing, 'audience_startup', [...DIMENSION_COLUMNS, 'bucket'], ['count'], startups)
  await addSums(writing, 'audience_error', [...DIMENSION_COLUMNS, 'code'], ['count'], errors)
}

function addSums(
  writing: Writing,
  table: keyof AudienceTables,
  keys: readonly string[],
  sums: readonly string[],
  rows: readonly Row[],
): Promise<void> {
  const changes = sums.map((name) => `${name} = least(${table}.${name} + excluded.${name}, ${MAX_SUM})`)
  return upsert(writing, { table, columns: [...keys, ...sums], keys, rows, changes })
}

interface Upsert {
  readonly table: keyof AudienceTables
  readonly columns: readonly string[]
  /** Of which each is in `rows` once. */
  readonly keys: readonly string[]
  readonly rows: readonly Row[]
  /** Where the row is there: SQL of ours, with nothing in it that anybody told. */
  readonly changes: readonly string[]
}

async function upsert(writing: Writing, { table, columns, keys, rows, changes }: Upsert): Promise<void> {
  if (rows.length === 0) return
  await sql`
    INSERT INTO ${sql.table(table)} (${names(columns)})
    SELECT ${names(columns)} FROM json_populate_recordset(NULL::${sql.table(table)}, ${JSON.stringify(rows)}::json)
    ON CONFLICT (${names(keys)}) DO UPDATE SET ${sql.raw(changes.join(', '))}`.execute(writing)
}

function names(columns: readonly string[]): RawBuilder<unknown> {
  return sql.join(columns.map((name) => sql.id(name)))
}
