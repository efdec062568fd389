/** The content keys of a server: made when first needed, found by their public id, encrypted at rest. */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { PeerError, UnavailableError } from '../../errors.ts'
import { formatUuid } from '../../media/protection/systems.ts'
import type { ContentKeys, KeyPurpose } from '../../packaging/protection/content-keys.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'
import type { KeyWrapping } from './key-wrapping.ts'

const KEY_BYTES = 16
/** Milliseconds to wait for another process that writes. */
const BUSY_MS = 2_000
/** Characters of a path and of a content name. */
const MAX_NAME = 1024
/** Keys that one listing gives. */
export const MAX_LISTED_KEYS = 1000

/** A stored key as it may be shown: without the key. */
export interface StoredKey extends KeyPurpose {
  readonly id: Uint8Array
  readonly createdAt: Date
}

/** One database; used by one process at a time as it is written to, by any number as it is read. */
export class KeyStore implements ContentKeys {
  readonly #database: DatabaseSync
  readonly #wrapping: KeyWrapping
  readonly #find: StatementSync
  readonly #findPurpose: StatementSync
  readonly #insert: StatementSync

  /** `file`: created when missing, readable by its owner only; `:memory:` for tests. */
  constructor(file: string, wrapping: KeyWrapping) {
    if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    const before = process.umask(0o077)
    try {
      this.#database = new DatabaseSync(file)
      this.#database.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;`)
      this.#database.exec(SCHEMA)
    } finally {
      process.umask(before)
    }
    this.#wrapping = wrapping
    this.#find = this.#database.prepare('SELECT * FROM content_key WHERE id = ?')
    this.#findPurpose = this.#database.prepare(
      'SELECT * FROM content_key WHERE path = ? AND content = ? AND period = ?',
    )
    this.#insert = this.#database.prepare(
      'INSERT INTO content_key (id, wrapped, path, content, period, created) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
    )
  }

  /** The key of a purpose, made now if there is none. It is on disk before it is returned: nothing is ever encrypted under a key that could be lost. */
  keyFor(purpose: KeyPurpose): ContentKey {
    const known = this.#findPurpose.get(purpose.path, purpose.content, purpose.period)
    if (known !== undefined) return this.#open(known)
    const key = { id: Uint8Array.from(randomBytes(KEY_BYTES)), key: Uint8Array.from(randomBytes(KEY_BYTES)) }
    // Another process may have been faster: the key that is stored counts.
    const stored = this.#store(key, purpose)
      ? undefined
      : this.#findPurpose.get(purpose.path, purpose.content, purpose.period)
    return stored === undefined ? key : this.#open(stored)
  }

  /**
   * Keeps a key that was made elsewhere. Throws PeerError ERR_KEYS_CONFLICT when the id is known with another key, or the purpose has another
   * key already.
   */
  add(key: ContentKey, purpose: KeyPurpose): void {
    const find = () => this.#find.get(key.id) ?? this.#findPurpose.get(purpose.path, purpose.content, purpose.period)
    const known = find() ?? (this.#store(key, purpose) ? undefined : find())
    if (known === undefined) return
    const found = this.#open(known)
    if (Buffer.compare(found.key, key.key) === 0 && Buffer.compare(found.id, key.id) === 0) return
    throw new PeerError('ERR_KEYS_CONFLICT', `expected one key for ${formatUuid(key.id)} of ${purpose.path}, found two`)
  }

  /** What a key id is for. `undefined`: it is not known. */
  purposeOf(id: Uint8Array): KeyPurpose | undefined {
    const row = this.#find.get(id)
    return row === undefined ? undefined : purposeOf(row)
  }

  /** Throws UnavailableError ERR_KEYS_UNKNOWN. */
  get(id: Uint8Array): ContentKey {
    const row = this.#find.get(id)
    if (row === undefined) throw new UnavailableError('ERR_KEYS_UNKNOWN', `there is no content key ${formatUuid(id)}`)
    return this.#open(row)
  }

  /** Those of a path, or all; the newest first, at most `MAX_LISTED_KEYS`. */
  list(path?: string): readonly StoredKey[] {
    const rows =
      path === undefined
        ? this.#database.prepare(`SELECT * FROM content_key ORDER BY created DESC LIMIT ${MAX_LISTED_KEYS}`).all()
        : this.#database
            .prepare(`SELECT * FROM content_key WHERE path = ? ORDER BY created DESC LIMIT ${MAX_LISTED_KEYS}`)
            .all(path)
    return rows.map((row) => ({
      id: bytesOf(row['id']),
      ...purposeOf(row),
      createdAt: new Date(Number(row['created'])),
    }))
  }

  close(): void {
    this.#database.close()
  }

  /** False: there is one with this id or for this purpose already. */
  #store(key: ContentKey, { path, content, period }: KeyPurpose): boolean {
    if (path.length > MAX_NAME || content.length > MAX_NAME) {
      throw new PeerError('ERR_KEYS_NAME', `expected names of at most ${MAX_NAME} characters for a content key`)
    }
    return this.#insert.run(key.id, this.#wrapping.wrap(key.id, key.key), path, content, period, Date.now()).changes > 0
  }

  #open(row: Row): ContentKey {
    const id = bytesOf(row['id'])
    return { id, key: this.#wrapping.unwrap(id, bytesOf(row['wrapped'])) }
  }
}

type Row = Record<string, unknown>

const SCHEMA = `
CREATE TABLE IF NOT EXISTS content_key (
  id BLOB PRIMARY KEY CHECK (length(id) = ${KEY_BYTES}),
  wrapped BLOB NOT NULL,
  path TEXT NOT NULL,
  content TEXT NOT NULL,
  period INTEGER NOT NULL,
  created INTEGER NOT NULL,
  UNIQUE (path, content, period)
) STRICT, WITHOUT ROWID;
`

function purposeOf(row: Row): KeyPurpose {
  return { path: String(row['path']), content: String(row['content']), period: Number(row['period']) }
}

function bytesOf(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array(0)
}
