/**
 * The audience in PostgreSQL. What is written is one transaction under one lock, which also reads how far this spool has come: what a crash or a
 * lost connection leaves in doubt is known again with the next one.
 */
import { Kysely, type Transaction } from 'kysely'
import { describeError, UnavailableError } from '../../../errors.ts'
import type { SpoolBatch } from '../spool/spool-reader.ts'
import type {
  AudienceRange,
  AudienceStore,
  CommitResult,
  EventFilter,
  Retention,
  SessionFilter,
} from './audience-store.ts'
import { storableText } from './believable.ts'
import { queryEvents } from './events-query.ts'
import { ingest } from './ingest.ts'
import { queryOverview, querySeries, queryShares } from './numbers-query.ts'
import { postgresDialect } from './postgres-dialect.ts'
import { retainPostgres } from './postgres-retention.ts'
import { createTables, lockForWriting } from './postgres-schema.ts'
import { findSessions, readEvents, readSessions } from './postgres-sessions.ts'
import { addRollups, joinSessions, putEvents, putSessions, removeSession } from './postgres-writes.ts'
import { RollupChanges } from './rollup-changes.ts'
import { querySession, querySessions } from './sessions-query.ts'
import { digestOf, MAX_REBUILT_EVENTS, MAX_SETTLED, MAX_SETTLED_EVENTS } from './store-limits.ts'
import type { AudienceTables, Dimensions } from './tables.ts'

type Database = Kysely<AudienceTables>

export class PostgresAudienceStore implements AudienceStore {
  readonly #database: Database
  readonly #spool: string
  #tables: Promise<void> | undefined

  /**
   * `database`: `postgres://…`; tables are made in it when they are missing. `spool`: what the numbers of batches belong to. Whatever the database
   * says, and that it says nothing, rejects questions with UnavailableError ERR_AUDIENCE_STORE.
   */
  constructor(database: string, spool: string) {
    this.#database = new Kysely<AudienceTables>({ dialect: postgresDialect(database) })
    this.#spool = spool
  }

  committed(): Promise<number> {
    return this.#ask((database) => this.#readCommitted(database))
  }

  async commit(batches: readonly SpoolBatch[]): Promise<CommitResult> {
    return this.#write(async (writing) => {
      const before = await this.#readCommitted(writing)
      const fresh = batches.filter(({ number }) => number > before)
      const committed = fresh.reduce((highest, { number }) => Math.max(highest, number), before)
      if (fresh.length === 0) return { committed, events: 0, duplicates: 0, erased: 0 }
      const find = await findSessions(writing, fresh)
      const { events, sessions, rollups, joins, duplicates, erased } = ingest(fresh, find)
      await putEvents(writing, events)
      await putSessions(writing, [...sessions])
      for (const one of joins) await joinSessions(writing, one, rollups)
      await addRollups(writing, rollups)
      await writing
        .insertInto('audience_progress')
        .values({ spool: this.#spool, committed })
        .onConflict((conflict) => conflict.column('spool').doUpdateSet({ committed }))
        .execute()
      return { committed, events: events.length, duplicates, erased }
    })
  }

  async settle(): Promise<boolean> {
    const stale = (database: Database) =>
      database
        .selectFrom('audience_session')
        .where('stale', '=', 1)
        .select(['key', 'id', 'events'])
        .orderBy('key')
        .limit(MAX_SETTLED + 1)
        .execute()
    // Nearly always there is nothing, which needs no lock.
    if ((await this.#ask(stale)).length === 0) return false
    return this.#write(async (writing) => {
      const waiting = await stale(writing)
      const chosen: typeof waiting = []
      let events = 0
      for (const one of waiting) {
        if (chosen.length >= MAX_SETTLED || (chosen.length > 0 && events + one.events > MAX_SETTLED_EVENTS)) break
        events += one.events
        chosen.push(one)
      }
      const ids = chosen.map(({ id }) => id)
      const records = await readSessions(writing, ids)
      const rollups = new RollupChanges()
      const rebuilt: number[] = []
      for (const { key, id, events: count } of chosen) {
        const record = records.get(id)
        if (count > MAX_REBUILT_EVENTS) record?.giveUp()
        else {
          record?.rebuild(await readEvents(writing, key), rollups)
          rebuilt.push(key)
        }
      }
      if (rebuilt.length > 0) {
        await writing
          .updateTable('audience_event')
          .set({ folded: 1 })
          .where('session', 'in', rebuilt)
          .where('folded', '=', 0)
          .execute()
      }
      await putSessions(writing, [...records.values()])
      await addRollups(writing, rollups)
      return chosen.length < waiting.length
    })
  }

  overview(range: AudienceRange) {
    return this.#ask((database) => queryOverview(database, range))
  }

  series(range: AudienceRange, step: number) {
    return this.#ask((database) => querySeries(database, range, step))
  }

  shares(range: AudienceRange, by: keyof Dimensions) {
    return this.#ask((database) => queryShares(database, range, by))
  }

  sessions(filter: SessionFilter) {
    return this.#ask((database) => querySessions(database, filter))
  }

  session(id: string, now: number) {
    return this.#ask((database) => querySession(database, id, now))
  }

  events(filter: EventFilter) {
    return this.#ask((database) => queryEvents(database, filter))
  }

  /** The files of the database, and copies of them, keep it until they are cleaned (VACUUM) or written over. */
  erase(sessionId: string, now: number): Promise<boolean> {
    const id = storableText(sessionId)
    return this.#write(async (writing) => {
      await writing
        .insertInto('audience_erased')
        .values({ digest: digestOf(id), erased: now })
        .onConflict((conflict) => conflict.column('digest').doUpdateSet({ erased: now }))
        .execute()
      const record = (await readSessions(writing, [id])).get(id)
      if (record === undefined) return false
      const rollups = new RollupChanges()
      record.withdraw(await readEvents(writing, record.key), rollups)
      await addRollups(writing, rollups)
      await removeSession(writing, record.key)
      return true
    })
  }

  retain(retention: Retention, now: number): Promise<number> {
    return this.#ask((database) => retainPostgres(database, retention, now))
  }

  async close(): Promise<void> {
    await this.#database.destroy()
  }

  async #readCommitted(database: Database): Promise<number> {
    const row = await database
      .selectFrom('audience_progress')
      .where('spool', '=', this.#spool)
      .select('committed')
      .executeTakeFirst()
    return row?.committed ?? 0
  }

  /** All of `work`, or nothing, while nobody else writes. */
  #write<Result>(work: (writing: Transaction<AudienceTables>) => Promise<Result>): Promise<Result> {
    return this.#ask((database) =>
      database.transaction().execute(async (writing) => {
        await lockForWriting(writing)
        return work(writing)
      }),
    )
  }

  async #ask<Result>(work: (database: Database) => Promise<Result>): Promise<Result> {
    try {
      this.#tables ??= createTables(this.#database)
      await this.#tables
      return await work(this.#database)
    } catch (cause) {
      if (cause instanceof RangeError) throw cause
      // It may come back as another one.
      this.#tables = undefined
      throw new UnavailableError('ERR_AUDIENCE_STORE', `PostgreSQL: ${describeFailure(cause)}`, { cause })
    }
  }
}

/** Of the addresses of a host that were tried, the first. */
function describeFailure(cause: unknown): string {
  return describeError(cause instanceof AggregateError ? (cause.errors[0] ?? cause) : cause)
}
