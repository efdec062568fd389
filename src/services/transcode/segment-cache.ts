/** Encoded segments on disk, by name, up to a quota: those unused for longest go first. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, rmdir, stat, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Logger } from '../../protocols/protocol.ts'

/*
 * A file is its content behind a head of 40 bytes: `HCS1`, the length of the content as 32 bits, and its SHA-256. It is written under
 * another name and renamed, so that a name stands for a whole file; the sum tells what a disk or a crash did to it all the same. The time
 * of change of a file is when it was last used, so that the order survives a restart.
 */
const MAGIC = Buffer.from('HCS1')
const HEAD_BYTES = 40
/** Names of ours, so that nothing else in the folder is taken for a segment or removed. */
const FOLDER_NAME = /^[0-9a-f]{12}$/
const FILE_NAME = /^[a-z0-9-]{1,40}\.bin$/
const DRAFT_NAME = /^\.draft-/
/** Files of one folder that are looked at: more than any film has. */
const MAX_FILES = 400_000
/** A use is noted on disk at most this often, milliseconds. */
const TOUCH_MS = 60_000
/** Kept in memory when the disk takes no more. */
const MAX_MEMORY_BYTES = 64 * 1024 * 1024

interface Entry {
  readonly size: number
  touched: number
}

export interface SegmentCacheOptions {
  readonly folder: string
  /** Quota; asked at each use. */
  readonly maxBytes: () => number
  readonly log: Logger
}

export class SegmentCache {
  readonly #folder: string
  readonly #maxBytes: () => number
  readonly #log: Logger
  /** Unused for longest first. Names are `TOKEN/NAME`. */
  readonly #entries = new Map<string, Entry>()
  readonly #memory = new Map<string, Uint8Array>()
  /** On their way to the disk. */
  readonly #writing = new Map<string, { readonly bytes: Uint8Array; readonly done: Promise<void> }>()
  #memoryBytes = 0
  #bytes = 0
  #scanned: Promise<void> | undefined

