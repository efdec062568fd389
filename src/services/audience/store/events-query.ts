/** Query of events, the same for each database: session by session, each by its index, so that no page costs more for those before it. */
import type { Kysely } from 'kysely'
import { parseEvent } from '../spool/event-lines.ts'
import { type EventFilter, type EventPage, MAX_LISTED } from './audience-store.ts'
import { sessionsOf } from './sessions-query.ts'
import type { AudienceTables } from './tables.ts'

/** Events of one page, and characters of them after which it ends. */
const MAX_EVENTS = 500
const MAX_CHARACTERS = 1024 * 1024

export async function queryEvents(database: Kysely<AudienceTables>, filter: EventFilter): Promise<EventPage> {
  const { after } = filter
  let query = sessionsOf(database, filter).select('key')
  if (after !== undefined) query = query.where('key', '<=', after.session)
  const sessions = await query.orderBy('key', 'desc').limit(MAX_LISTED).execute()
  const lines: string[] = []
  let characters = 0
  for (const { key } of sessions) {
    const rows = await database
      .selectFrom('audience_event')
      .select(['id', 'line'])
      .where('session', '=', key)
      .where('id', '>', key === after?.session ? after.event : 0)
      .orderBy('id')
      .limit(MAX_EVENTS - lines.length)
      .execute()
    for (const { id, line } of rows) {
      lines.push(line)
      characters += line.length
      if (lines.length >= MAX_EVENTS || characters >= MAX_CHARACTERS) {
        return { events: lines.map(parseEvent), next: { session: key, event: id } }
      }
    }
  }
  const last = sessions.length < MAX_LISTED ? undefined : sessions.at(-1)
  const next = last === undefined ? undefined : { session: last.key, event: Number.MAX_SAFE_INTEGER }
  return { events: lines.map(parseEvent), next }
}
