/** Reads the facts of files in the background, a few at a time, those asked for last first. */
import { FormatError, HeadendError } from '../../errors.ts'
import type { MediaFiles } from '../../library/media-files.ts'
import { factsOf, type Knowledge, unreadable } from './facts.ts'
import type { FactsStore, FileIdentity } from './facts-store.ts'
import { isGrowing } from './growing.ts'

/** Files read at the same time: viewers come first. */
const MAX_READING = 2
/** Files that wait; those asked for longest ago are dropped, and asked for again by whoever still shows them. */
const MAX_WAITING = 20_000

export interface FactsReaderOptions {
  readonly mediaFiles: Pick<MediaFiles, 'open'>
  readonly store: FactsStore
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Called when something went wrong that is not the file's fault. */
  readonly onFault: (error: unknown, path: string) => void
}

export class FactsReader {
  readonly #options: FactsReaderOptions
  readonly #waiting = new Map<string, FileIdentity>()
  /** Paths in the order they were asked for, some more than once; the last is read next. */
  #order: string[] = []
  readonly #reading = new Map<string, Promise<void>>()
  #closed = false

  constructor(options: FactsReaderOptions) {
    this.#options = options
  }

  /** Files whose facts are not known yet, of those that were asked for. */
  get pending(): number {
    return this.#waiting.size + this.#reading.size
  }

  /**
   * What is known of a file now; what is not is read in the background. Of one that was changed, what was known before: one that is being
   * written is read again when it rests.
   */
  know(file: FileIdentity): Knowledge | undefined {
    const { store, now } = this.#options
    const known = store.get(file)
    if (known !== undefined) return known
    const before = store.before(file.path)
    if (before === undefined || !isGrowing(file, now())) this.#want(file)
    return before
  }

  /** Resolves when the reading in hand is done; what waits is dropped. */
  async close(): Promise<void> {
    this.#closed = true
    this.#waiting.clear()
    await Promise.all(this.#reading.values())
  }

  #want(file: FileIdentity): void {
    if (this.#closed || this.#reading.has(file.path)) return
    this.#waiting.set(file.path, file)
    this.#order.push(file.path)
    if (this.#order.length > 2 * MAX_WAITING) this.#forgetOldest()
    this.#next()
  }

  #next(): void {
    if (this.#reading.size >= MAX_READING) return
    const file = this.#last()
    if (file === undefined) return
    const reading = this.#read(file).finally(() => {
      this.#reading.delete(file.path)
      // Between two files everybody else has a turn.
      setImmediate(() => this.#next())
    })
    this.#reading.set(file.path, reading)
  }

  #last(): FileIdentity | undefined {
    for (let path = this.#order.pop(); path !== undefined; path = this.#order.pop()) {
      const file = this.#waiting.get(path)
      // Read already, because it was asked for again.
      if (file === undefined) continue
      this.#waiting.delete(path)
      return file
    }
    return undefined
  }

  #forgetOldest(): void {
    this.#order = this.#order.slice(-MAX_WAITING)
    const kept = new Set(this.#order)
    for (const path of this.#waiting.keys()) if (!kept.has(path)) this.#waiting.delete(path)
  }

  async #read(asked: FileIdentity): Promise<void> {
    const { mediaFiles, store, onFault } = this.#options
    try {
      const { file, reader, close } = await mediaFiles.open(asked.path)
      try {
        store.set(file, factsOf(reader))
      } finally {
        close()
      }
    } catch (error) {
      if (error instanceof FormatError) store.set(asked, unreadable(error))
      // A file that is gone again is in no list any more.
      else if (!(error instanceof HeadendError)) onFault(error, asked.path)
    }
  }
}
