/** Facts of files, kept by path, size and time of change: the recent ones in memory, those that could be read on disk too. What is kept can be made again. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Logger } from '../../protocols/protocol.ts'
import { type FileFacts, isReadable, type Knowledge } from './facts.ts'

/** Files remembered in memory, a few hundred bytes each. */
const MAX_IN_MEMORY = 20_000
/** Files remembered on disk; the longest not seen are forgotten. */
const MAX_ON_DISK = 200_000
/** Rows are counted once in so many writes. */
const TRIM_INTERVAL = 1_000
/** Raised when facts get other fields, so that those of older versions are made anew. */
const VERSION = 1

/** What makes a file the same file. */
export interface FileIdentity {
  readonly path: string
  /** Bytes. */
  readonly size: number
  readonly modified: Date
}

export interface FactsStoreOptions {
  /** Folder of its own; made when missing. `undefined`: memory only. */
  readonly folder: string | undefined
  readonly log: Logger
  readonly maxInMemory?: number
  readonly maxOnDisk?: number
}

interface Remembered {
  readonly stamp: string
  readonly knowledge: Knowledge
}

/** Never throws: a store that cannot be read or written is an empty one, and is told of in the log once. */
export class FactsStore {
  readonly #options: FactsStoreOptions
  /** By path; the longest not asked for is first. */
  readonly #memory = new Map<string, Remembered>()
  #disk: Disk | undefined

  constructor(options: FactsStoreOptions) {
    this.#options = options
    this.#use(() => {
      const { folder, maxOnDisk = MAX_ON_DISK } = options
      if (folder !== undefined) this.#disk = openDisk(folder, maxOnDisk)
    })
  }

  /** What is known of exactly this file. */
  get(file: FileIdentity): Knowledge | undefined {
    const stamp = stampOf(file)
    const known = this.#memory.get(file.path)
    if (known !== undefined) {
      if (known.stamp !== stamp) return undefined
      this.#memory.delete(file.path)
      this.#memory.set(file.path, known)
      return known.knowledge
    }
    const stored = this.#use((disk) => disk?.get(file.path, stamp))
    if (stored !== undefined) this.#remember(file.path, { stamp, knowledge: stored })
    return stored
  }

  /** What was known of the path before the file was changed, as far as it is in memory. */
  before(path: string): Knowledge | undefined {
    return this.#memory.get(path)?.knowledge
  }

  set(file: FileIdentity, knowledge: Knowledge): void {
    const stamp = stampOf(file)
    this.#remember(file.path, { stamp, knowledge })
    // What this version cannot read, the next one may.
    if (isReadable(knowledge)) this.#use((disk) => disk?.set(file.path, stamp, knowledge))
  }

  close(): void {
    this.#use((disk) => disk?.close())
    this.#disk = undefined
  }

  #remember(path: string, remembered: Remembered): void {
    this.#memory.delete(path)
    this.#memory.set(path, remembered)
    const [oldest] = this.#memory.keys()
    if (this.#memory.size > (this.#options.maxInMemory ?? MAX_IN_MEMORY) && oldest !== undefined) {
      this.#memory.delete(oldest)
    }
  }

  #use<T>(act: (disk: Disk | undefined) => T): T | undefined {
    try {
      return act(this.#disk)
    } catch (error) {
      this.#disk = undefined
      this.#options.log.warn({ error }, 'the catalogue keeps nothing on disk until the next start')
      return undefined
    }
  }
}

interface Disk {
  get(path: string, stamp: string): FileFacts | undefined
  set(path: string, stamp: string, facts: FileFacts): void
  close(): void
}

function openDisk(folder: string, maxRows: number): Disk {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'facts.db')
  let database: DatabaseSync
  let get: StatementSync
  try {
    database = prepare(file)
    get = database.prepare('SELECT facts FROM files WHERE path = ? AND stamp = ?')
  } catch {
    // Of another version, or damaged: it is made again from the files themselves.
    for (const part of ['', '-wal', '-shm']) rmSync(file + part, { force: true })
    database = prepare(file)
    get = database.prepare('SELECT facts FROM files WHERE path = ? AND stamp = ?')
  }
  const set = database.prepare('INSERT OR REPLACE INTO files (path, stamp, facts, seen) VALUES (?, ?, ?, ?)')
  const trim = database.prepare(
    'DELETE FROM files WHERE path IN (SELECT path FROM files ORDER BY seen DESC, rowid DESC LIMIT -1 OFFSET ?)',
  )
  let writes = 0
  return {
    get(path, stamp) {
      const row = get.get(path, stamp)
      const text = row?.['facts']
      return typeof text === 'string' ? (JSON.parse(text) as FileFacts) : undefined
    },
    set(path, stamp, facts) {
      set.run(path, stamp, JSON.stringify(facts), Date.now())
      if (++writes % Math.min(TRIM_INTERVAL, maxRows) === 0) trim.run(maxRows)
    },
    close: () => database.close(),
  }
}

function prepare(file: string): DatabaseSync {
  const database = new DatabaseSync(file)
  try {
    // What a crash of the machine takes away is made again; waiting for the disk would only slow it down.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF')
    const version = database.prepare('PRAGMA user_version').get()?.['user_version']
    if (version !== 0 && version !== VERSION) throw new Error(`facts of version ${String(version)}`)
    database.exec(
      'CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, stamp TEXT NOT NULL, facts TEXT NOT NULL, seen INTEGER NOT NULL)',
    )
    database.exec(`PRAGMA user_version = ${VERSION}`)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function stampOf({ size, modified }: FileIdentity): string {
  return `${size}-${modified.getTime()}`
}
