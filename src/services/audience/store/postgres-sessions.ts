/** Records of sessions as PostgreSQL has them: read anew in each transaction, as another server may have written there. */
import { sql, type Transaction } from 'kysely'
import { parseEvent } from '../spool/event-lines.ts'
import type { SpoolBatch } from '../spool/spool-reader.ts'
import { storableText } from './believable.ts'
import type { FindSession } from './ingest.ts'
import { SessionRecord, type StoredEvent } from './session-record.ts'
import { digestOf, MAX_REBUILT_EVENTS } from './store-limits.ts'
import type { AudienceTables } from './tables.ts'

type Writing = Transaction<AudienceTables>

/** Finds the sessions of these batches, which are all that it knows; new ones get keys. Only while the lock is held. */
export async function findSessions(writing: Writing, batches: readonly SpoolBatch[]): Promise<FindSession> {
  const told = batches.flatMap(({ lines }) => lines.map(({ event }) => storableText(event.sessionId)))
  const ids = [...new Set(told)]
  const known = await readSessions(writing, ids)
  const erased = await readErased(
    writing,
    ids.filter((id) => !known.has(id)),
  )
  let lastKey = await readLastKey(writing)
  return (id, receivedAt) => {
    const record = known.get(id)
    if (record !== undefined) return record
    if ((erased.get(id) ?? Number.NEGATIVE_INFINITY) >= receivedAt) return undefined
    const created = new SessionRecord(++lastKey, id)
    known.set(id, created)
    return created
  }
}

/** Those that are there, by id. */
export async function readSessions(writing: Writing, ids: readonly string[]): Promise<Map<string, SessionRecord>> {
  const rows = await writing
    .selectFrom('audience_session')
    .innerJoin('audience_state', 'session', 'key')
    .where('id', '=', sql<string>`any(${ids}::text[])`)
    .select(['key', 'id', 'trimmed', 'state'])
    .execute()
  return new Map(
    rows.map(({ key, id, trimmed, state }) => {
      const record = SessionRecord.restore(key, id, state)
      // Retention says so in the row alone.
      if (trimmed > 0) record.trim()
      return [id, record]
    }),
  )
}

/** In the order they came, the first `MAX_REBUILT_EVENTS`. */
export async function readEvents(writing: Writing, key: number): Promise<StoredEvent[]> {
  const rows = await writing
    .selectFrom('audience_event')
    .where('session', '=', key)
    .select(['folded', 'line'])
    .orderBy('id')
    .limit(MAX_REBUILT_EVENTS)
    .execute()
  return rows.map(({ folded, line }) => ({ event: parseEvent(line), folded: folded === 1 }))
}

async function readErased(writing: Writing, ids: readonly string[]): Promise<Map<string, number>> {
  const byDigest = new Map(ids.map((id) => [digestOf(id), id]))
  const rows = await writing
    .selectFrom('audience_erased')
    .where('digest', '=', sql<string>`any(${[...byDigest.keys()]}::text[])`)
    .selectAll()
    .execute()
  return new Map(rows.map(({ digest, erased }) => [byDigest.get(digest) ?? '', erased]))
}

async function readLastKey(writing: Writing): Promise<number> {
  const row = await writing
    .selectFrom('audience_session')
    .select('key')
    .orderBy('key', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.key ?? 0
}
