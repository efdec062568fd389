/** The audience in one SQLite file. Everything waits for the disk: it is for a thread of its own (store-thread.ts). */
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import { ConfigError, describeError } from '../../../errors.ts'
import { parseEvent } from '../spool/event-lines.ts'
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
import { MINUTE_COLUMNS, SESSION_COLUMNS } from './columns.ts'
import { queryEvents } from './events-query.ts'
import { ingest, type SessionJoin } from './ingest.ts'
import { queryOverview, querySeries, queryShares } from './numbers-query.ts'
import { RollupChanges } from './rollup-changes.ts'
import { SessionRecord, type StoredEvent } from './session-record.ts'
import { querySession, querySessions } from './sessions-query.ts'
import { sqliteDialect } from './sqlite-dialect.ts'
import { retainSqlite } from './sqlite-retention.ts'
import { prepareStatements, SQLITE_SCHEMA, type SqliteStatements } from './sqlite-schema.ts'
import { boundedSum, digestOf, MAX_REBUILT_EVENTS, MAX_SETTLED, MAX_SETTLED_EVENTS } from './store-limits.ts'
import type { AudienceTables, Dimensions } from './tables.ts'

/** Milliseconds to wait for another process that writes. */
const BUSY_MS = 5_000
const CACHE_KIB = 64 * 1024
/** Rows are long and come at the end: pages of this size are written in a third fewer steps than the usual ones. */
const PAGE_BYTES = 16 * 1024
/** Records of sessions that stay in memory, about 2 KiB each. */
const MAX_CACHED = 20_000
const SPOOL = 'own'

export class SqliteAudienceStore implements AudienceStore {
  readonly #database: DatabaseSync
  readonly #statements: SqliteStatements
  readonly #queries: Kysely<AudienceTables>
  readonly #cache = new Map<string, SessionRecord>()
  #committed: number
  #lastKey: number

