/** Keeps reports from the moment they are acknowledged until the store has them: appended to files, numbered, bounded. */
import { unlinkSync } from 'node:fs'
import { type FileHandle, mkdir, open, stat, truncate, unlink } from 'node:fs/promises'
import { describeError, PeerError, UnavailableError } from '../../../errors.ts'
import type { PlayEvent } from '../../../playlog/play-event.ts'
import { formatEvents, MAX_BATCH_EVENTS } from './event-lines.ts'
import { MAX_PAYLOAD_BYTES, SPOOL_MAGIC, writeRecord } from './record.ts'
import { listSpoolFiles, MAX_FILE_BYTES, type SpoolFile, scanSpoolFile, spoolFile } from './spool-files.ts'

export interface SpoolOptions {
  /** Created when missing, for its owner only. One process at a time writes there. */
  readonly folder: string
  /** Number of the last batch that the store has. */
  readonly committed: number
  /** Bytes of all files and of what waits for them; above, nothing more is taken. Default 2 GiB. */
  readonly maxBytes?: number
  /** After which a new file begins, at most `MAX_FILE_BYTES`. Default 16 MiB. */
  readonly fileBytes?: number
  /** What is acknowledged survives the loss of power (fdatasync), not only the end of the process. */
  readonly strict?: boolean
}

const MAX_BYTES = 2 * 1024 ** 3
const FILE_BYTES = 16 * 1024 * 1024
/** Bytes that wait for a slow disk at most. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024
/** Bytes that are written, and brought to the disk, together. */
const GROUP_BYTES = 1024 * 1024
/** A file that is done with is removed before it is full, when it has that many bytes. */
const WORTH_REMOVING = 256 * 1024
const FILE_MODE = 0o600
const FOLDER_MODE = 0o700

interface Waiting {
  readonly number: number
  readonly record: Buffer
  readonly resolve: (number: number) => void
  readonly reject: (error: UnavailableError) => void
}

interface OpenFile extends SpoolFile {
  readonly handle: FileHandle
  bytes: number
}

/** A file that is written no more. */
interface FullFile extends SpoolFile {
  readonly last: number
  readonly bytes: number
}

export class Spool {
  readonly folder: string
  readonly #options: SpoolOptions
  #full: FullFile[]
  #file: OpenFile | undefined
  #next: number
  #written: number
  #committed: number
  #waiting: Waiting[] = []
  #waitingBytes = 0
  #running: Promise<void> | undefined
  /** The open file goes when the store has it, however small it is. */
  #renews = false
  /** Who waits for the files that can go since. */
  #releases: (() => void)[] = []
  #closed = false

  private constructor(options: SpoolOptions, full: FullFile[], last: number) {
    this.folder = options.folder
    this.#options = options
    this.#full = full
    this.#committed = options.committed
    this.#written = last
    this.#next = last + 1
  }

  /** Cuts what a crash left half written. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { folder, committed } = options
    await mkdir(folder, { recursive: true, mode: FOLDER_MODE })
    const full: FullFile[] = []
    let last = committed
    for (const file of listSpoolFiles(folder)) {
      const found = scanSpoolFile(file.path)
      // What the name promises was given to no other batch, even where nothing of the file is whole.
      last = Math.max(last, found.last ?? file.first - 1)
      if (found.last === undefined) {
        unlinkSync(file.path)
        continue
      }
      if ((await stat(file.path)).size > found.end) await truncate(file.path, found.end)
      full.push({ ...file, last: found.last, bytes: found.end })
    }
    const spool = new Spool(options, full, last)
    await spool.release(committed)
    return spool
  }

  /** Number of the last batch that readers may read up to. */
  get written(): number {
    return this.#written
  }

  /** On the disk, and waiting for it. */
  get bytes(): number {
    return this.#full.reduce((sum, { bytes }) => sum + bytes, this.#file?.bytes ?? 0) + this.#waitingBytes
  }

  /**
   * Resolves with the number of the batch when the operating system has it; with `strict`, when the disk has it. Rejects with PeerError
   * ERR_AUDIENCE_BATCH for none or too many, and with UnavailableError ERR_AUDIENCE_SPOOL_FULL or ERR_AUDIENCE_SPOOL_WRITE when it was not taken.
   */
  append(events: readonly PlayEvent[]): Promise<number> {
    let record: Buffer
    try {
      record = this.#admit(events)
    } catch (error) {
      return Promise.reject(error)
    }
    const number = this.#next++
    return new Promise((resolve, reject) => {
      this.#waiting.push({ number, record, resolve, reject })
      this.#waitingBytes += record.length
      this.#run()
    })
  }

