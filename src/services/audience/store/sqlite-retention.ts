/** Removes from a SQLite audience what is too old, or too much. */
import type { DatabaseSync } from 'node:sqlite'
import { MINUTE_MS } from '../../../playlog/measures/minute-shares.ts'
import type { Retention } from './audience-store.ts'
import { MAX_REMOVED } from './store-limits.ts'

/** Events that go together while the store is too large. */
const EVENTS_AT_ONCE = 10_000

/** Within a transaction. `trimmed` gets the keys of sessions that lost events. Returns how many events went. */
export function retainSqlite(
  database: DatabaseSync,
  { eventsMs, sessionsMs, maxBytes }: Retention,
  now: number,
  trimmed: Set<number>,
): number {
  const old = database
    .prepare(
      'SELECT max(id) AS id FROM (SELECT id, received FROM audience_event ORDER BY id LIMIT ?) WHERE received < ?',
    )
    .get(MAX_REMOVED, now - eventsMs)
  let removed = removeUpTo(database, Number(old?.['id'] ?? 0), trimmed)
  while (removed < MAX_REMOVED && usedBytes(database) > maxBytes) {
    const last = database
      .prepare('SELECT max(id) AS id FROM (SELECT id FROM audience_event ORDER BY id LIMIT ?)')
      .get(EVENTS_AT_ONCE)
    const count = removeUpTo(database, Number(last?.['id'] ?? 0), trimmed)
    if (count === 0) break
    removed += count
  }
  removeSessions(database, now - sessionsMs)
  return removed
}

function removeUpTo(database: DatabaseSync, id: number, trimmed: Set<number>): number {
  if (id === 0) return 0
  const keys = database.prepare('SELECT DISTINCT session FROM audience_event WHERE id <= ?').all(id)
  for (const { session } of keys) trimmed.add(Number(session))
  return Number(database.prepare('DELETE FROM audience_event WHERE id <= ?').run(id).changes)
}

function removeSessions(database: DatabaseSync, before: number): void {
  const old = 'SELECT key FROM audience_session WHERE seen < ?'
  database.prepare(`DELETE FROM audience_event WHERE session IN (${old})`).run(before)
  database.prepare(`DELETE FROM audience_state WHERE session IN (${old})`).run(before)
  database.prepare('DELETE FROM audience_session WHERE seen < ?').run(before)
  for (const table of ['audience_minute', 'audience_startup', 'audience_error']) {
    database.prepare(`DELETE FROM ${table} WHERE minute < ?`).run(Math.floor(before / MINUTE_MS))
  }
  database.prepare('DELETE FROM audience_erased WHERE erased < ?').run(before)
}

/** Pages that hold something; the file itself becomes smaller later. */
function usedBytes(database: DatabaseSync): number {
  const pragma = (name: string) => Number(database.prepare(`PRAGMA ${name}`).get()?.[name])
  return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size')
}
