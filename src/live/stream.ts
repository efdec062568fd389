/** One live stream: its tracks, its log of recent packets, its publisher and everybody who reads it. */
import type { Packet } from '../media/packet.ts'
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from '../media/time.ts'
import type { Track } from '../media/track.ts'
import { BoundedLog, type LogCursor, type LogEntry } from './bounded-log.ts'
import { Feed, type FeedFormat } from './feed.ts'
import type { StreamEntry } from './stream-entry.ts'
import { Timeline } from './timeline.ts'
import { DerivedUnits, ProvidedUnits, type UnitFeed, type UnitFormat } from './units.ts'

export interface StreamOptions {
  /** Feeds merge packets for this long, milliseconds. */
  readonly windowMs: number
  /** Bytes a log may hold: the packets of the stream, and again each feed in use. */
  readonly maxLogBytes: number
  /** Packets older than this leave the log, except those of the current group of pictures. */
  readonly maxLogDuration: Micros
}

/** `live`: a publisher writes. `waiting`: it is gone and may come back. `closed`: over; the path is free. */
export type StreamState = 'live' | 'waiting' | 'closed'

/** A stretch of stream time over which rates are measured. */
const RATE_WINDOW: Micros = 2 * MICROS_PER_SECOND

/** Time zero is corrected for this long: encoders and relays begin with a burst of what they had gathered. */
const SETTLING: Micros = 1 * MICROS_PER_SECOND

/** Owned by the hub. Readers use `subscribe` and `feed`; only the publisher's handle writes. */
export class Stream {
  readonly path: string
  readonly startedAt: Date = new Date()
  readonly log: BoundedLog<StreamEntry>
  readonly #options: StreamOptions
  readonly #timeline = new Timeline()
  readonly #feeds = new Map<FeedFormat, Feed>()
  readonly #units = new Map<UnitFormat<LogEntry>, ProvidedUnits<LogEntry> | DerivedUnits<LogEntry>>()
  /** There are units that the publisher before brought: they end with the first packet of one that brings none. */
  #leftUnits = false
  readonly #now: () => Micros
  #state: StreamState = 'live'
  #tracks: readonly Track[] = []
  #metadata: Readonly<Record<string, unknown>> = {}
  /** Track that decides where readers may start; the first video track, else any. */
  #leading: number | undefined
  /** Tracks whose first key packet of this publisher has come. */
  readonly #decodable = new Set<number>()
  /** Monotonic and wall time of stream time zero, and when they stop to be corrected. */
  #zero: { readonly monotonic: Micros; readonly wall: Date; readonly settled: Micros } | undefined
  #bytes = 0
  #packets = 0
  #dropped = 0
  #rate = { since: 0 as Micros, bytes: 0, bitrateBps: 0 }

  constructor(path: string, options: StreamOptions, now: () => Micros) {
    this.path = path
    this.#options = options
    this.#now = now
    this.log = new BoundedLog({ maxBytes: options.maxLogBytes, maxDuration: options.maxLogDuration })
  }

  /** Milliseconds for which packets are merged on their way to viewers. */
  get windowMs(): number {
    return this.#options.windowMs
  }

  get state(): StreamState {
    return this.#state
  }

  /** Empty until the publisher has announced them. */
  get tracks(): readonly Track[] {
    return this.#tracks
  }

  get metadata(): Readonly<Record<string, unknown>> {
    return this.#metadata
  }

  /** Wall time of stream time zero; `undefined` before the first packet, fixed from a second after it. */
  get epoch(): Date | undefined {
    return this.#zero?.wall
  }

  /** Newest decode time in the stream. */
  get newest(): Micros {
    return this.#timeline.newest
  }

  get statistics(): {
    readonly bytes: number
    readonly packets: number
    readonly dropped: number
    readonly repairs: number
    readonly bitrateBps: number
  } {
    return {
      bytes: this.#bytes,
      packets: this.#packets,
      dropped: this.#dropped,
      repairs: this.#timeline.repairs,
      bitrateBps: this.#rate.bitrateBps,
    }
  }

