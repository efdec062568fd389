/** A file in one wire format for one viewer: what a feed is to a live stream (src/live/feed.ts). */
import type { FilePlayback } from '../library/file-playback.ts'
import type { FeedMuxer } from '../live/feed.ts'
import { ByteWriter } from '../media/bytes/byte-writer.ts'
import type { Packet } from '../media/packet.ts'
import type { Micros } from '../media/time.ts'
import type { Track, TrackKind } from '../media/track.ts'

/** What goes to the socket at once is no larger than this and one packet, bytes. */
const MAX_BATCH_BYTES = 65_536

export interface FileFeedOptions {
  /** Not closed with the feed. */
  readonly playback: FilePlayback
  readonly muxer: FeedMuxer
  /** Those that the muxer is to announce. */
  readonly tracks: readonly Track[]
  readonly metadata: Readonly<Record<string, unknown>>
  /** The first packet gets the time 0, whatever its time in the file. */
  readonly fromZero?: boolean
}

/** Has the shape that `net/pump.ts` takes. One at a time may stand on a playback; the next one begins with the init bytes again. */
export class FileFeed {
  /** A slow viewer of a file loses nothing. */
  readonly skipped = 0
  readonly #options: FileFeedOptions
  #tracks: readonly Track[]
  #announced = false
  #shift: Micros | undefined
  /** Kinds that are left out. */
  #without: ReadonlySet<TrackKind> = new Set()
  /** Tracks of pictures that were left out: they come back with a key picture. */
  readonly #awaitsKey = new Set<number>()

  constructor(options: FileFeedOptions) {
    this.#options = options
    this.#tracks = options.tracks
  }

  get ended(): boolean {
    return this.#options.playback.state !== 'open'
  }

  /** What the times that the viewer sees are behind those of the file. */
  get shift(): Micros {
    return this.#shift ?? 0
  }

  set onWake(callback: (() => void) | undefined) {
    this.#options.playback.onWake = callback
  }

  /** Leaves out these kinds of tracks from now on. */
  leaveOut(kinds: ReadonlySet<TrackKind>): void {
    if (this.#without.has('video') && !kinds.has('video')) {
      for (const { id, kind } of this.#tracks) if (kind === 'video') this.#awaitsKey.add(id)
    }
    this.#without = kinds
  }

  /** What is due, as bytes of this viewer alone; `undefined`: nothing yet, or ended. */
  take(): Uint8Array | undefined {
    const { playback, muxer } = this.#options
    let out: ByteWriter | undefined
    while (out === undefined || out.length < MAX_BATCH_BYTES) {
      const packet = playback.take()
      if (packet === undefined) break
      if (this.#isLeftOut(packet)) continue
      out ??= new ByteWriter(Math.min(MAX_BATCH_BYTES, packet.data.byteLength + 1024))
      this.#announce(packet, out)
      muxer.write(this.#moved(packet), out)
    }
    if (out === undefined || out.length === 0) return undefined
    const bytes = out.view()
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  close(): void {
    this.onWake = undefined
  }

  #moved(packet: Packet): Packet {
    this.#shift ??= this.#options.fromZero === true ? packet.dts : 0
    const shift = this.#shift
    return shift === 0 ? packet : { ...packet, dts: packet.dts - shift, pts: packet.pts - shift }
  }

  #isLeftOut({ track, key }: Packet): boolean {
    if (this.#without.has(track.kind)) return true
    if (!this.#awaitsKey.has(track.id)) return false
    if (!key) return true
    this.#awaitsKey.delete(track.id)
    return false
  }

  /** Before the first packet, and before one of another configuration. */
  #announce({ track }: Packet, out: ByteWriter): void {
    const before = this.#tracks.find(({ id }) => id === track.id)
    if (this.#announced && before === track) return
    this.#announced = true
    if (before !== undefined && before !== track) {
      this.#tracks = this.#tracks.map((one) => (one === before ? track : one))
    }
    out.bytes(this.#options.muxer.init(this.#tracks, this.#options.metadata))
  }
}
