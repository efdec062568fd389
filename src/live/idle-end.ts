/** Ends what is made for readers when it has had none for a while. */
import type { BoundedLog, LogCursor, LogEntry } from './bounded-log.ts'

/** How long something without readers is kept, milliseconds: a viewer that reloads finds it. */
const IDLE_MS = 5_000

/** Hands out the readers of a log, and counts the time without any; it runs from the start. */
export class IdleEnd<Entry extends LogEntry> {
  readonly #log: BoundedLog<Entry>
  readonly #onIdle: () => void
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(log: BoundedLog<Entry>, onIdle: () => void) {
    this.#log = log
    this.#onIdle = onIdle
    this.#start()
  }

  /** A reader's place, at the newest key entry. */
  open(): LogCursor<Entry> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    return this.#log.open(() => {
      if (this.#log.readers === 0) this.#start()
    })
  }

  /** It has ended by itself. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #start(): void {
    if (this.#stopped || this.#timer !== undefined) return
    this.#timer = setTimeout(this.#onIdle, IDLE_MS)
    this.#timer.unref()
  }
}
