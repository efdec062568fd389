/** A stream muxed once for one wire format, merged per window, and shared byte for byte by all its viewers. */
import { ByteWriter } from '../media/bytes/byte-writer.ts'
import type { Packet } from '../media/packet.ts'
import type { Micros } from '../media/time.ts'
import type { Track } from '../media/track.ts'
import { BoundedLog, type LogCursor, type LogEntry } from './bounded-log.ts'
import { IdleEnd } from './idle-end.ts'
import type { StreamEntry } from './stream-entry.ts'

/** Muxes packets of one stream into one wire format. What differs per viewer is not its business. */
export interface FeedMuxer {
  /** What a viewer needs before packets of these tracks: sent first, and again when tracks or metadata change. May be empty. */
  init(tracks: readonly Track[], metadata: Readonly<Record<string, unknown>>): Uint8Array
  /** Appends the packet in wire form. */
  write(packet: Packet, out: ByteWriter): void
}

/** Names a wire format. One object per format, made once: feeds are found by its identity. */
export interface FeedFormat {
  /** `rtmp`, `flv`: for metrics. */
  readonly name: string
  createMuxer(): FeedMuxer
}

/** One merged buffer. */
interface Chunk extends LogEntry {
  readonly bytes: Uint8Array
  /** Where its first key packet begins; viewers who start here leave out what lies before. */
  readonly keyOffset: number
  /** The init bytes in force; compared by identity. */
  readonly init: Uint8Array
}

/** What a feed needs of its stream. */
export interface FeedSource {
  readonly log: BoundedLog<StreamEntry>
  /** The feed has closed itself. */
  dropFeed(feed: Feed): void
}

export interface FeedOptions {
  /** Packets are merged for this long, milliseconds; 0 writes each packet at once. */
  readonly windowMs: number
  readonly maxBytes: number
  readonly maxDuration: Micros
}

/** A merged buffer is closed when it reaches this size, bytes. */
const MAX_MERGED_BYTES = 65_536

export class Feed {
  readonly format: FeedFormat
  readonly #windowMs: number
  readonly #muxer: FeedMuxer
  readonly #source: LogCursor<StreamEntry>
  readonly #stream: FeedSource
  readonly #log: BoundedLog<Chunk>
  readonly #readers: IdleEnd<Chunk>
  #out = new ByteWriter(4096)
  /** Where the first key packet of the open buffer begins; -1: it has none. */
  #outKeyOffset = -1
  #outTime: Micros = 0
  #init: Uint8Array = EMPTY
  #tracks: readonly Track[] | undefined
  #timer: NodeJS.Timeout | undefined
  #closed = false

  /** Use `Stream.feed`. */
  constructor(stream: FeedSource, format: FeedFormat, options: FeedOptions) {
    this.format = format
    this.#windowMs = options.windowMs
    this.#muxer = format.createMuxer()
    this.#stream = stream
    this.#log = new BoundedLog({ maxBytes: options.maxBytes, maxDuration: options.maxDuration })
    this.#readers = new IdleEnd(this.#log, () => this.#close())
    this.#source = stream.log.open()
    // What the stream's log holds is muxed at once, so that the first viewer starts as fast as any other.
    this.#pull()
    this.#flush()
    this.#source.onWake = () => this.#pull()
  }

  /** The stream has ended, or nobody watched for a while: ask the stream for a new one. */
  get closed(): boolean {
    return this.#closed
  }

  get viewers(): number {
    return this.#log.readers
  }

  /** A viewer's place, starting at the newest key packet. */
  open(): FeedCursor {
    return new FeedCursor(this.#readers.open())
  }

  #pull(): void {
    for (let entry = this.#source.take(); entry !== undefined; entry = this.#source.take()) {
      if (this.#out.length > 0 && entry.tracks !== this.#tracks) this.#flush()
      if (entry.tracks !== this.#tracks) {
        this.#tracks = entry.tracks
        this.#init = this.#muxer.init(entry.tracks, entry.metadata)
      }
      if (this.#out.length === 0) this.#outTime = entry.time
      // A key packet does not close the buffer: that would cost every viewer one more write for each group of pictures.
      if (entry.key && this.#outKeyOffset < 0) this.#outKeyOffset = this.#out.length
      this.#muxer.write(entry.packet, this.#out)
      if (this.#windowMs === 0 || this.#out.length >= MAX_MERGED_BYTES) this.#flush()
    }
    if (this.#source.ended) {
      this.#flush()
      this.#close()
      return
    }
    if (this.#out.length > 0 && this.#timer === undefined) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined
        this.#flush()
      }, this.#windowMs)
    }
  }

  #flush(): void {
    if (this.#out.length === 0) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    const { length } = this.#out
    // Room for a window a little larger than this one, so that a steady stream neither grows buffers nor wastes memory.
    const merged = this.#out.detach(Math.min(MAX_MERGED_BYTES, length + (length >> 2)) + 512)
    // A Buffer once here saves every socket from wrapping the bytes again.
    const bytes = Buffer.from(merged.buffer, merged.byteOffset, merged.byteLength)
    const keyOffset = this.#outKeyOffset
    this.#outKeyOffset = -1
    this.#log.append({ bytes, size: length, key: keyOffset >= 0, keyOffset, time: this.#outTime, init: this.#init })
    this.#log.wake()
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#timer)
    this.#readers.stop()
    this.#source.close()
    this.#stream.dropFeed(this)
    this.#log.end()
  }
}

/** One viewer of a feed. */
export class FeedCursor {
  readonly #cursor: LogCursor<Chunk>
  #init: Uint8Array = EMPTY
  #held: Uint8Array | undefined
  /** Count of lost buffers at the last one taken; another count means that this viewer starts anew at a key packet. */
  #lost = -1

  constructor(cursor: LogCursor<Chunk>) {
    this.#cursor = cursor
  }

  /** Merged buffers lost by being too slow. */
  get skipped(): number {
    return this.#cursor.skipped
  }

  get ended(): boolean {
    return this.#held === undefined && this.#cursor.ended
  }

  /** Called when there is something to take, or at the end; from inside the publisher's turn: must not throw. */
  set onWake(callback: (() => void) | undefined) {
    this.#cursor.onWake = callback
  }

  /** The next bytes for this viewer, shared with all others: never write into them. `undefined`: caught up, or ended. */
  take(): Uint8Array | undefined {
    const held = this.#held
    if (held !== undefined) {
      this.#held = undefined
      return held
    }
    const chunk = this.#cursor.take()
    if (chunk === undefined) return undefined
    let { bytes } = chunk
    if (this.#cursor.skipped !== this.#lost) {
      this.#lost = this.#cursor.skipped
      if (chunk.keyOffset > 0) bytes = bytes.subarray(chunk.keyOffset)
    }
    if (chunk.init === this.#init) return bytes
    this.#init = chunk.init
    if (chunk.init.byteLength === 0) return bytes
    this.#held = bytes
    return chunk.init
  }

  /** Resolves true when `take` may succeed, false at the end. */
  ready(): Promise<boolean> {
    return this.#held === undefined ? this.#cursor.ready() : Promise.resolve(true)
  }

  close(): void {
    this.#held = undefined
    this.#cursor.close()
  }
}

const EMPTY = new Uint8Array(0)
