/** Appends play logs to W3C extended log files, away from the path of media: buffered, bounded, and never with an error for the caller. */
import { constants } from 'node:fs'
import { type FileHandle, lstat, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { describeError } from '../../errors.ts'
import type { PlayLog } from '../../playlog/play-log.ts'
import type { Logger } from '../../protocols/protocol.ts'
import { listLogFiles, logDay, logFileName, removeOldLogFiles } from './w3c-log-files.ts'
import { formatW3cHeader, formatW3cLine } from './w3c-log-line.ts'

/** What is kept. */
export interface PlayLogLimits {
  /** Days; a file goes when its day is that long ago. */
  readonly maxAgeDays: number
  /** Bytes of all files together. */
  readonly maxBytes: number
  /** Bytes of one file; the next line opens another. */
  readonly maxFileBytes: number
}

export interface W3cLogStoreOptions {
  readonly folder: string
  readonly log: Logger
  readonly limits: PlayLogLimits
  /** Name and version of the server, for the head of each file. */
  readonly software: string
  /** Bytes that wait for the disk at most; further lines are lost and counted. Default 4 MiB. */
  readonly maxBufferedBytes?: number
  /** Wall clock, milliseconds. */
  readonly now?: () => number
}

/**
 * Lines wait that long, milliseconds, are written together and then brought to the disk itself (fdatasync): a crash of the process or of
 * the machine costs what came in the last second.
 */
const WRITE_AFTER_MS = 500
/** After a failed write, milliseconds. */
const RETRY_MS = 2000
const CLEAN_UP_MS = 3_600_000
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024
const MAX_BATCH_BYTES = 256 * 1024
const FILE_MODE = 0o640
const FOLDER_MODE = 0o700
/** No link is followed, so that nobody who may write into the folder leads us elsewhere. */
const OPEN_FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0)
const LINE_END = 0x0a

interface Line {
  readonly day: string
  readonly text: string
  readonly bytes: number
}

interface OpenFile {
  readonly handle: FileHandle
  readonly name: string
  readonly path: string
  readonly inode: number
  readonly day: string
  bytes: number
}

export class W3cLogStore {
  readonly #options: W3cLogStoreOptions
  #limits: PlayLogLimits
  #lines: Line[] = []
  #bytes = 0
  #file: OpenFile | undefined
  #lost = 0
  /** Lost since the last line that was written. */
  #gap = 0
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  readonly #cleaning: NodeJS.Timeout
  #closed = false

  constructor(options: W3cLogStoreOptions) {
    this.#options = options
    this.#limits = options.limits
    this.#cleaning = setInterval(() => void this.#cleanUp(), CLEAN_UP_MS)
    this.#cleaning.unref()
    this.#schedule(WRITE_AFTER_MS)
  }

  /** Lines that never reached a file. */
  get lost(): number {
    return this.#lost
  }

  /** Takes one log. Never throws, never waits. */
  add(log: PlayLog): void {
    const text = formatW3cLine(log)
    const bytes = Buffer.byteLength(text)
    if (this.#closed || this.#bytes + bytes > (this.#options.maxBufferedBytes ?? MAX_BUFFERED_BYTES)) {
      this.#lose(1)
      return
    }
    this.#lines.push({ day: logDay(log.receivedAt), text, bytes })
    this.#bytes += bytes
    this.#schedule(WRITE_AFTER_MS)
  }

  /** Other limits from now on. */
  configure(limits: PlayLogLimits): void {
    this.#limits = limits
    void this.#cleanUp()
  }