  /** The record of the next number, where there is room for it. */
  #admit(events: readonly PlayEvent[]): Buffer {
    if (events.length === 0 || events.length > MAX_BATCH_EVENTS) {
      throw new PeerError('ERR_AUDIENCE_BATCH', `expected 1 to ${MAX_BATCH_EVENTS} events, found ${events.length}`)
    }
    const payload = Buffer.from(formatEvents(events))
    if (payload.length > MAX_PAYLOAD_BYTES) {
      throw new PeerError('ERR_AUDIENCE_BATCH', `expected at most ${MAX_PAYLOAD_BYTES} bytes, found ${payload.length}`)
    }
    if (this.#closed) throw new UnavailableError('ERR_AUDIENCE_SPOOL_WRITE', 'the spool is closed')
    const { maxBytes = MAX_BYTES } = this.#options
    if (this.bytes + payload.length > maxBytes || this.#waitingBytes + payload.length > MAX_WAITING_BYTES) {
      throw new UnavailableError('ERR_AUDIENCE_SPOOL_FULL', 'reports come faster than they can be stored')
    }
    return writeRecord(this.#next, payload)
  }

  /** The store has all up to this number: their files go. */
  release(committed: number): Promise<void> {
    this.#committed = Math.max(this.#committed, committed)
    return new Promise((resolve) => {
      this.#releases.push(resolve)
      this.#run()
    })
  }

  /** What is in the open file goes as soon as the store has it, where otherwise a file is worth that only from some size on. */
  async renew(): Promise<void> {
    this.#renews = this.#file !== undefined
    await this.release(this.#committed)
  }

  /** Resolves when all that was appended is written. */
  async close(): Promise<void> {
    this.#closed = true
    while (this.#running !== undefined) await this.#running
    await this.#file?.handle.close()
    this.#file = undefined
  }

  #run(): void {
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined
      if (this.#waiting.length > 0 || this.#releases.length > 0) this.#run()
    })
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    do {
      const releases = this.#releases.splice(0)
      await this.#removeCommitted()
      for (const resolve of releases) resolve()
      await this.#writeWaiting()
    } while (this.#releases.length > 0)
  }

  async #writeWaiting(): Promise<void> {
    // Reports may come without a pause: whoever releases does not wait for the end of them.
    while (this.#waiting.length > 0 && this.#releases.length === 0) {
      const group = this.#takeGroup()
      try {
        await this.#write(group)
        for (const { number, resolve } of group) resolve(number)
      } catch (cause) {
        const message = `the spool cannot be written: ${describeError(cause)}`
        const error = new UnavailableError('ERR_AUDIENCE_SPOOL_WRITE', message, { cause })
        for (const { reject } of group) reject(error)
      }
    }
  }

  #takeGroup(): Waiting[] {
    let count = 0
    let bytes = 0
    for (const { record } of this.#waiting) {
      if (count > 0 && bytes + record.length > GROUP_BYTES) break
      bytes += record.length
      count++
    }
    this.#waitingBytes -= bytes
    return this.#waiting.splice(0, count)
  }

  async #write(group: readonly Waiting[]): Promise<void> {
    const file = await this.#fileFor(group[0]?.number ?? this.#next)
    const bytes = Buffer.concat(group.map(({ record }) => record))
    try {
      await writeAt(file.handle, bytes, file.bytes)
      if (this.#options.strict === true) await file.handle.datasync()
    } catch (error) {
      // Half a group, or one that was refused, is not to be read. Where even that fails, the next group is written over it.
      await file.handle.truncate(file.bytes).catch(() => undefined)
      throw error
    }
    file.bytes += bytes.length
    this.#written = group.at(-1)?.number ?? this.#written
  }

  async #fileFor(number: number): Promise<OpenFile> {
    const { folder, strict, fileBytes = FILE_BYTES } = this.#options
    if (this.#file !== undefined && this.#file.bytes < Math.min(fileBytes, MAX_FILE_BYTES)) return this.#file
    await this.#closeFile()
    const file = spoolFile(folder, number)
    const handle = await open(file.path, 'w', FILE_MODE)
    try {
      await writeAt(handle, SPOOL_MAGIC, 0)
      if (strict === true) await syncFolder(folder)
    } catch (error) {
      await handle.close().catch(() => undefined)
      await unlink(file.path).catch(() => undefined)
      throw error
    }
    this.#file = { ...file, handle, bytes: SPOOL_MAGIC.length }
    return this.#file
  }

  async #closeFile(): Promise<void> {
    const file = this.#file
    if (file === undefined) return
    this.#file = undefined
    this.#renews = false
    this.#full.push({ first: file.first, path: file.path, bytes: file.bytes, last: this.#written })
    await file.handle.close().catch(() => undefined)
  }

  async #removeCommitted(): Promise<void> {
    const file = this.#file
    const isWorth = file !== undefined && (this.#renews || file.bytes >= WORTH_REMOVING)
    if (isWorth && this.#written <= this.#committed) await this.#closeFile()
    const done = this.#full.filter(({ last }) => last <= this.#committed)
    this.#full = this.#full.filter(({ last }) => last > this.#committed)
    // One that stays is read over after the next start.
    for (const { path } of done) await unlink(path).catch(() => undefined)
  }
}

async function writeAt(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
