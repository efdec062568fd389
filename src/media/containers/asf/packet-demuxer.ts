/** ASF data packets to tracks and canonical packets: ASF 1.20, sections 5.2 and 9. */
import { FormatError } from '../../../errors.ts'
import type { DemuxResult } from '../../container.ts'
import type { Machine } from '../../machine.ts'
import type { Packet } from '../../packet.ts'
import { protectionMetadata } from '../../source-protection.ts'
import { ClockUnwrapper, MICROS_PER_MS, type Micros } from '../../time.ts'
import type { Track } from '../../track.ts'
import { DemuxLane } from './demux-lane.ts'
import { type AsfInit, MAX_STREAM_NUMBER } from './model.ts'
import { type MediaObject, ObjectAssembler } from './object-assembler.ts'

/** How long packets are held for a track whose configuration is still to come: media time, packets, bytes. */
const MAX_SETTLE_MICROS: Micros = 1_000_000
const MAX_HELD_PACKETS = 512
const MAX_HELD_BYTES = 16 * 1024 * 1024
/** Broken packets or objects, one after the other, before it is no ASF any more. One alone is dropped, as players do. */
const MAX_BROKEN = 16

/**
 * Takes whole data packets of one header, padded or not, whose bytes then belong to the results. Encrypted streams and those in unknown
 * formats have no track; when no stream has, the set of tracks is empty. Preroll is taken off presentation times.
 *
 * ASF has presentation times only. Where a codec never reorders frames they are the decode times too; where it may, decode times are
 * derived, see `DecodeTimes`. Of H.264 FFmpeg writes decode times in their place, see `ReorderedTimes`.
 */
export class AsfPacketDemuxer implements Machine<Uint8Array, DemuxResult> {
  readonly #init: AsfInit
  readonly #assembler: ObjectAssembler
  readonly #lanes: (DemuxLane | undefined)[] = Array.from({ length: MAX_STREAM_NUMBER + 1 })
  /** One for all streams, so that they wrap together. */
  readonly #clock = new ClockUnwrapper(32)
  readonly #results: DemuxResult[] = []
  #taken = 0
  #heldBytes = 0
  #announced = false
  #firstPts: Micros | undefined
  #broken = 0

  constructor(init: AsfInit) {
    this.#init = init
    this.#assembler = new ObjectAssembler(init)
    for (const stream of init.streams) {
      if (stream.track !== undefined && !stream.encrypted) this.#lanes[stream.number] = new DemuxLane(stream.track)
    }
    if (this.#tracks().length === this.#lanesInUse().length) this.#announce()
  }

  /** A broken packet is dropped; throws FormatError when 16 in a row are. */
  write(packet: Uint8Array): void {
    try {
      this.#assembler.write(packet)
    } catch (error) {
      this.#forgive(error)
    }
    for (let object = this.#assembler.read(); object !== undefined; object = this.#assembler.read()) this.#take(object)
    if (this.#isHeldTooMuch()) this.#settle()
  }

  read(): DemuxResult | undefined {
    if (!this.#announced) return undefined
    const result = this.#results[this.#taken]
    if (result === undefined) {
      this.#results.length = 0
      this.#taken = 0
      return undefined
    }
    if (result.type === 'packet') {
      if (Number.isNaN(result.packet.dts)) return undefined
      this.#heldBytes -= result.packet.data.byteLength
    }
    this.#taken++
    return result
  }

  /** Gives out what is held; an object that is not whole is dropped. */
  end(): void {
    this.#settle()
  }

  #take(object: MediaObject): void {
    const lane = this.#lanes[object.stream.number]
    if (lane === undefined) return
    try {
      const pts = (this.#clock.unwrap(object.presentationTimeMs) - this.#init.prerollMs) * MICROS_PER_MS
      const track = lane.track
      const packet = lane.packet(object.data, pts, object.key)
      if (lane.track !== track) this.#changed()
      if (packet !== undefined) this.#give(packet)
      this.#broken = 0
    } catch (error) {
      this.#forgive(error)
    }
  }

  #give(packet: Packet): void {
    this.#firstPts ??= packet.pts
    this.#heldBytes += packet.data.byteLength
    this.#results.push({ type: 'packet', packet })
    if (!this.#announced && packet.pts - this.#firstPts > MAX_SETTLE_MICROS) this.#announce()
  }

  /** A lane found its configuration, or another one. */
  #changed(): void {
    if (this.#announced) this.#results.push(this.#describe())
    else if (this.#tracks().length === this.#lanesInUse().length) this.#announce()
  }

  #announce(): void {
    this.#announced = true
    this.#results.unshift(this.#describe())
  }

  #describe(): DemuxResult {
    const { description, encryption } = this.#init
    const texts = Object.fromEntries(Object.entries(description).filter(([, text]) => text !== ''))
    return { type: 'tracks', tracks: this.#tracks(), metadata: { ...texts, ...protectionMetadata(encryption) } }
  }

  #settle(): void {
    for (const lane of this.#lanesInUse()) lane.settle()
    if (!this.#announced) this.#announce()
  }

  #isHeldTooMuch(): boolean {
    const held = this.#results.length - this.#taken
    return held > MAX_HELD_PACKETS || this.#heldBytes > MAX_HELD_BYTES
  }

  #tracks(): Track[] {
    return this.#lanesInUse().flatMap(({ track }) => (track === undefined ? [] : [track]))
  }

  #lanesInUse(): DemuxLane[] {
    return this.#lanes.filter((lane) => lane !== undefined)
  }

  #forgive(error: unknown): void {
    if (!(error instanceof FormatError) || ++this.#broken >= MAX_BROKEN) throw error
  }
}
