/** Packets of several tracks in the order of their decode times, however their file interleaves them. */
import type { Machine } from '../media/machine.ts'
import type { Packet } from '../media/packet.ts'
import { MICROS_PER_SECOND, type Micros } from '../media/time.ts'
import type { Track } from '../media/track.ts'

/** A track that is silent for longer is not waited for. */
const MAX_SPREAD: Micros = MICROS_PER_SECOND
/** What a packet costs beside its bytes: many tiny ones must not slip past a limit in bytes. */
const PACKET_OVERHEAD = 256

interface Lane {
  readonly queue: Packet[]
  readonly steady: boolean
}

/** Whether packets of the track come all the time: sound and pictures do, text and data do not. */
export function isSteady({ kind }: Track): boolean {
  return kind === 'audio' || kind === 'video'
}

/** Waits for every track of sound and pictures, but at most for a second of media or until `maxBytes` are held. Nothing is left out. */
export class DecodeOrder implements Machine<Packet, Packet> {
  readonly #lanes = new Map<number, Lane>()
  readonly #maxBytes: number
  #bytes = 0
  #newest: Micros = Number.NEGATIVE_INFINITY
  #ended = false

  constructor(tracks: readonly Track[], maxBytes: number) {
    this.#maxBytes = maxBytes
    for (const track of tracks) this.#lane(track)
  }

  /** Held, with what packets cost beside their bytes. */
  get bytes(): number {
    return this.#bytes
  }

  write(packet: Packet): void {
    this.#lane(packet.track).queue.push(packet)
    this.#bytes += packet.data.byteLength + PACKET_OVERHEAD
    this.#newest = Math.max(this.#newest, packet.dts)
  }

  /** The next packet, without taking it. */
  peek(): Packet | undefined {
    return this.#first()?.queue[0]
  }

  read(): Packet | undefined {
    const packet = this.#first()?.queue.shift()
    if (packet !== undefined) this.#bytes -= packet.data.byteLength + PACKET_OVERHEAD
    return packet
  }

  end(): void {
    this.#ended = true
  }

  #lane(track: Track): Lane {
    const known = this.#lanes.get(track.id)
    if (known !== undefined) return known
    const lane = { queue: [], steady: isSteady(track) }
    this.#lanes.set(track.id, lane)
    return lane
  }

  #first(): Lane | undefined {
    let first: Lane | undefined
    let earliest = Number.POSITIVE_INFINITY
    let waiting = false
    for (const lane of this.#lanes.values()) {
      const [packet] = lane.queue
      if (packet === undefined) waiting ||= lane.steady
      else if (packet.dts < earliest) {
        first = lane
        earliest = packet.dts
      }
    }
    const enough = this.#ended || this.#newest - earliest > MAX_SPREAD || this.#bytes >= this.#maxBytes
    return waiting && !enough ? undefined : first
  }
}
