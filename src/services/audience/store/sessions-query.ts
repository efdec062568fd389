/** Queries of sessions, the same for each database. */
import type { Kysely } from 'kysely'
import { SESSION_OUTCOMES, type SessionOutcome } from '../../../playlog/measures/session-measures.ts'
import { inOrder, stateSpans } from '../../../playlog/measures/state-spans.ts'
import { parseEvent } from '../spool/event-lines.ts'
import {
  MAX_LISTED,
  MAX_SESSION_EVENTS,
  type SessionDetail,
  type SessionFilter,
  type SessionPage,
  type SessionSummary,
} from './audience-store.ts'
import { storableText } from './believable.ts'
import { dimensionsOf, outcomeAt, whole } from './numbers-query.ts'
import type { AudienceTables, SessionRow } from './tables.ts'

type Database = Kysely<AudienceTables>

const REQUEST_LINE = '%"kind":"request"%'

export async function querySessions(database: Database, filter: SessionFilter): Promise<SessionPage> {
  const { before, now } = filter
  const limit = Math.max(1, Math.min(filter.limit, MAX_LISTED))
  let query = sessionsOf(database, filter).selectAll().select(outcomeAt(now).as('told'))
  if (before !== undefined) query = query.where('key', '<', before)
  const rows = await query
    .orderBy('key', 'desc')
    .limit(limit + 1)
    .execute()
  const listed = rows.slice(0, limit)
  return { sessions: listed.map(summaryOf), next: rows.length > limit ? listed.at(-1)?.key : undefined }
}

/** Those that were there in the range, and are as they are asked for. */
export function sessionsOf(database: Database, filter: Omit<SessionFilter, 'limit' | 'before'>) {
  const { from, until } = whole(filter)
  const { player, outcome, troubled, now } = filter
  let query = database
    .selectFrom('audience_session')
    .where('start', '<', until)
    .where('finish', '>=', from)
    .where((builder) => builder.and(dimensionsOf(filter)))
  if (player !== undefined) query = query.where('player', '=', storableText(player))
  if (outcome !== undefined) query = query.where(outcomeAt(now), '=', outcome)
  if (troubled === true) {
    query = query.where((builder) => builder.or([builder('errors', '>', 0), builder('stalls', '>', 0)]))
  }
  return query
}

export async function querySession(database: Database, id: string, now: number): Promise<SessionDetail | undefined> {
  const row = await database
    .selectFrom('audience_session')
    .selectAll()
    .select(outcomeAt(now).as('told'))
    .where('id', '=', storableText(id))
    .executeTakeFirst()
  if (row === undefined) return undefined
  const lines = await tellingLines(database, row)
  const events = inOrder(lines.map(({ line }) => parseEvent(line)))
  return {
    ...summaryOf(row),
    networkStalled: row.network_stalled,
    networkStalls: row.network_stalls,
    paused: row.paused,
    seeking: row.seeking,
    bitrateUp: row.bitrate_up,
    bitrateDown: row.bitrate_down,
    droppedFrames: row.dropped_frames ?? undefined,
    lostPackets: row.lost_packets ?? undefined,
    latency: row.latency ?? undefined,
    spans: stateSpans(events),
    events,
    eventsTold: row.events,
    isCut: row.trimmed > 0 || events.length < row.events,
  }
}

/**
 * Of a session with more events than are given, those of its requests of media give way: ten a second tell less than one stall an hour later.
 * In a text of a line the quotes of the pattern would have a backslash.
 */
async function tellingLines(database: Database, { key, events }: SessionRow): Promise<{ readonly line: string }[]> {
  const ofSession = (limit: number) =>
    database.selectFrom('audience_event').select('line').where('session', '=', key).orderBy('id').limit(limit)
  if (events <= MAX_SESSION_EVENTS) return ofSession(MAX_SESSION_EVENTS).execute()
  const told = await ofSession(MAX_SESSION_EVENTS).where('line', 'not like', REQUEST_LINE).execute()
  const rest = MAX_SESSION_EVENTS - told.length
  if (rest === 0) return told
  return [...told, ...(await ofSession(rest).where('line', 'like', REQUEST_LINE).execute())]
}

function summaryOf(row: SessionRow & { readonly told: string }): SessionSummary {
  return {
    id: row.id,
    path: row.path,
    protocol: row.protocol,
    family: row.family,
    start: row.start,
    end: row.finish,
    outcome: outcomeOf(row.told),
    startup: row.startup ?? undefined,
    played: row.played,
    stalled: row.stalled,
    stalls: row.stalls,
    bitrate: row.bitrate ?? undefined,
    bytes: row.bytes ?? undefined,
    errors: row.errors,
    player: row.player ?? undefined,
    address: row.address ?? undefined,
    userAgent: row.user_agent ?? undefined,
    contentId: row.content ?? undefined,
  }
}

function outcomeOf(told: string): SessionOutcome {
  return SESSION_OUTCOMES.find((outcome) => outcome === told) ?? 'open'
}
