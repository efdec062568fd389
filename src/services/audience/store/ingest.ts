/** What batches of events change in a store, whatever database it is: worked out here, written there in one transaction. */
import { inOrder } from '../../../playlog/measures/state-spans.ts'
import type { PlayEvent } from '../../../playlog/play-event.ts'
import type { SpoolBatch } from '../spool/spool-reader.ts'
import { believable } from './believable.ts'
import { RollupChanges } from './rollup-changes.ts'
import type { SessionRecord } from './session-record.ts'

/** An event to be stored. */
export interface NewEvent {
  readonly record: SessionRecord
  readonly event: PlayEvent
  readonly line: string
  readonly folded: boolean
}

/** Sessions that are one: what is known under the former name goes to the record, or with it when that was erased. */
export interface SessionJoin {
  readonly formerId: string
  readonly record: SessionRecord | undefined
}

export interface Ingested {
  readonly events: readonly NewEvent[]
  readonly sessions: ReadonlySet<SessionRecord>
  readonly rollups: RollupChanges
  /** To be done when all of this is written. */
  readonly joins: readonly SessionJoin[]
  /** Records that had come before. */
  readonly duplicates: number
  /** Events of sessions that were erased. */
  readonly erased: number
}

/** The known or a new record of a session; `undefined`: it was erased at this time or later, and what came before goes with it. */
export type FindSession = (sessionId: string, receivedAt: number) => SessionRecord | undefined

/** Events of one session are taken in their own order, so that what overtook something on the way within these batches is not late. */
export function ingest(batches: readonly SpoolBatch[], find: FindSession): Ingested {
  const bySession = new Map<string, PlayEvent[]>()
  const lines = new Map<PlayEvent, string>()
  for (const { event: told, line } of batches.flatMap((batch) => batch.lines)) {
    const event = believable(told)
    lines.set(event, event === told ? line : JSON.stringify(event))
    const known = bySession.get(event.sessionId)
    if (known === undefined) bySession.set(event.sessionId, [event])
    else known.push(event)
  }
  const rollups = new RollupChanges()
  const sessions = new Set<SessionRecord>()
  const events: NewEvent[] = []
  const joins: SessionJoin[] = []
  let duplicates = 0
  let erased = 0
  for (const [id, unordered] of bySession) {
    for (const event of unordered.length === 1 ? unordered : inOrder(unordered)) {
      const record = find(id, event.receivedAt)
      const { formerId } = event
      if (formerId !== undefined && formerId !== id) joins.push({ formerId, record })
      if (record === undefined) erased++
      else if (!record.isNew(event)) duplicates++
      else {
        events.push({ record, event, line: lines.get(event) ?? '', folded: record.add(event, rollups) })
        sessions.add(record)
      }
    }
  }
  for (const record of sessions) record.countStartup(rollups)
  return { events, sessions, rollups, joins, duplicates, erased }
}
