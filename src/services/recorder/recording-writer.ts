/** Appends to a recording and to its index, in the publisher's turn: nothing waits, and what waits for the disk is bounded. */
import type { DiskFile } from './disk.ts'
import { formatIndexEntry, type IndexEntry } from './recording-index.ts'

/** The two files of a recording. */
export interface RecordingFiles {
  readonly data: DiskFile
  readonly index: DiskFile
}

/** Bytes that wait for the disk. */
export interface WriteBudget {
  /** Of all recordings. */
  waiting: number
  readonly maxWaiting: number
  /** Of one. */
  readonly maxWaitingEach: number
}

export interface RecordingWriterOptions {
  /** Opens the files; called at once. */
  readonly open: () => Promise<RecordingFiles>
  /** Shared by all recordings, so that a disk that stands still does not fill the memory. */
  readonly budget: WriteBudget
  /** Called once when the disk refuses; nothing is written after that. `written`: bytes that are whole in the file. */
  readonly onFailure: (error: unknown, written: number) => void
  /** Bytes have reached the file. */
  readonly onWritten?: (bytes: number) => void
}

type Item =
  | { readonly type: 'data'; readonly pieces: readonly Uint8Array[]; readonly byteLength: number }
  | { readonly type: 'line'; readonly entry: IndexEntry; readonly done: (() => void) | undefined }

/** Of one system call: two pieces each, and IOV_MAX is 1024. */
const MAX_BATCH = 500
const MAX_BATCH_BYTES = 8 * 1024 * 1024

export class RecordingWriter {
  readonly #options: RecordingWriterOptions
  #queue: Item[] = []
  #waiting = 0
  /** End of the file when all that waits is written. */
  #size = 0
  #written = 0
  #indexSize = 0
  #files: RecordingFiles | undefined
  #failed = false
  #running: Promise<void> | undefined

  constructor(options: RecordingWriterOptions) {
    this.#options = options
    void this.#run(async () => {
      this.#files = await options.open()
    })
  }

  /** Bytes of the file, with those that wait. */
  get size(): number {
    return this.#size
  }

  /** Nothing is taken any more. */
  get failed(): boolean {
    return this.#failed
  }

  /** Bytes that wait for the disk. */
  get waiting(): number {
    return this.#waiting
  }

  /** There is room for so many bytes. */
  accepts(bytes: number): boolean {
    const { waiting, maxWaiting, maxWaitingEach } = this.#options.budget
    return !this.#failed && this.#waiting + bytes <= maxWaitingEach && waiting + bytes <= maxWaiting
  }

  /**
   * Takes pieces that belong together, whether there is room or not, and returns where in the file they begin. They must not change any
   * more; of pieces that were not all written none stays.
   */
  append(...pieces: readonly Uint8Array[]): number {
    const offset = this.#size
    if (this.#failed) return offset
    const byteLength = pieces.reduce((sum, piece) => sum + piece.byteLength, 0)
    this.#size += byteLength
    this.#wait(byteLength)
    this.#push({ type: 'data', pieces, byteLength })
    return offset
  }

  /** A line of the index; it is written when all bytes that were appended before it are. `done` is called then. */
  log(entry: IndexEntry, done?: () => void): void {
    this.#push({ type: 'line', entry, done })
  }

  /** Writes what waits, puts `header` in the place of the first bytes, adds `tail` and the last line of the index, and closes. */
  async finish(last: {
    readonly header: Uint8Array
    readonly tail: Uint8Array
    readonly entry: IndexEntry
  }): Promise<void> {
    if (last.tail.byteLength > 0) this.append(last.tail)
    await this.#idle()
    await this.#run(async () => {
      if (this.#failed || this.#files === undefined) return
      const { data } = this.#files
      await data.write([last.header], 0)
      await data.sync()
      this.log(last.entry)
    })
    await this.close()
  }

  /** Writes what waits and closes. Never rejects. */
  async close(): Promise<void> {
    await this.#idle()
    const files = this.#files
    this.#files = undefined
    this.#failed = true
    await Promise.allSettled([files?.data.close(), files?.index.close()])
  }

  async #idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  #wait(bytes: number): void {
    this.#waiting += bytes
    this.#options.budget.waiting += bytes
  }

  #push(item: Item): void {
    if (this.#failed) return
    this.#queue.push(item)
    if (this.#running === undefined) void this.#run(() => nextTurn())
  }

  /** Does a task, then writes until nothing waits. */
  #run(task: () => Promise<void>): Promise<void> {
    const before = this.#running
    const running = (async () => {
      await before
      try {
        await task()
        while (this.#queue.length > 0 && !this.#failed) await this.#writeBatch()
      } catch (error) {
        await this.#fail(error)
      }
    })().finally(() => {
      if (this.#running === running) this.#running = undefined
    })
    this.#running = running
    return running
  }

  async #writeBatch(): Promise<void> {
    const files = this.#files
    if (files === undefined) return
    const batch = this.#takeBatch()
    const data = batch.filter((item) => item.type === 'data')
    if (data.length > 0) {
      const bytes = data.reduce((sum, { byteLength }) => sum + byteLength, 0)
      try {
        await files.data.write(
          data.flatMap(({ pieces }) => pieces),
          this.#written,
        )
      } catch (error) {
        await this.#cut(files.data, data)
        throw error
      }
      this.#written += bytes
      this.#wait(-bytes)
      this.#options.onWritten?.(bytes)
    }
    const lines = batch.flatMap((item) => (item.type === 'line' ? [item] : []))
    if (lines.length === 0) return
    const text = Buffer.from(lines.map(({ entry }) => formatIndexEntry(entry)).join(''))
    await files.index.write([text], this.#indexSize)
    this.#indexSize += text.byteLength
    for (const { done } of lines) done?.()
  }

  /** Bytes, then lines that tell of them and of what was before. */
  #takeBatch(): Item[] {
    let bytes = 0
    let count = 0
    let lines = false
    for (const item of this.#queue) {
      if (count >= MAX_BATCH || (item.type === 'data' && (lines || bytes >= MAX_BATCH_BYTES))) break
      if (item.type === 'data') bytes += item.byteLength
      else lines = true
      count++
    }
    return this.#queue.splice(0, count)
  }

  /** What was not written to its end is cut off, so that the file ends with a whole fragment. */
  async #cut(file: DiskFile, batch: readonly { readonly byteLength: number }[]): Promise<void> {
    try {
      const size = await file.size()
      for (const { byteLength } of batch) {
        if (this.#written + byteLength > size) break
        this.#written += byteLength
      }
      await file.truncate(this.#written)
    } catch {
      // The next start finds the torn end and cuts it off.
    }
  }

  async #fail(error: unknown): Promise<void> {
    if (this.#failed) return
    this.#failed = true
    this.#queue = []
    this.#wait(-this.#waiting)
    this.#options.onFailure(error, this.#written)
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
