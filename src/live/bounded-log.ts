/** A short log that many readers share: the packets of a stream, or the merged bytes of a feed. Bounded in bytes and in time. */
import type { Micros } from '../media/time.ts'

/*
 *  oldest                 newest key            newest
 *    │  k · · · · · k · · · · · k · · · · · · ·   │
 *    └─────────────────────▲────▲─────────────▲───┘
 *         fell behind ─────┘    └ new reader   └ live reader
 *
 * Entries are numbered from 0 for the life of the log. A reader is a number. There is no queue per reader: whoever falls off
 * the old end continues at the newest key entry, and the difference is counted as skipped.
 */

export interface LogEntry {
  /** Bytes this entry counts for. */
  readonly size: number
  /** A reader can start here. */
  readonly key: boolean
  /** Position in stream time. */
  readonly time: Micros
}

export interface LogLimits {
  /** Oldest entries go when the log holds more bytes (and 256 for each entry) than this, the current group of pictures included. */
  readonly maxBytes: number
  /** Oldest entries go when they are older than this, except those of the current group of pictures. */
  readonly maxDuration: Micros
}

/** What an entry costs beside its bytes: many tiny entries must not slip past a limit in bytes. */
const ENTRY_OVERHEAD = 256
/** Consumed slots are dropped from the array in batches of this many. */
const COMPACT_AFTER = 256

export class BoundedLog<Entry extends LogEntry> {
  readonly #limits: LogLimits
  #entries: (Entry | undefined)[] = []
  /** Array index of the oldest entry. */
  #first = 0
  /** Number of the oldest entry. */
  #oldest = 0
  #bytes = 0
  #newestKey = -1
  #ended = false
  readonly #cursors = new Set<LogCursor<Entry>>()

  constructor(limits: LogLimits) {
    this.#limits = limits
  }

  /** Number of the oldest entry kept. */
  get oldest(): number {
    return this.#oldest
  }

  /** Number the next entry will get. */
  get next(): number {
    return this.#oldest + this.#entries.length - this.#first
  }

  /** Number of the newest key entry, or -1 when none is kept. */
  get newestKey(): number {
    return this.#newestKey
  }

  get bytes(): number {
    return this.#bytes
  }

  get ended(): boolean {
    return this.#ended
  }

  get readers(): number {
    return this.#cursors.size
  }

  /** The entry with that number, or `undefined` when it is gone or has not come yet. */
  get(number: number): Entry | undefined {
    return number < this.#oldest ? undefined : this.#entries[this.#first + number - this.#oldest]
  }

  /** Adds an entry and drops what is over the limits. Readers are not woken: several entries may be added at once. */
  append(entry: Entry): void {
    if (entry.key) this.#newestKey = this.next
    this.#entries.push(entry)
    this.#bytes += entry.size
    this.#trim(entry.time)
  }

  /** Tells every reader that there is something to take, or that the log has ended. */
  wake(): void {
    for (const cursor of this.#cursors) cursor.wake()
  }

  /** No more entries come. Readers may take what is left. */
  end(): void {
    this.#ended = true
    this.wake()
  }

  /** A reader that starts at the newest key entry, or at the next one to come. `onClose` hears that it was closed. */
  open(onClose?: () => void): LogCursor<Entry> {
    const cursor = new LogCursor(this, (closed) => {
      this.#cursors.delete(closed)
      onClose?.()
    })
    this.#cursors.add(cursor)
    return cursor
  }

  #trim(now: Micros): void {
    const { maxBytes, maxDuration } = this.#limits
    while (this.#first < this.#entries.length - 1) {
      const entry = this.#entries[this.#first] as Entry
      const count = this.#entries.length - this.#first
      const tooMany = this.#bytes + count * ENTRY_OVERHEAD > maxBytes
      const tooOld = now - entry.time > maxDuration && (this.#newestKey < 0 || this.#oldest < this.#newestKey)
      if (!tooMany && !tooOld) break
      this.#bytes -= entry.size
      // Not only counted out but let go: the slot stays until the next compaction.
      this.#entries[this.#first] = undefined
      this.#first++
      this.#oldest++
    }
    if (this.#newestKey < this.#oldest) this.#newestKey = -1
    if (this.#first >= COMPACT_AFTER) {
      this.#entries = this.#entries.slice(this.#first)
      this.#first = 0
    }
  }
}

/** A reader's place in a log. */
export class LogCursor<Entry extends LogEntry> {
  /** Called when there may be something to take, or the log ended; synchronously, from inside the writer's turn: must not throw. */
  onWake: (() => void) | undefined
  readonly #log: BoundedLog<Entry>
  readonly #onClose: (cursor: LogCursor<Entry>) => void
  #position: number
  #awaitingKey: boolean
  #skipped = 0
  /** An entry was taken: what is lost from here on counts. */
  #started = false
  #closed = false
  #waiting: { promise: Promise<boolean>; resolve: (more: boolean) => void } | undefined

  /** Use `BoundedLog.open`. */
  constructor(log: BoundedLog<Entry>, onClose: (cursor: LogCursor<Entry>) => void) {
    this.#log = log
    this.#onClose = onClose
    this.#position = log.newestKey >= 0 ? log.newestKey : log.next
    this.#awaitingKey = log.newestKey < 0
  }

  /** Entries lost by being too slow; those before the first key entry do not count. */
  get skipped(): number {
    return this.#skipped
  }

  /** Nothing will come any more and all was taken. */
  get ended(): boolean {
    return this.#closed || (this.#log.ended && this.#position >= this.#log.next)
  }

  /** The next entry, or `undefined` when caught up (or ended). */
  take(): Entry | undefined {
    if (this.#closed) return undefined
    if (this.#position < this.#log.oldest) this.#jump()
    for (;;) {
      const entry = this.#log.get(this.#position)
      if (entry === undefined) return undefined
      this.#position++
      if (!this.#awaitingKey || entry.key) {
        this.#awaitingKey = false
        this.#started = true
        return entry
      }
      if (this.#started) this.#skipped++
    }
  }

  /** Resolves true when `take` may succeed, false at the end. At most one caller waits at a time. */
  ready(): Promise<boolean> {
    if (this.ended) return Promise.resolve(false)
    if (this.#position < this.#log.next) return Promise.resolve(true)
    if (this.#waiting === undefined) {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      this.#waiting = { promise, resolve }
    }
    return this.#waiting.promise
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.onWake = undefined
    this.#onClose(this)
    this.wake()
  }

  /** For the log: something changed. */
  wake(): void {
    const waiting = this.#waiting
    if (waiting !== undefined) {
      this.#waiting = undefined
      waiting.resolve(!this.ended)
    }
    this.onWake?.()
  }

  #jump(): void {
    const target = this.#log.newestKey >= 0 ? this.#log.newestKey : this.#log.next
    if (this.#started) this.#skipped += target - this.#position
    this.#awaitingKey = this.#log.newestKey < 0
    this.#position = target
  }
}
