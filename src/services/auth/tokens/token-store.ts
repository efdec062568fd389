/** What a server must remember of tokens: which are revoked, and who uses those that are for a number of users. */
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { ConfigError, describeError, PeerError, UnavailableError } from '../../../errors.ts'
import { LEEWAY_SECONDS, MAX_LIFE_SECONDS, type TokenClaims } from './claims.ts'

/** Revoked tokens and uses that are remembered, each; all of them expire. */
export const MAX_REMEMBERED = 100_000
/** That one listing gives. */
export const MAX_LISTED_REVOKED = 1000
const MAX_ID = 300
/** Milliseconds to wait for another process that writes. */
const BUSY_MS = 2_000

/** A token that opens nothing any more. */
export interface RevokedToken {
  readonly id: string
  readonly revokedAt: Date
  /** It is forgotten then: the token has expired. */
  readonly forgottenAt: Date
}

interface Statements {
  readonly isRevoked: StatementSync
  readonly revoke: StatementSync
  readonly findUse: StatementSync
  readonly countUses: StatementSync
  readonly renewUse: StatementSync
  readonly insertUse: StatementSync
  readonly count: StatementSync
}

/** Opened with the first question. Any number of processes may use one file: what one revokes the others see with their next request. */
export class TokenStore {
  readonly #file: string
  readonly #now: () => number
  #database: DatabaseSync | undefined
  #statements: Statements | undefined
  #forgotAt = Number.NaN
  #revoked = 0
  #used = 0

  /** `file`: created when missing, readable by its owner only; `:memory:` for tests. `now`: wall clock, milliseconds. */
  constructor(file: string, now: () => number = Date.now) {
    this.#file = file
    this.#now = now
  }

  isRevoked(id: string): boolean {
    return this.#opened.isRevoked.get(id) !== undefined
  }

  /**
   * Good from the next request on, also after a crash. `expiresAt`, seconds since 1970: when the token ends anyway. Throws PeerError
   * ERR_TOKEN_INVALID for what can be no id, UnavailableError ERR_TOKEN_STORE_FULL.
   */
  revoke(id: string, expiresAt = this.#seconds + MAX_LIFE_SECONDS): void {
    if (id === '' || id.length > MAX_ID)
      throw new PeerError('ERR_TOKEN_INVALID', `expected a token's id of at most ${MAX_ID} characters`)
    const { revoke } = this.#opened
    this.#forget()
    if (this.#revoked >= MAX_REMEMBERED) throw full()
    this.#database?.exec('PRAGMA synchronous = FULL')
    revoke.run(id, this.#seconds, Math.ceil(expiresAt + LEEWAY_SECONDS))
    this.#database?.exec('PRAGMA synchronous = NORMAL')
    this.#revoked++
  }

  /** The newest first, at most `MAX_LISTED_REVOKED`. */
  revoked(): readonly RevokedToken[] {
    void this.#opened
    const rows = this.#database
      ?.prepare(`SELECT * FROM revoked_token ORDER BY revoked DESC LIMIT ${MAX_LISTED_REVOKED}`)
      .all()
    return (rows ?? []).map(({ id, revoked, expires }) => ({
      id: String(id),
      revokedAt: new Date(Number(revoked) * 1000),
      forgottenAt: new Date(Number(expires) * 1000),
    }))
  }

  /**
   * Takes one of the token's places for `holder`, or keeps the one it has: asking again is no other use. A place is free again when the token
   * has `renew` and nobody asked for twice as long. Throws PeerError ERR_TOKEN_USED when all are taken, UnavailableError ERR_TOKEN_STORE_FULL.
   */
  use({ id, uses, renew, expiresAt }: TokenClaims, holder: string): void {
    if (uses === undefined) return
    const { findUse, countUses, renewUse, insertUse } = this.#opened
    const now = this.#seconds
    const digest = createHash('sha256').update(holder).digest()
    const until = Math.ceil(renew === undefined ? expiresAt + LEEWAY_SECONDS : now + 2 * renew)
    const place = findUse.get(id, digest, now)
    if (place !== undefined) {
      if (until > Number(place['expires'])) renewUse.run(until, id, digest)
      return
    }
    this.#forget()
    if (Number(countUses.get(id, now)?.['taken']) >= uses) {
      throw new PeerError('ERR_TOKEN_USED', 'the token is used by as many as it is for')
    }
    if (this.#used >= MAX_REMEMBERED) throw full()
    insertUse.run(id, digest, until)
    this.#used++
  }

  close(): void {
    this.#database?.close()
    this.#database = undefined
    this.#statements = undefined
  }

  get #seconds(): number {
    return Math.floor(this.#now() / 1000)
  }

  /** Looks through what is remembered once a second at most. */
  #forget(): void {
    const now = this.#seconds
    if (now === this.#forgotAt) return
    this.#forgotAt = now
    this.#database?.exec(
      `DELETE FROM revoked_token WHERE expires <= ${now}; DELETE FROM token_use WHERE expires <= ${now};`,
    )
    const counted = this.#opened.count.get()
    this.#revoked = Number(counted?.['revoked'])
    this.#used = Number(counted?.['used'])
  }

  get #opened(): Statements {
    this.#statements ??= this.#open()
    return this.#statements
  }

  #open(): Statements {
    const before = process.umask(0o077)
    try {
      if (this.#file !== ':memory:') mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 })
      const database = new DatabaseSync(this.#file)
      this.#database = database
      database.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;`)
      database.exec(SCHEMA)
      return {
        isRevoked: database.prepare('SELECT 1 FROM revoked_token WHERE id = ?'),
        revoke: database.prepare('INSERT OR REPLACE INTO revoked_token (id, revoked, expires) VALUES (?, ?, ?)'),
        findUse: database.prepare('SELECT expires FROM token_use WHERE id = ? AND holder = ? AND expires > ?'),
        countUses: database.prepare('SELECT count(*) AS taken FROM token_use WHERE id = ? AND expires > ?'),
        renewUse: database.prepare('UPDATE token_use SET expires = ? WHERE id = ? AND holder = ?'),
        insertUse: database.prepare('INSERT OR REPLACE INTO token_use (id, holder, expires) VALUES (?, ?, ?)'),
        count: database.prepare(
          'SELECT (SELECT count(*) FROM revoked_token) AS revoked, (SELECT count(*) FROM token_use) AS used',
        ),
      }
    } catch (cause) {
      throw new ConfigError('ERR_TOKEN_STORE', `expected to open ${this.#file}: ${describeError(cause)}`, { cause })
    } finally {
      process.umask(before)
    }
  }
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS revoked_token (
  id TEXT PRIMARY KEY,
  revoked INTEGER NOT NULL,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS token_use (
  id TEXT NOT NULL,
  holder BLOB NOT NULL,
  expires INTEGER NOT NULL,
  PRIMARY KEY (id, holder)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS revoked_token_expires ON revoked_token (expires);
CREATE INDEX IF NOT EXISTS token_use_expires ON token_use (expires);
`

function full(): UnavailableError {
  return new UnavailableError('ERR_TOKEN_STORE_FULL', `expected at most ${MAX_REMEMBERED} tokens to remember`)
}