  constructor({ folder, maxBytes, log }: SegmentCacheOptions) {
    this.#folder = folder
    this.#maxBytes = maxBytes
    this.#log = log
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether it is there, without reading it. */
  async has(token: string, name: string): Promise<boolean> {
    await this.#scan()
    return this.hasNow(token, name)
  }

  /** The same for who has asked before. */
  hasNow(token: string, name: string): boolean {
    const key = keyOf(token, name)
    return this.#writing.has(key) || this.#memory.has(key) || this.#entries.has(key)
  }

  /** The content; `undefined` when it is not there, or damaged. */
  async read(token: string, name: string): Promise<Uint8Array | undefined> {
    await this.#scan()
    const key = keyOf(token, name)
    const held = this.#writing.get(key)?.bytes ?? this.#memory.get(key)
    if (held !== undefined) return held
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    const content = checked(await readFile(this.#path(key)).catch(() => undefined))
    if (content === undefined) {
      await this.#remove(key)
      return undefined
    }
    this.#touch(key, entry)
    return content
  }

  /** Keeps the content; it can be read at once, and is on disk when this resolves. Never throws: what the disk refuses is kept in memory. */
  write(token: string, name: string, bytes: Uint8Array): Promise<void> {
    const key = keyOf(token, name)
    const known = this.#writing.get(key)
    if (known !== undefined) return known.done
    const done = this.#store(key, bytes).finally(() => this.#writing.delete(key))
    this.#writing.set(key, { bytes, done })
    return done
  }

  /** Resolves when all that was written is on disk. */
  async close(): Promise<void> {
    await Promise.all([...this.#writing.values()].map(({ done }) => done))
  }

  async #store(key: string, bytes: Uint8Array): Promise<void> {
    await this.#scan()
    try {
      await this.#writeFile(this.#path(key), [head(bytes), bytes])
    } catch (error) {
      this.#log.counted(
        'ERR_TRANSCODE_CACHE',
        { error, folder: this.#folder },
        'an encoded segment could not be stored',
      )
      this.#keepInMemory(key, bytes)
      return
    }
    this.#add(key, bytes.byteLength + HEAD_BYTES)
    await this.#evict()
  }

  async #writeFile(path: string, pieces: readonly Uint8Array[]): Promise<void> {
    const draft = join(dirname(path), `.draft-${randomBytes(6).toString('hex')}`)
    try {
      await mkdir(dirname(path), { recursive: true })
      await writeFile(draft, pieces)
      await rename(draft, path)
    } catch (error) {
      await rm(draft, { force: true }).catch(() => undefined)
      throw error
    }
  }

  #add(key: string, size: number): void {
    this.#bytes += size - (this.#entries.get(key)?.size ?? 0)
    this.#entries.delete(key)
    this.#entries.set(key, { size, touched: Date.now() })
  }

  #touch(key: string, entry: Entry): void {
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    const now = Date.now()
    if (now - entry.touched < TOUCH_MS) return
    entry.touched = now
    utimes(this.#path(key), now / 1000, now / 1000).catch(() => undefined)
  }

  async #evict(): Promise<void> {
    const quota = this.#maxBytes()
    for (const key of this.#entries.keys()) {
      if (this.#bytes <= quota) break
      await this.#remove(key)
    }
  }

  async #remove(key: string): Promise<void> {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#bytes -= entry.size
    const path = this.#path(key)
    await rm(path, { force: true }).catch(() => undefined)
    // Fails while there is something in it.
    await rmdir(dirname(path)).catch(() => undefined)
  }

  #keepInMemory(key: string, bytes: Uint8Array): void {
    this.#memory.set(key, bytes)
    this.#memoryBytes += bytes.byteLength
    for (const [oldest, held] of this.#memory) {
      if (this.#memoryBytes <= MAX_MEMORY_BYTES) break
      this.#memory.delete(oldest)
      this.#memoryBytes -= held.byteLength
    }
  }

  #scan(): Promise<void> {
    this.#scanned ??= this.#readFolder()
    return this.#scanned
  }

  /** What an earlier run of the server left, and the order in which it was used. */
  async #readFolder(): Promise<void> {
    const found: { readonly key: string; readonly size: number; readonly used: number }[] = []
    for (const token of await list(this.#folder)) {
      if (!FOLDER_NAME.test(token)) continue
      for (const name of (await list(join(this.#folder, token))).slice(0, MAX_FILES)) {
        const path = join(this.#folder, token, name)
        if (DRAFT_NAME.test(name)) await rm(path, { force: true }).catch(() => undefined)
        if (!FILE_NAME.test(name)) continue
        const information = await stat(path).catch(() => undefined)
        if (information?.isFile() !== true) continue
        found.push({ key: `${token}/${name}`, size: information.size, used: information.mtimeMs })
      }
    }
    found.sort((left, right) => left.used - right.used)
    for (const { key, size, used } of found) {
      this.#entries.set(key, { size, touched: used })
      this.#bytes += size
    }
    await this.#evict()
  }

  #path(key: string): string {
    return join(this.#folder, key)
  }
}

function keyOf(token: string, name: string): string {
  const file = `${name}.bin`
  if (!FOLDER_NAME.test(token) || !FILE_NAME.test(file)) throw new Error(`no name of a segment: ${token}/${name}`)
  return `${token}/${file}`
}

function head(content: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(content.byteLength)
  return Buffer.concat([MAGIC, length, createHash('sha256').update(content).digest()])
}

function checked(file: Buffer | undefined): Uint8Array | undefined {
  if (file === undefined || file.byteLength < HEAD_BYTES) return undefined
  const content = file.subarray(HEAD_BYTES)
  return head(content).equals(file.subarray(0, HEAD_BYTES)) ? content : undefined
}

async function list(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => [])
}
