/** The tables of tables.ts in SQLite, and the statements that fill them. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { DIMENSION_COLUMNS, MINUTE_COLUMNS, SESSION_COLUMNS } from './columns.ts'
import { MAX_SUM } from './store-limits.ts'

const DIMENSIONS = 'minute INTEGER NOT NULL, path TEXT NOT NULL, protocol TEXT NOT NULL, family TEXT NOT NULL'

export const SQLITE_SCHEMA = `
CREATE TABLE IF NOT EXISTS audience_session (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  path TEXT NOT NULL, protocol TEXT NOT NULL, family TEXT NOT NULL,
  start INTEGER NOT NULL, finish INTEGER NOT NULL, seen INTEGER NOT NULL, shown INTEGER,
  outcome TEXT NOT NULL, outcome_over TEXT NOT NULL,
  startup INTEGER, played INTEGER NOT NULL, stalled INTEGER NOT NULL, stalls INTEGER NOT NULL,
  network_stalled INTEGER NOT NULL, network_stalls INTEGER NOT NULL, paused INTEGER NOT NULL, seeking INTEGER NOT NULL,
  bitrate REAL, bitrate_up INTEGER NOT NULL, bitrate_down INTEGER NOT NULL,
  dropped_frames INTEGER, bytes INTEGER, lost_packets INTEGER, latency INTEGER,
  errors INTEGER NOT NULL, events INTEGER NOT NULL, stale INTEGER NOT NULL, trimmed INTEGER NOT NULL,
  player TEXT, address TEXT, user_agent TEXT, content TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS audience_session_start ON audience_session (start);
CREATE INDEX IF NOT EXISTS audience_session_finish ON audience_session (finish);
CREATE INDEX IF NOT EXISTS audience_session_stale ON audience_session (key) WHERE stale = 1;
CREATE TABLE IF NOT EXISTS audience_state (session INTEGER PRIMARY KEY, state TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS audience_event (
  id INTEGER PRIMARY KEY,
  session INTEGER NOT NULL,
  received INTEGER NOT NULL,
  folded INTEGER NOT NULL,
  line TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS audience_event_session ON audience_event (session);
CREATE TABLE IF NOT EXISTS audience_minute (
  ${DIMENSIONS},
  ${Object.keys(MINUTE_COLUMNS)
    .map((column) => `${column} INTEGER NOT NULL`)
    .join(', ')},
  PRIMARY KEY (minute, path, protocol, family)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audience_startup (
  ${DIMENSIONS}, bucket INTEGER NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (minute, path, protocol, family, bucket)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audience_error (
  ${DIMENSIONS}, code TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (minute, path, protocol, family, code)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audience_progress (spool TEXT PRIMARY KEY, committed INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audience_erased (digest TEXT PRIMARY KEY, erased INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`

export interface SqliteStatements {
  readonly findSession: StatementSync
  readonly putSession: StatementSync
  readonly putState: StatementSync
  readonly putEvent: StatementSync
  readonly foldEvents: StatementSync
  readonly moveEvents: StatementSync
  readonly eventsOf: StatementSync
  readonly stale: StatementSync
  readonly addMinute: StatementSync
  readonly addStartup: StatementSync
  readonly addError: StatementSync
  readonly setCommitted: StatementSync
  readonly findErased: StatementSync
  readonly putErased: StatementSync
}

export function prepareStatements(database: DatabaseSync): SqliteStatements {
  const marks = (count: number) => Array.from({ length: count }, () => '?').join(', ')
  const sums = Object.keys(MINUTE_COLUMNS)
  const rollup = (table: string, keys: readonly string[], added: readonly string[]) =>
    database.prepare(
      `INSERT INTO ${table} (${[...keys, ...added].join(', ')}) VALUES (${marks(keys.length + added.length)})
       ON CONFLICT (${keys.join(', ')}) DO UPDATE SET ${added.map((name) => `${name} = min(${name} + excluded.${name}, ${MAX_SUM})`).join(', ')}`,
    )
  const [, , ...changing] = SESSION_COLUMNS
  return {
    findSession: database.prepare(
      'SELECT key, state FROM audience_session JOIN audience_state ON session = key WHERE id = ?',
    ),
    putSession: database.prepare(
      `INSERT INTO audience_session (${SESSION_COLUMNS.join(', ')}) VALUES (${marks(SESSION_COLUMNS.length)})
       ON CONFLICT (key) DO UPDATE SET ${changing.map((name) => `${name} = excluded.${name}`).join(', ')}`,
    ),
    putState: database.prepare(
      'INSERT INTO audience_state (session, state) VALUES (?, ?) ON CONFLICT (session) DO UPDATE SET state = excluded.state',
    ),
    putEvent: database.prepare('INSERT INTO audience_event (session, received, folded, line) VALUES (?, ?, ?, ?)'),
    foldEvents: database.prepare('UPDATE audience_event SET folded = 1 WHERE session = ? AND folded = 0'),
    moveEvents: database.prepare('UPDATE audience_event SET session = ?, folded = 0 WHERE session = ?'),
    eventsOf: database.prepare('SELECT folded, line FROM audience_event WHERE session = ? ORDER BY id LIMIT ?'),
    stale: database.prepare('SELECT id, events FROM audience_session WHERE stale = 1 ORDER BY key LIMIT ?'),
    addMinute: rollup('audience_minute', DIMENSION_COLUMNS, sums),
    addStartup: rollup('audience_startup', [...DIMENSION_COLUMNS, 'bucket'], ['count']),
    addError: rollup('audience_error', [...DIMENSION_COLUMNS, 'code'], ['count']),
    setCommitted: database.prepare('INSERT OR REPLACE INTO audience_progress (spool, committed) VALUES (?, ?)'),
    findErased: database.prepare('SELECT erased FROM audience_erased WHERE digest = ?'),
    putErased: database.prepare('INSERT OR REPLACE INTO audience_erased (digest, erased) VALUES (?, ?)'),
  }
}
