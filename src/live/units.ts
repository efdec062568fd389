/**
 * A stream in a format whose units stay whole on every wire, such as the packets of a container: derived from the stream's packets once
 * for all who read it, or provided by a publisher whose own wire carried that format.
 */
import { BoundedLog, type LogCursor, type LogEntry, type LogLimits } from './bounded-log.ts'
import { IdleEnd } from './idle-end.ts'
import type { StreamEntry } from './stream-entry.ts'

/** Turns the packets of one stream into units. Owns no clock: `flush` says when a window is over. */
export interface UnitMuxer<Unit extends LogEntry> {
  write(entry: StreamEntry): void
  /** Completes what was begun, so that it need not wait for more packets. */
  flush(): void
  /** The next unit; `undefined`: no more for now. */
  read(): Unit | undefined
}

/** Names a unit format. One object per format, made once: streams know it by identity. */
export interface UnitFormat<Unit extends LogEntry> {
  readonly name: string
  createMuxer(): UnitMuxer<Unit>
}

/** Where readers of units find them. After `closed` ask the stream again: another publisher may bring its own. */
export interface UnitFeed<Unit extends LogEntry> {
  /** The units are as they came over the publisher's wire. */
  readonly native: boolean
  readonly closed: boolean
  readonly viewers: number
  /** A place at the newest key unit. */
  open(): LogCursor<Unit>
}

/** Written by a publisher, through `Publisher.provide`. */
export class ProvidedUnits<Unit extends LogEntry> implements UnitFeed<Unit> {
  readonly native = true
  readonly #log: BoundedLog<Unit>

  constructor(limits: LogLimits) {
    this.#log = new BoundedLog(limits)
  }

  get closed(): boolean {
    return this.#log.ended
  }

  get viewers(): number {
    return this.#log.readers
  }

  open(): LogCursor<Unit> {
    return this.#log.open()
  }

  /** The unit's bytes must not change any more. */
  write(unit: Unit): void {
    if (this.#log.ended) return
    this.#log.append(unit)
    this.#log.wake()
  }

  /** For the stream: readers take what is left. */
  close(): void {
    if (!this.#log.ended) this.#log.end()
  }
}

/** What derived units need of their stream. */
export interface UnitSource {
  readonly log: BoundedLog<StreamEntry>
  /** The feed has closed itself. */
  dropUnits(feed: object): void
}

/** Muxed from the stream's packets; ends with the stream, or when nobody has read it for a while. */
export class DerivedUnits<Unit extends LogEntry> implements UnitFeed<Unit> {
  readonly native = false
  readonly #stream: UnitSource
  readonly #muxer: UnitMuxer<Unit>
  readonly #source: LogCursor<StreamEntry>
  readonly #log: BoundedLog<Unit>
  readonly #windowMs: number
  #windowTimer: NodeJS.Timeout | undefined
  readonly #readers: IdleEnd<Unit>
  #closed = false

  /** Use `Stream.units`. */
  constructor(stream: UnitSource, format: UnitFormat<Unit>, options: LogLimits & { readonly windowMs: number }) {
    this.#stream = stream
    this.#muxer = format.createMuxer()
    this.#windowMs = options.windowMs
    this.#log = new BoundedLog(options)
    this.#readers = new IdleEnd(this.#log, () => this.close())
    this.#source = stream.log.open()
    // What the stream's log holds is muxed at once, so that the first reader starts as fast as any other.
    this.#pull()
    this.#flush()
    this.#source.onWake = () => this.#pull()
  }

  get closed(): boolean {
    return this.#closed
  }

  get viewers(): number {
    return this.#log.readers
  }

  open(): LogCursor<Unit> {
    return this.#readers.open()
  }

  /** For the stream: readers take what is left and ask the stream again. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#windowTimer)
    this.#readers.stop()
    this.#source.close()
    this.#stream.dropUnits(this)
    this.#log.end()
  }

  #pull(): void {
    let wrote = false
    for (let entry = this.#source.take(); entry !== undefined; entry = this.#source.take()) {
      this.#muxer.write(entry)
      wrote = true
    }
    if (this.#source.ended) {
      this.#flush()
      this.close()
    } else if (wrote && this.#windowMs === 0) {
      this.#flush()
    } else if (wrote && this.#windowTimer === undefined) {
      // Units come once per window and all together: who sends them need not wait for more.
      this.#windowTimer = setTimeout(() => {
        this.#windowTimer = undefined
        this.#flush()
      }, this.#windowMs)
    }
  }

  #flush(): void {
    this.#muxer.flush()
    let found = false
    for (let unit = this.#muxer.read(); unit !== undefined; unit = this.#muxer.read()) {
      this.#log.append(unit)
      found = true
    }
    if (found) this.#log.wake()
  }
}
