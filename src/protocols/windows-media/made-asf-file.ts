/** An ASF file that does not exist: made of the packets of any file while it is played, by one viewer, from any place. */
import { FormatError } from '../../errors.ts'
import { DecodeOrder } from '../../library/decode-order.ts'
import type { AsfInit, AsfPacket } from '../../media/containers/asf/model.ts'
import { AsfPacketizer } from '../../media/containers/asf/packetizer.ts'
import type { Packet } from '../../media/packet.ts'
import type { KeyPoint, MediaReader } from '../../media/reader.ts'
import { MICROS_PER_MS, type Micros } from '../../media/time.ts'
import type { MadeHeader } from './made-asf-header.ts'
import type { PlayableAsf } from './playable-asf.ts'

/** Held until it is known what comes first, bytes. */
const MAX_HELD = 256 * 1024

/** A key picture, by the number of the packet in which it begins. */
interface NumberedKey {
  readonly number: number
  readonly point: KeyPoint
}

/**
 * The number of a packet is where its send time lies in the file, and higher than that of the packet before. So it means the same place
 * for everybody, however the viewer came there, although nobody knows how many packets lie before it.
 */
export class MadeAsfFile implements PlayableAsf {
  readonly init: AsfInit
  readonly packetCount = Number.POSITIVE_INFINITY
  readonly durationMs: number
  readonly #reader: MediaReader
  readonly #header: MadeHeader
  readonly #offset: Micros
  #run: Run | undefined
  #keys: readonly NumberedKey[] | undefined

  /** `offset`: what is added to times of the file. */
  constructor(reader: MediaReader, header: MadeHeader, offset: Micros) {
    this.#reader = reader
    this.#header = header
    this.#offset = offset
    this.init = header.init
    this.durationMs = Math.round((reader.duration + offset) / MICROS_PER_MS)
  }

  async readPackets(first: number, count: number): Promise<readonly AsfPacket[]> {
    if (first < 0) return []
    if (this.#run?.next !== first)
      this.#open(this.#keys?.find(({ number }) => number === first)?.point ?? this.#timeOf(first))
    return this.#run?.take(first, count) ?? []
  }

  async packetAt(timeMs: number): Promise<number> {
    this.#open(Math.round(timeMs * MICROS_PER_MS))
    return (await this.#run?.first()) ?? 0
  }

  async previousKey(number: number): Promise<number | undefined> {
    return (await this.#numberedKeys()).findLast((key) => key.number < number)?.number
  }

  async nextKey(number: number): Promise<number | undefined> {
    return (await this.#numberedKeys()).find((key) => key.number > number)?.number
  }

  /** Lets go of what is read. */
  async close(): Promise<void> {
    const run = this.#run
    this.#run = undefined
    await run?.close()
  }

  #open(from: Micros | KeyPoint): void {
    // Nobody waits for the end of a reading that nobody wants any more.
    this.#run?.close().catch(() => {})
    const place = typeof from === 'number' ? from - this.#offset : from
    const packets = this.#reader.packets(place, { tracks: this.#header.tracks.map(({ id }) => id) })
    this.#run = new Run(packets, this.#header, this.#offset)
  }

  #timeOf(number: number): Micros {
    return Math.ceil((number * 1_000_000) / this.#header.packetsPerSecond)
  }

  async #numberedKeys(): Promise<readonly NumberedKey[]> {
    this.#keys ??= (await this.#reader.keyPoints()).map((point) => {
      const sendTimeMs = Math.max(0, Math.round((point.dts + this.#offset) / MICROS_PER_MS))
      return { number: numberAt(sendTimeMs, this.#header.packetsPerSecond), point }
    })
    return this.#keys
  }
}

/** One reading from one place on. */
class Run {
  readonly #packets: AsyncGenerator<Packet>
  readonly #offset: Micros
  readonly #perSecond: number
  readonly #packetizer: AsfPacketizer
  readonly #order: DecodeOrder
  readonly #made: AsfPacket[] = []
  #last = -1
  #next: number | undefined
  #ended = false

  constructor(packets: AsyncGenerator<Packet>, { init, tracks, packetsPerSecond }: MadeHeader, offset: Micros) {
    this.#packets = packets
    this.#offset = offset
    this.#perSecond = packetsPerSecond
    this.#packetizer = new AsfPacketizer(init)
    this.#order = new DecodeOrder(tracks, MAX_HELD)
  }

  /** The number that is to be asked for to go on here; `undefined`: it was not begun. */
  get next(): number | undefined {
    return this.#next
  }

  /** Number of its first packet; `undefined` when there is none. */
  async first(): Promise<number | undefined> {
    await this.#make(1)
    this.#next = this.#made[0]?.number
    return this.#next
  }

  async take(first: number, count: number): Promise<readonly AsfPacket[]> {
    const taken: AsfPacket[] = []
    while (taken.length < count) {
      await this.#make(count - taken.length)
      const some = this.#made.splice(0, count - taken.length)
      if (some.length === 0) break
      for (const packet of some) if (packet.number >= first) taken.push(packet)
    }
    this.#next = (taken.at(-1)?.number ?? first - 1) + 1
    return taken
  }

  async close(): Promise<void> {
    await this.#packets.return(undefined)
  }

  async #make(count: number): Promise<void> {
    while (this.#made.length < count && !this.#ended) {
      const next = await this.#packets.next()
      if (next.done === true) {
        this.#ended = true
        this.#order.end()
      } else this.#order.write(next.value)
      for (let packet = this.#order.read(); packet !== undefined; packet = this.#order.read()) this.#write(packet)
      if (this.#ended) this.#packetizer.end()
      for (let packet = this.#packetizer.read(); packet !== undefined; packet = this.#packetizer.read()) {
        this.#last = Math.max(this.#last + 1, numberAt(packet.sendTimeMs, this.#perSecond))
        this.#made.push({ ...packet, number: this.#last })
      }
    }
  }

  #write(packet: Packet): void {
    const [dts, pts] = [packet.dts + this.#offset, packet.pts + this.#offset]
    try {
      this.#packetizer.write({ ...packet, dts, pts })
    } catch (error) {
      // What its own codec cannot read is left out.
      if (!(error instanceof FormatError)) throw error
    }
  }
}

function numberAt(sendTimeMs: number, packetsPerSecond: number): number {
  return Math.floor((sendTimeMs * packetsPerSecond) / 1000)
}