  /** Readers of packets and viewers of feeds. */
  get readers(): number {
    let viewers = 0
    let derived = this.#feeds.size
    for (const feed of this.#feeds.values()) viewers += feed.viewers
    for (const feed of this.#units.values()) {
      viewers += feed.viewers
      if (!feed.native) derived++
    }
    return this.log.readers - derived + viewers
  }

  get feeds(): ReadonlyMap<FeedFormat, Feed> {
    return this.#feeds
  }

  /** A reader of packets that starts at the newest key packet. Close it when done. */
  subscribe(): LogCursor<StreamEntry> {
    return this.log.open()
  }

  /** The stream in one wire format, muxed from the first call on and shared by all who ask. */
  feed(format: FeedFormat): Feed {
    let feed = this.#feeds.get(format)
    if (feed === undefined) {
      feed = new Feed(this, format, this.#logOptions())
      if (!feed.closed) this.#feeds.set(format, feed)
    }
    return feed
  }

  /** For a feed that closes itself. */
  dropFeed(feed: Feed): void {
    if (this.#feeds.get(feed.format) === feed) this.#feeds.delete(feed.format)
  }

  /** The stream in units of one format: the publisher's own, or derived from the first call on and shared by all who ask. */
  units<Unit extends LogEntry>(format: UnitFormat<Unit>): UnitFeed<Unit> {
    const key = format as unknown as UnitFormat<LogEntry>
    let feed = this.#units.get(key)
    if (feed === undefined) {
      feed = new DerivedUnits(this, key, this.#logOptions())
      if (!feed.closed) this.#units.set(key, feed)
    }
    return feed as unknown as UnitFeed<Unit>
  }

  /**
   * The units that the publisher brings itself; `undefined`: it brings none of this format, so that they would have to be derived, or it has not
   * said so yet. Readers of packets are woken when it does.
   */
  providedUnits<Unit extends LogEntry>(format: UnitFormat<Unit>): UnitFeed<Unit> | undefined {
    const key = format as unknown as UnitFormat<LogEntry>
    const feed = this.#units.get(key)
    return feed?.native && !feed.closed && !this.#leftUnits ? (feed as unknown as UnitFeed<Unit>) : undefined
  }

  /** For units that close themselves. */
  dropUnits(feed: object): void {
    for (const [format, known] of this.#units) if (known === feed) this.#units.delete(format)
  }

  /** For the publisher: it brings units of this format itself. Readers of those a publisher before it brought stay. */
  provide<Unit extends LogEntry>(format: UnitFormat<Unit>): ProvidedUnits<Unit> {
    const key = format as unknown as UnitFormat<LogEntry>
    this.#leftUnits = false
    let feed = this.#units.get(key)
    if (!(feed instanceof ProvidedUnits)) {
      const provided = new ProvidedUnits<LogEntry>(this.#logOptions())
      feed?.close()
      this.#units.set(key, provided)
      feed = provided
    }
    // Of a publisher whose tracks are all encrypted no packet ever comes.
    this.log.wake()
    return feed as unknown as ProvidedUnits<Unit>
  }

  /** For the publisher: the set of tracks, or a configuration, or the metadata changed. */
  announce(tracks: readonly Track[], metadata?: Readonly<Record<string, unknown>>): void {
    // A new array even for equal tracks: readers compare it by identity to see that metadata changed.
    this.#tracks = [...tracks]
    if (metadata !== undefined) this.#metadata = metadata
    this.#leading = tracks.find((track) => track.kind === 'video')?.id
  }

  /** For the publisher: one packet. Video is dropped until its first key packet. */
  write(source: Packet): void {
    const { track } = source
    if (this.#leftUnits) this.#endProvided()
    if (!this.#decodable.has(track.id)) {
      if (track.kind === 'video' && !source.key) {
        this.#dropped++
        return
      }
      this.#decodable.add(track.id)
    }
    const packet = this.#timeline.place(source)
    this.#clock(packet.dts)
    const key = packet.key && (this.#leading === undefined ? track.kind !== 'data' : track.id === this.#leading)
    const size = packet.data.byteLength
    this.#bytes += size
    this.#packets++
    this.#measure(packet.dts, size)
    this.log.append({ packet, tracks: this.#tracks, metadata: this.#metadata, size, key, time: packet.dts })
    this.log.wake()
  }

  /** A publisher that begins with what it had gathered sends seconds of it at once: time zero was as long ago as the newest of it tells. */
  #clock(dts: Micros): void {
    const now = this.#now()
    const monotonic = now - dts
    if (this.#zero === undefined) {
      this.#zero = { monotonic, wall: new Date(Date.now() - dts / MICROS_PER_MS), settled: now + SETTLING }
    } else if (now < this.#zero.settled && monotonic < this.#zero.monotonic) {
      const earlier = (this.#zero.monotonic - monotonic) / MICROS_PER_MS
      this.#zero = { monotonic, wall: new Date(this.#zero.wall.getTime() - earlier), settled: this.#zero.settled }
    }
  }

  /** For the hub: a publisher starts to write. Time continues at the wall clock's place. */
  attach(): void {
    this.#state = 'live'
    if (this.#zero !== undefined) this.#timeline.restart(this.#now() - this.#zero.monotonic)
    this.#decodable.clear()
    this.#leftUnits = [...this.#units.values()].some((feed) => feed.native)
  }

  /** For the hub: the publisher left and may come back. */
  detach(): void {
    this.#state = 'waiting'
    this.#rate = { since: 0, bytes: 0, bitrateBps: 0 }
  }

  /** For the hub: the stream is over. Readers take what is left and see the end. */
  close(): void {
    this.#state = 'closed'
    this.log.end()
    this.#endProvided()
  }

  #endProvided(): void {
    this.#leftUnits = false
    for (const [format, feed] of this.#units) {
      if (!feed.native) continue
      this.#units.delete(format)
      feed.close()
    }
  }

  #logOptions(): { readonly windowMs: number; readonly maxBytes: number; readonly maxDuration: Micros } {
    const { windowMs, maxLogBytes, maxLogDuration } = this.#options
    return { windowMs, maxBytes: maxLogBytes, maxDuration: maxLogDuration }
  }

  #measure(time: Micros, size: number): void {
    const rate = this.#rate
    rate.bytes += size
    const elapsed = time - rate.since
    if (elapsed < 0 || elapsed > 10 * RATE_WINDOW) {
      rate.since = time
      rate.bytes = 0
    } else if (elapsed >= RATE_WINDOW) {
      rate.bitrateBps = Math.round((rate.bytes * 8 * MICROS_PER_SECOND) / elapsed)
      rate.since = time
      rate.bytes = 0
    }
  }
}
