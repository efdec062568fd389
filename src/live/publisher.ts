/** The handle an ingest writes to. */
import { UnavailableError } from '../errors.ts'
import type { Packet } from '../media/packet.ts'
import type { Track } from '../media/track.ts'
import type { LogEntry } from './bounded-log.ts'
import type { Stream } from './stream.ts'
import type { ProvidedUnits, UnitFormat } from './units.ts'

/** One publisher of one stream. After `close`, or after another took over, `write` throws UnavailableError ERR_PUBLISHER_CLOSED. */
export class Publisher {
  readonly #path: string
  readonly #open: (publisher: Publisher) => Stream
  readonly #onClose: (publisher: Publisher, final: boolean) => void
  #stream: Stream | undefined
  #closed = false

  /** Use `Hub.publish` or `Hub.publishLater`; `open` is called once, when the stream is first needed. */
  constructor(
    path: string,
    open: (publisher: Publisher) => Stream,
    onClose: (publisher: Publisher, final: boolean) => void,
  ) {
    this.#path = path
    this.#open = open
    this.#onClose = onClose
  }

  /** What it writes to. Of a publisher that begins later this takes the path; see `Hub.publishLater` for what it may throw. */
  get stream(): Stream {
    this.#stream ??= this.#open(this)
    return this.#stream
  }

  /** The path is taken. */
  get began(): boolean {
    return this.#stream !== undefined
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Says which tracks come; before the first packet, and again when the set or a configuration changes. */
  announce(tracks: readonly Track[], metadata?: Readonly<Record<string, unknown>>): void {
    this.#check()
    this.stream.announce(tracks, metadata)
  }

  /** Hands a packet over; it must not be changed any more. */
  write(packet: Packet): void {
    this.#check()
    this.stream.write(packet)
  }

  /**
   * Says, before the first packet, that this publisher's wire carries units of that format: what is written to the result goes to
   * readers as it is. The packets are written all the same, for everybody else.
   */
  provide<Unit extends LogEntry>(format: UnitFormat<Unit>): ProvidedUnits<Unit> {
    this.#check()
    return this.stream.provide(format)
  }

  /** The publisher leaves. Unless `final`, the stream waits the path's grace time for the next one. */
  close(options: { readonly final?: boolean } = {}): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#stream !== undefined) this.#onClose(this, options.final ?? false)
  }

  #check(): void {
    if (this.#closed)
      throw new UnavailableError('ERR_PUBLISHER_CLOSED', `${this.#path} is not published by this peer any more`)
  }
}
