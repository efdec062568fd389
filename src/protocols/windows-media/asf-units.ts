/** A live stream as ASF data packets, for every Windows Media protocol: as a publisher sent them, or made of its packets (ASF 1.20, section 5). */

import { FormatError } from '../../errors.ts'
import type { LogEntry } from '../../live/bounded-log.ts'
import type { StreamEntry } from '../../live/stream-entry.ts'
import type { ProvidedUnits, UnitFormat, UnitMuxer } from '../../live/units.ts'
import { buildAsfInit } from '../../media/containers/asf/header-builder.ts'
import type { AsfInit, AsfPacket } from '../../media/containers/asf/model.ts'
import { packetIsKey, packetSendTime } from '../../media/containers/asf/packet-info.ts'
import { AsfPacketizer } from '../../media/containers/asf/packetizer.ts'
import { withoutPadding } from '../../media/containers/asf/padding.ts'
import { isAsfTrack } from '../../media/containers/asf/track-format.ts'
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'

/** One data packet in the log of a stream. `size`: bytes; `time`: its send time, which never goes back even where `sendTimeMs` does. */
export interface AsfUnit extends LogEntry, AsfPacket {}

/** Bytes of a packet that is made here: fits a datagram with every header that goes before it on a usual network. */
export const LIVE_PACKET_SIZE = 1400
/** What a player is told to gather before it shows anything, milliseconds: room for reordered frames and a little jitter. */
export const LIVE_PREROLL_MS = 2000
/** A longer step between two packets is a jump of the sender's clock, not time that passed. */
const MAX_STEP: Micros = 10 * MICROS_PER_SECOND

/** The stream's ASF packets. Ingests whose wire carries ASF provide them, see `NativeAsfUnits`. */
export const asfUnits: UnitFormat<AsfUnit> = { name: 'asf', createMuxer: () => new AsfUnitMuxer() }

/** Numbers units and places them in time, over changes of the header and of the publisher. */
class UnitSequence {
  #next = 0
  #time: Micros = 0
  #sendTimeMs: number | undefined

  /** Of the unit before, milliseconds. */
  get sendTimeMs(): number {
    return this.#sendTimeMs ?? 0
  }

  unit(packet: Omit<AsfPacket, 'number'>): AsfUnit {
    const { bytes, sendTimeMs, key, init } = packet
    const step = (sendTimeMs - (this.#sendTimeMs ?? sendTimeMs)) * MICROS_PER_MS
    if (step > 0 && step <= MAX_STEP) this.#time += step
    this.#sendTimeMs = sendTimeMs
    return { number: this.#next++, bytes, sendTimeMs, key, init, size: bytes.byteLength, time: this.#time }
  }
}

/** Continued by the next publisher of the same stream that provides units. */
const sequences = new WeakMap<ProvidedUnits<AsfUnit>, UnitSequence>()

/** For an ingest: takes the packets of its wire as they come. `feed` is what `publisher.provide(asfUnits)` gave. */
export class NativeAsfUnits {
  readonly #feed: ProvidedUnits<AsfUnit>
  readonly #sequence: UnitSequence

  constructor(feed: ProvidedUnits<AsfUnit>) {
    this.#feed = feed
    this.#sequence = sequences.get(feed) ?? new UnitSequence()
    sequences.set(feed, this.#sequence)
  }

  /**
   * Passes one data packet on, padded or not; it must not be changed any more. `init` is the header in force: the same object until
   * another comes. Throws FormatError for a packet with a broken head.
   */
  write(bytes: Uint8Array, init: AsfInit): void {
    // Parity packets have no time of their own.
    const sendTimeMs = packetSendTime(bytes) ?? this.#sequence.sendTimeMs
    const packet = { bytes: withoutPadding(bytes), sendTimeMs, key: packetIsKey(bytes, init), init }
    this.#feed.write(this.#sequence.unit(packet))
  }
}

/** Packets of a stream into ASF packets, with a new header whenever tracks change. */
class AsfUnitMuxer implements UnitMuxer<AsfUnit> {
  readonly #sequence = new UnitSequence()
  readonly #units: AsfUnit[] = []
  #taken = 0
  #tracks: readonly Track[] | undefined
  #packetizer: AsfPacketizer | undefined

  write({ packet, tracks, metadata }: StreamEntry): void {
    try {
      if (tracks !== this.#tracks) this.#start(tracks, metadata)
      this.#packetizer?.write(packet)
    } catch (error) {
      // What its own codec cannot read is left out; the publisher, in whose turn this is, has done nothing that the hub refuses.
      if (!(error instanceof FormatError)) throw error
    }
    this.#collect()
  }

  flush(): void {
    this.#packetizer?.flush()
    this.#collect()
  }

  read(): AsfUnit | undefined {
    const unit = this.#units[this.#taken]
    if (unit !== undefined) {
      this.#taken++
    } else if (this.#taken > 0) {
      this.#units.length = 0
      this.#taken = 0
    }
    return unit
  }

  #start(tracks: readonly Track[], metadata: Readonly<Record<string, unknown>>): void {
    this.flush()
    const before = this.#tracks
    this.#tracks = tracks
    // The array is another one for new metadata too; players need no new header for that.
    if (before !== undefined && before.length === tracks.length && before.every((track, at) => track === tracks[at]))
      return
    this.#packetizer = undefined
    // What ASF cannot carry is left out; of a stream of nothing else there are no units.
    if (!tracks.some(isAsfTrack)) return
    const options = { packetSize: LIVE_PACKET_SIZE, prerollMs: LIVE_PREROLL_MS, broadcast: true }
    this.#packetizer = new AsfPacketizer(buildAsfInit({ tracks, metadata, ...options }))
  }

  #collect(): void {
    const packetizer = this.#packetizer
    if (packetizer === undefined) return
    for (let packet = packetizer.read(); packet !== undefined; packet = packetizer.read()) {
      this.#units.push(this.#sequence.unit(packet))
    }
  }
}
