/** Packets of one track to CMAF chunks: how a segment is divided into parts (RFC 8216bis section 4.4.4.9, CMAF ISO/IEC 23000-19 section 7.3.2.3). */
import { type FragmentSample, writeFragment } from '../media/containers/isobmff/fragment.ts'
import type { Packet } from '../media/packet.ts'
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from '../media/time.ts'
import type { Track } from '../media/track.ts'

/** A CMAF chunk: the smallest piece that can be sent. */
export interface BuiltPart {
  readonly bytes: Uint8Array
  /** Decode time of its first packet. */
  readonly start: Micros
  /** Presentation time of its first packet. */
  readonly presentationStart: Micros
  readonly duration: Micros
  readonly packets: number
  /** Decoding can start at its first packet. */
  readonly independent: boolean
}

/** Every part but a segment's last must reach this share of the part target. */
export const SHORTEST_PART = 0.85

/** What a packet is taken to last while no second one has come. */
const ASSUMED_DURATION: Record<Track['kind'], Micros> = {
  video: 33 * MICROS_PER_MS,
  audio: 21 * MICROS_PER_MS,
  data: 33 * MICROS_PER_MS,
  text: MICROS_PER_SECOND,
}

/** A segment's last packet is made longer by this much at most to reach the next one. */
const LONGEST_PAUSE: Micros = 250 * MICROS_PER_MS

/**
 * Takes the packets of one track in decode order. The newest packet is held until the next one gives its duration; a part is closed
 * when the packet after would make it longer than the part target. A single packet that lasts longer makes a longer part: no packet
 * is ever cut or dropped here.
 */
export class PartBuilder {
  readonly #partTarget: Micros
  #held: Packet | undefined
  #samples: FragmentSample[] = []
  #duration: Micros = 0
  #interval: Micros
  #sequence = 0
  #segmentStart = true

  constructor(kind: Track['kind'], partTarget: Micros) {
    this.#partTarget = partTarget
    this.#interval = ASSUMED_DURATION[kind]
  }

  /** Duration of the newest complete packet. */
  get interval(): Micros {
    return this.#interval
  }

  /** Decode time where the packets so far end, by estimate for the newest; `undefined` before the first. */
  get end(): Micros | undefined {
    return this.#held === undefined ? undefined : this.#held.dts + this.#interval
  }

  /** Parts that this packet completes, at most two. */
  write(packet: Packet): BuiltPart[] {
    const parts: BuiltPart[] = []
    if (this.#held !== undefined) this.#complete(this.#held, Math.max(packet.dts - this.#held.dts, 0), parts)
    this.#held = packet
    return parts
  }

  /** Ends the segment: the held packet lasts until `next`, or as long as the one before it when that is `undefined`. */
  endSegment(next: Micros | undefined): BuiltPart[] {
    const parts: BuiltPart[] = []
    const held = this.#held
    if (held !== undefined) {
      const lasts = next === undefined ? 0 : next - held.dts
      // After a longer pause the packet is not shown until the next one comes: there is a gap.
      const duration = lasts <= 0 || lasts > this.#interval + LONGEST_PAUSE ? this.#interval : lasts
      this.#complete(held, duration, parts)
      this.#held = undefined
    }
    if (this.#samples.length > 0) parts.push(this.#build())
    this.#segmentStart = true
    return parts
  }

  #complete(packet: Packet, duration: Micros, parts: BuiltPart[]): void {
    const shortest = SHORTEST_PART * this.#partTarget
    if (this.#duration >= shortest && this.#duration + duration > this.#partTarget) parts.push(this.#build())
    this.#samples.push({ packet, duration })
    this.#duration += duration
    this.#interval = duration
    // Closed now when one more packet like this one would not fit, so that viewers do not wait for it.
    if (this.#duration >= shortest && this.#duration + duration > this.#partTarget) parts.push(this.#build())
  }

  #build(): BuiltPart {
    const samples = this.#samples
    const duration = this.#duration
    const { track, dts, pts, key } = (samples[0] as FragmentSample).packet
    const packets = samples.length
    const bytes = writeFragment({
      sequence: ++this.#sequence,
      tracks: [{ track, baseDecodeTime: dts, samples }],
      segmentStart: this.#segmentStart,
    })
    this.#segmentStart = false
    this.#samples = []
    this.#duration = 0
    const independent = track.kind !== 'video' || key
    return { bytes, start: dts, presentationStart: pts, duration, packets, independent }
  }
}