  /** Resolves when all that waits is on the disk, or could not be brought there. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#running ??= this.#write().then((done) => {
      this.#running = undefined
      if (this.#lines.length > 0) this.#schedule(done ? WRITE_AFTER_MS : RETRY_MS)
    })
    return this.#running
  }

  /** Writes what waits and closes the file. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#cleaning)
    // A write that was under way may have begun before the last line came.
    await this.#running
    await this.flush()
    clearTimeout(this.#timer)
    if (this.#lines.length > 0) this.#lose(this.#lines.length)
    this.#lines = []
    this.#bytes = 0
    await this.#file?.handle.close().catch(() => undefined)
    this.#file = undefined
  }

  #schedule(ms: number): void {
    if (this.#timer !== undefined || this.#running !== undefined || this.#closed) return
    this.#timer = setTimeout(() => void this.flush(), ms)
    this.#timer.unref()
  }

  /** Resolves with whether the disk took everything. */
  async #write(): Promise<boolean> {
    try {
      if (this.#file === undefined) await this.#removeOld()
      while (this.#lines.length > 0) await this.#writeBatch()
      return true
    } catch (error) {
      this.#report(error)
      await this.#file?.handle.close().catch(() => undefined)
      this.#file = undefined
      return false
    }
  }

  /** As many lines as go into one file, of one day. They leave the buffer when they are on the disk. */
  async #writeBatch(): Promise<void> {
    const [first] = this.#lines
    if (first === undefined) return
    const file = await this.#fileFor(first)
    const gap = this.#gap
    const remark = gap === 0 ? '' : `#Remark: ${gap} lines lost\n`
    let count = 0
    let bytes = 0
    for (const line of this.#lines) {
      const full = file.bytes + bytes + line.bytes > this.#limits.maxFileBytes || bytes + line.bytes > MAX_BATCH_BYTES
      if (line.day > file.day || (count > 0 && full)) break
      bytes += line.bytes
      count++
    }
    const text = `${remark}${this.#lines
      .slice(0, count)
      .map((line) => line.text)
      .join('')}`
    const before = file.bytes
    try {
      await file.handle.appendFile(text)
      await file.handle.datasync()
    } catch (error) {
      // Half a batch would stand there twice after the next try.
      await file.handle.truncate(before).catch(() => undefined)
      throw error
    }
    file.bytes += Buffer.byteLength(text)
    this.#gap -= gap
    this.#lines.splice(0, count)
    this.#bytes -= bytes
  }

  /** The open file while it is there, of that day or a later one, and has room; else the next. */
  async #fileFor(line: Line): Promise<OpenFile> {
    const current = this.#file
    if (current !== undefined) {
      const fits = line.day <= current.day && current.bytes + line.bytes <= this.#limits.maxFileBytes
      if (fits && (await isStillThere(current))) return current
      this.#file = undefined
      await current.handle.close().catch(() => undefined)
    }
    this.#file = await this.#openFile(line)
    if (current !== undefined) await this.#removeOld()
    return this.#file
  }

  async #openFile({ day, bytes }: Line): Promise<OpenFile> {
    const { folder, software } = this.#options
    await mkdir(folder, { recursive: true, mode: FOLDER_MODE })
    const header = formatW3cHeader(software, this.#now())
    const newest = (await listLogFiles(folder)).findLast((file) => file.day === day)
    const room = newest !== undefined && newest.bytes + header.length + bytes <= this.#limits.maxFileBytes
    const number = (newest?.number ?? 1) + (newest === undefined || room ? 0 : 1)
    const name = logFileName(day, number)
    const path = join(folder, name)
    const handle = await open(path, OPEN_FLAGS, FILE_MODE)
    try {
      const { size, ino } = await handle.stat()
      // A line that a crash cut in two is ended here.
      const text = `${(await endsInMidLine(handle, size)) ? '\n' : ''}${header}`
      await handle.appendFile(text)
      return { handle, name, path, inode: ino, day, bytes: size + Buffer.byteLength(text) }
    } catch (error) {
      await handle.close().catch(() => undefined)
      throw error
    }
  }

  async #cleanUp(): Promise<void> {
    try {
      await this.#removeOld()
    } catch (error) {
      this.#report(error)
    }
  }

  async #removeOld(): Promise<void> {
    const { folder } = this.#options
    const removed = await removeOldLogFiles(folder, this.#limits, this.#now(), this.#file?.name)
    if (removed.length > 0) this.#options.log.info({ files: removed.length }, 'old play logs were removed')
  }

  #lose(lines: number): void {
    this.#lost += lines
    this.#gap += lines
    this.#options.log.counted('ERR_PLAYLOG_LOST', { lost: this.#lost }, 'play logs are lost: the disk takes no more')
  }

  #report(error: unknown): void {
    const { folder, log } = this.#options
    log.counted('ERR_PLAYLOG_WRITE', { folder }, `play logs cannot be written: ${describeError(error)}`)
  }

  #now(): Date {
    return new Date(this.#options.now?.() ?? Date.now())
  }
}

/** Somebody may have removed or replaced the file. */
async function isStillThere({ path, inode }: OpenFile): Promise<boolean> {
  try {
    return (await lstat(path)).ino === inode
  } catch {
    return false
  }
}

async function endsInMidLine(handle: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return false
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer[0] !== LINE_END
}