  /** `file`: created when missing, readable by its owner only; `:memory:` for tests. Throws ConfigError ERR_AUDIENCE_STORE. */
  constructor(file: string) {
    try {
      if (file !== ':memory:') createFile(file)
      this.#database = new DatabaseSync(file)
      this.#database.exec(
        `PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA page_size = ${PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;
         PRAGMA synchronous = NORMAL; PRAGMA secure_delete = FAST; PRAGMA cache_size = -${CACHE_KIB};`,
      )
      this.#database.exec(SQLITE_SCHEMA)
      this.#statements = prepareStatements(this.#database)
      this.#committed = this.#number('SELECT committed AS value FROM audience_progress')
      this.#lastKey = this.#number('SELECT max(key) AS value FROM audience_session')
    } catch (cause) {
      throw new ConfigError('ERR_AUDIENCE_STORE', `expected to open ${file}: ${describeError(cause)}`, { cause })
    }
    this.#queries = new Kysely<AudienceTables>({ dialect: sqliteDialect(this.#database) })
  }

  async committed(): Promise<number> {
    return this.#committed
  }

  async commit(batches: readonly SpoolBatch[]): Promise<CommitResult> {
    const fresh = batches.filter(({ number }) => number > this.#committed)
    const committed = fresh.reduce((highest, { number }) => Math.max(highest, number), this.#committed)
    if (fresh.length === 0) return { committed, events: 0, duplicates: 0, erased: 0 }
    return this.#transaction(() => {
      const { putEvent, setCommitted } = this.#statements
      const { events, sessions, rollups, joins, duplicates, erased } = ingest(fresh, (id, at) => this.#find(id, at))
      for (const { record, event, line, folded } of events) {
        putEvent.run(record.key, event.receivedAt, folded ? 1 : 0, line)
      }
      for (const record of sessions) this.#put(record)
      for (const one of joins) this.#join(one, rollups)
      this.#addRollups(rollups)
      setCommitted.run(SPOOL, committed)
      return [{ committed, events: events.length, duplicates, erased }, () => (this.#committed = committed)] as const
    })
  }

  async settle(): Promise<boolean> {
    const waiting = this.#statements.stale.all(MAX_SETTLED + 1)
    if (waiting.length === 0) return false
    return this.#transaction(() => {
      const rollups = new RollupChanges()
      let events = 0
      let settled = 0
      for (const { id, events: count } of waiting) {
        if (settled >= MAX_SETTLED || (settled > 0 && events + Number(count) > MAX_SETTLED_EVENTS)) break
        const record = this.#known(String(id))
        if (record !== undefined) this.#rebuild(record, Number(count), rollups)
        events += Number(count)
        settled++
      }
      this.#addRollups(rollups)
      return [settled < waiting.length] as const
    })
  }

  overview(range: AudienceRange) {
    return queryOverview(this.#queries, range)
  }

  series(range: AudienceRange, step: number) {
    return querySeries(this.#queries, range, step)
  }

  shares(range: AudienceRange, by: keyof Dimensions) {
    return queryShares(this.#queries, range, by)
  }

  sessions(filter: SessionFilter) {
    return querySessions(this.#queries, filter)
  }

  session(id: string, now: number) {
    return querySession(this.#queries, id, now)
  }

  events(filter: EventFilter) {
    return queryEvents(this.#queries, filter)
  }

  async erase(sessionId: string, now: number): Promise<boolean> {
    const id = storableText(sessionId)
    const known = await this.#transaction(() => {
      const { putErased } = this.#statements
      putErased.run(digestOf(id), now)
      const record = this.#known(id)
      if (record === undefined) return [false] as const
      const rollups = new RollupChanges()
      record.withdraw(this.#eventsOf(record.key), rollups)
      this.#addRollups(rollups)
      this.#remove(record)
      return [true] as const
    })
    // What was deleted stands in the log of the database until then.
    this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    return known
  }

  async retain(retention: Retention, now: number): Promise<number> {
    const trimmed = new Set<number>()
    // Records in memory do not know of it.
    this.#cache.clear()
    const removed = await this.#transaction(() => {
      const count = retainSqlite(this.#database, retention, now, trimmed)
      for (const key of trimmed) this.#trim(key)
      return [count] as const
    })
    // The file becomes smaller when the log of the database is in it, which waits for whoever reads.
    this.#database.exec('PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)')
    return removed
  }

  async close(): Promise<void> {
    await this.#queries.destroy()
    this.#database.close()
  }

  /** All of `work`, or nothing; `then` is what holds in memory when it is in the database. */
  async #transaction<Result>(work: () => readonly [Result, (() => void)?]): Promise<Result> {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const [result, then] = work()
      this.#database.exec('COMMIT')
      then?.()
      return result
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      // They have taken what the database has not.
      this.#cache.clear()
      this.#lastKey = this.#number('SELECT max(key) AS value FROM audience_session')
      throw error
    }
  }

  #find(id: string, receivedAt: number): SessionRecord | undefined {
    const known = this.#known(id)
    if (known !== undefined) return known
    const erased = this.#statements.findErased.get(digestOf(id))
    if (erased !== undefined && Number(erased['erased']) >= receivedAt) return undefined
    return this.#remember(new SessionRecord(++this.#lastKey, id))
  }

  #known(id: string): SessionRecord | undefined {
    const cached = this.#cache.get(id)
    if (cached !== undefined) return cached
    const row = this.#statements.findSession.get(id)
    if (row === undefined) return undefined
    return this.#remember(SessionRecord.restore(Number(row['key']), id, String(row['state'])))
  }

  #remember(record: SessionRecord): SessionRecord {
    this.#cache.set(record.id, record)
    return record
  }

  #put(record: SessionRecord): void {
    const { putSession, putState } = this.#statements
    const row = record.row()
    putSession.run(...SESSION_COLUMNS.map((column) => row[column]))
    putState.run(record.key, record.state())
    // The least recently written goes first; what is in this transaction may stand in it above the limit.
    this.#cache.delete(record.id)
    this.#cache.set(record.id, record)
    const [oldest] = this.#cache.keys()
    if (this.#cache.size > MAX_CACHED && oldest !== undefined) this.#cache.delete(oldest)
  }

  #join({ formerId, record }: SessionJoin, rollups: RollupChanges): void {
    const former = this.#known(storableText(formerId))
    if (former === undefined || record?.canJoin(former) === false) return
    const stored = this.#eventsOf(former.key)
    former.withdraw(stored, rollups)
    if (record !== undefined) {
      this.#statements.moveEvents.run(record.key, former.key)
      record.join(stored.map(({ event }) => event))
      this.#put(record)
    }
    this.#remove(former)
  }

  #remove({ key, id }: SessionRecord): void {
    for (const table of ['audience_event', 'audience_state']) {
      this.#database.prepare(`DELETE FROM ${table} WHERE session = ?`).run(key)
    }
    this.#database.prepare('DELETE FROM audience_session WHERE key = ?').run(key)
    // Of a transaction that fails nothing stays in there.
    this.#cache.delete(id)
  }

  #rebuild(record: SessionRecord, events: number, rollups: RollupChanges): void {
    if (events > MAX_REBUILT_EVENTS) record.giveUp()
    else {
      record.rebuild(this.#eventsOf(record.key), rollups)
      this.#statements.foldEvents.run(record.key)
    }
    this.#put(record)
  }

  #trim(key: number): void {
    const row = this.#database.prepare('SELECT id FROM audience_session WHERE key = ?').get(key)
    const record = row === undefined ? undefined : this.#known(String(row['id']))
    if (record === undefined) return
    record.trim()
    this.#put(record)
  }

  #eventsOf(key: number): StoredEvent[] {
    return this.#statements.eventsOf
      .all(key, MAX_REBUILT_EVENTS)
      .map(({ folded, line }) => ({ event: parseEvent(String(line)), folded: folded === 1 }))
  }

  #addRollups(rollups: RollupChanges): void {
    const { addMinute, addStartup, addError } = this.#statements
    for (const { dimensions, shares, startups, errors } of rollups) {
      const { path, protocol, family } = dimensions
      for (const [minute, share] of shares.minutes) {
        const sums = Object.values(MINUTE_COLUMNS).map((field) => boundedSum(share[field]))
        addMinute.run(minute, path, protocol, family, ...sums)
      }
      for (const [counts, statement] of [
        [startups, addStartup],
        [errors, addError],
      ] as const) {
        for (const [minute, ofMinute] of counts) {
          for (const [name, count] of ofMinute) {
            if (count !== 0) statement.run(minute, path, protocol, family, name, count)
          }
        }
      }
    }
  }

  #number(query: string): number {
    return Number(this.#database.prepare(query).get()?.['value'] ?? 0)
  }
}

/** The files that SQLite makes beside it get its mode. The mask of the process is not a thread's to change. */
function createFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  closeSync(openSync(file, 'a', 0o600))
}
