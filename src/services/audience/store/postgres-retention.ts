/** Removes from a PostgreSQL audience what is too old, or too much: events by whole days. */
import { type Kysely, sql, type Transaction } from 'kysely'
import { MINUTE_MS } from '../../../playlog/measures/minute-shares.ts'
import type { Retention } from './audience-store.ts'
import { DAY_MS, dayOf, type EventDay, listDays, lockForWriting } from './postgres-schema.ts'
import { MAX_REMOVED } from './store-limits.ts'
import type { AudienceTables } from './tables.ts'

type Writing = Transaction<AudienceTables>

/**
 * Events that are kept for less than that go to the millisecond, row by row. Longer, the day in which the limit falls is kept whole: to delete from
 * it all day long would cost what partitions save.
 */
const EXACT_BELOW_MS = 7 * DAY_MS

/** Resolves with the number of events removed. The day that is being written stays, however large it is. */
export async function retainPostgres(
  database: Kysely<AudienceTables>,
  { eventsMs, sessionsMs, maxBytes }: Retention,
  now: number,
): Promise<number> {
  const since = now - eventsMs
  let removed = 0
  for (const day of await listDays(database)) {
    if ((day.day + 1) * DAY_MS > since) break
    removed += await inTurn(database, (writing) => dropDay(writing, day))
  }
  if (eventsMs < EXACT_BELOW_MS) removed += await inTurn(database, (writing) => deleteEvents(writing, since))
  for (const day of await listDays(database)) {
    if (day.day >= dayOf(now) || (await usedBytes(database)) <= maxBytes) break
    removed += await inTurn(database, (writing) => dropDay(writing, day))
  }
  await inTurn(database, (writing) => removeSessions(writing, now - sessionsMs))
  return removed
}

function inTurn<Result>(
  database: Kysely<AudienceTables>,
  work: (writing: Writing) => Promise<Result>,
): Promise<Result> {
  return database.transaction().execute(async (writing) => {
    await lockForWriting(writing)
    return work(writing)
  })
}

async function dropDay(writing: Writing, { table, day }: EventDay): Promise<number> {
  // Another server may have been faster.
  if (!(await listDays(writing)).some((known) => known.day === day)) return 0
  await markTrimmed(writing, sql`SELECT session FROM ${sql.id(table)}`)
  const { rows } = await sql<{ count: number }>`SELECT count(*) AS count FROM ${sql.id(table)}`.execute(writing)
  await sql`DROP TABLE ${sql.id(table)}`.execute(writing)
  return rows[0]?.count ?? 0
}

async function deleteEvents(writing: Writing, before: number): Promise<number> {
  const old = sql`SELECT id FROM audience_event WHERE received < ${before} ORDER BY id LIMIT ${MAX_REMOVED}`
  await markTrimmed(writing, sql`SELECT session FROM audience_event WHERE received < ${before} AND id IN (${old})`)
  const { numAffectedRows } = await sql`
    DELETE FROM audience_event WHERE received < ${before} AND id IN (${old})`.execute(writing)
  return Number(numAffectedRows ?? 0)
}

/** What is late and was not read again never will be (`STALE`). */
async function markTrimmed(writing: Writing, sessions: ReturnType<typeof sql>): Promise<void> {
  await sql`
    UPDATE audience_session SET trimmed = 1, stale = CASE WHEN stale = 1 THEN 2 ELSE stale END
    WHERE trimmed = 0 AND key IN (${sessions})`.execute(writing)
}

async function removeSessions(writing: Writing, before: number): Promise<void> {
  const old = sql`SELECT key FROM audience_session WHERE seen < ${before}`
  await sql`DELETE FROM audience_event WHERE received < ${before} AND session IN (${old})`.execute(writing)
  await sql`DELETE FROM audience_state WHERE session IN (${old})`.execute(writing)
  await sql`DELETE FROM audience_session WHERE seen < ${before}`.execute(writing)
  for (const table of ['audience_minute', 'audience_startup', 'audience_error'] as const) {
    await writing
      .deleteFrom(table)
      .where('minute', '<', Math.floor(before / MINUTE_MS))
      .execute()
  }
  await writing.deleteFrom('audience_erased').where('erased', '<', before).execute()
}

/** Of the tables with their indexes; what was deleted counts until the database has cleaned up after it. */
async function usedBytes(database: Kysely<AudienceTables>): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`
    SELECT coalesce(sum(pg_total_relation_size(oid)), 0) AS bytes FROM pg_class
    WHERE relkind = 'r' AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'audience_event'::regclass)
      AND (oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'audience_event'::regclass)
        OR relname IN ('audience_session', 'audience_state', 'audience_minute', 'audience_startup', 'audience_error'))`.execute(
    database,
  )
  return rows[0]?.bytes ?? 0
}
