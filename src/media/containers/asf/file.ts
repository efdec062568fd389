/** An ASF file at random: its header, its packets by number, and places in time (ASF 1.20, sections 2 to 6). */
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'
import { DataPacketCursor } from './data-packet-cursor.ts'
import { packetsAnnounced } from './demuxer.ts'
import {
  findPacketsEnd,
  findSimpleIndex,
  readIndexedPacket,
  readIndexedPackets,
  type StoredIndex,
} from './file-index.ts'
import { asfHeaderLength, parseAsfInit } from './header.ts'
import type { AsfInit, AsfPacket } from './model.ts'
import { keyTimeIn, packetIsKey, packetSendTime } from './packet-info.ts'

/** Read at first: enough for nearly every header. */
const FIRST_READ = 8192
/** Read at once when packets are looked through. */
const SCAN_BYTES = 65_536
/** How far the nearest key frame is looked for when the index knows one before. */
const MAX_REFINE_BYTES = 524_288
/** Enough of a packet for its times. */
const TIMES_BYTES = 64
/** Parity packets in a row that are stepped over in search of a send time. */
const MAX_PARITY = 16

/**
 * Knows the real number of packets also of files that are cut short, that are still being written, or that never were told their size.
 * Times are media time: presentation times without preroll. A file may begin at any time, see `startMs`. The source is not closed.
 */
export class AsfFile {
  readonly init: AsfInit
  /** Whole packets. */
  readonly packetCount: number
  /** Send time of the first packet; 0 in most files. */
  readonly startMs: number
  /** Milliseconds from `startMs` to the end. */
  readonly durationMs: number
  readonly #source: ByteSource
  readonly #index: StoredIndex | undefined

  /** Throws FormatError for what is no ASF file. */
  static async open(source: ByteSource): Promise<AsfFile> {
    const init = await readInit(source)
    const { packetSize, bytes } = init
    const whole = Math.max(0, Math.floor((source.size - bytes.byteLength) / packetSize))
    const announced = packetsAnnounced(init)
    const packetCount = announced === undefined ? await findPacketsEnd(source, init, whole) : Math.min(announced, whole)
    const index = await findSimpleIndex(source, bytes.byteLength + (announced ?? packetCount) * packetSize)
    const [first, last] = await Promise.all([
      readTimes(source, init, 0, packetCount),
      readTimes(source, init, packetCount - 1, packetCount),
    ])
    const complete = packetCount === announced && init.durationMs > 0
    const measured = Math.max(0, (last?.endMs ?? 0) - (first?.startMs ?? 0))
    return new AsfFile(source, init, {
      packetCount,
      startMs: first?.startMs ?? 0,
      durationMs: complete ? init.durationMs : measured,
      index,
    })
  }

  private constructor(
    source: ByteSource,
    init: AsfInit,
    facts: { packetCount: number; startMs: number; durationMs: number; index: StoredIndex | undefined },
  ) {
    this.#source = source
    this.init = init
    this.packetCount = facts.packetCount
    this.startMs = facts.startMs
    this.durationMs = facts.durationMs
    this.#index = facts.index
  }

  /** Up to `count` packets, as they are in the file, from that number on; none behind the end. They share one piece of memory. */
  async readPackets(first: number, count: number): Promise<AsfPacket[]> {
    const { init } = this
    const packets: AsfPacket[] = []
    let sendTimeMs = 0
    for (const bytes of await this.#readBytes(first, count)) {
      // Parity packets have no time of their own.
      sendTimeMs = packetSendTime(bytes) ?? sendTimeMs
      const number = first + packets.length
      packets.push({ number, bytes, sendTimeMs, key: packetIsKey(bytes, init), init })
    }
    return packets
  }

  /**
   * Number of the packet to start from for a media time: where the last key frame begins that is shown then or before; the first packet
   * of the file when there is none. Where there is no video, any object is a key frame.
   */
  async packetAt(timeMs: number): Promise<number> {
    const last = await this.#lastSentBefore(timeMs)
    const target = timeMs + this.init.prerollMs
    const indexed = await this.#indexed(target)
    if (indexed === undefined || indexed.packet > last) return (await this.#keyBefore(last, 0, target)) ?? 0
    // The index has the last key frame before its own time; there may be another one up to the time asked for.
    const from = Math.max(indexed.packet, await this.#lastSentBefore(indexed.timeMs - this.init.prerollMs))
    const nearest = Math.max(from, last - Math.floor(MAX_REFINE_BYTES / this.init.packetSize))
    return (await this.#keyBefore(last, nearest, target)) ?? indexed.packet
  }

  /** Milliseconds that the index speaks of; 0 without one. */
  get indexedMs(): number {
    return this.#index === undefined ? 0 : this.#index.entryCount * this.#index.intervalMs
  }

  /** Numbers of the packets that the index speaks of, each once, going up; empty without an index. */
  indexedPackets(): Promise<number[]> {
    return this.#index === undefined ? Promise.resolve([]) : readIndexedPackets(this.#source, this.#index)
  }

  /** Number of the last packet before that one where a key frame begins. */
  previousKey(number: number): Promise<number | undefined> {
    return this.#keyBefore(Math.min(number, this.packetCount) - 1, 0, Number.POSITIVE_INFINITY)
  }

  /** Number of the first packet behind that one where a key frame begins. */
  async nextKey(number: number): Promise<number | undefined> {
    const step = this.#scanCount()
    for (let first = Math.max(0, number + 1); first < this.packetCount; first += step) {
      const at = (await this.#readBytes(first, step)).findIndex((bytes) => packetIsKey(bytes, this.init))
      if (at !== -1) return first + at
    }
    return undefined
  }

  /** The last packet from `lowest` to `last` where a key frame begins that is shown at `target` or before, preroll included. */
  async #keyBefore(last: number, lowest: number, target: number): Promise<number | undefined> {
    const step = this.#scanCount()
    for (let end = last + 1; end > lowest; end -= step) {
      const first = Math.max(lowest, end - step)
      const packets = await this.#readBytes(first, end - first)
      const at = packets.findLastIndex((bytes) => {
        const keyTime = keyTimeIn(bytes, this.init)
        return keyTime !== undefined && keyTime <= target
      })
      if (at !== -1) return first + at
    }
    return undefined
  }

  /** What the index has for a presentation time, if the packet there keeps the index's word. */
  async #indexed(target: number): Promise<{ packet: number; timeMs: number } | undefined> {
    const found = this.#index && (await readIndexedPacket(this.#source, this.#index, target))
    if (found === undefined) return undefined
    const [bytes] = await this.#readBytes(found.packet, 1)
    const keyTime = bytes && keyTimeIn(bytes, this.init)
    return keyTime !== undefined && keyTime <= target ? found : undefined
  }

  /** Number of the last packet that is sent at that time or before; 0 when none is. */
  async #lastSentBefore(timeMs: number): Promise<number> {
    let low = 0
    let high = this.packetCount - 1
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if ((await this.#sendTime(middle)) <= timeMs) low = middle
      else high = middle - 1
    }
    return Math.max(0, low)
  }

  async #sendTime(number: number): Promise<number> {
    for (let at = number; at >= 0 && at > number - MAX_PARITY; at--) {
      const { bytes, packetSize } = this.init
      const start = await this.#source.read(bytes.byteLength + at * packetSize, Math.min(TIMES_BYTES, packetSize))
      const sendTimeMs = packetSendTime(start)
      if (sendTimeMs !== undefined) return sendTimeMs
    }
    return 0
  }

  async #readBytes(first: number, count: number): Promise<Uint8Array[]> {
    const { bytes, packetSize } = this.init
    const wanted = Math.min(count, this.packetCount - first)
    if (first < 0 || !(wanted > 0)) return []
    const read = await this.#source.read(bytes.byteLength + first * packetSize, wanted * packetSize)
    const packets: Uint8Array[] = []
    for (let at = 0; at + packetSize <= read.byteLength; at += packetSize)
      packets.push(read.subarray(at, at + packetSize))
    return packets
  }

  #scanCount(): number {
    return Math.max(1, Math.floor(SCAN_BYTES / this.init.packetSize))
  }
}

async function readInit(source: ByteSource): Promise<AsfInit> {
  const first = await source.read(0, FIRST_READ)
  const length = asfHeaderLength(first)
  return parseAsfInit(length === undefined || length <= first.byteLength ? first : await source.read(0, length))
}

/** Start and end of one packet in media time; `undefined` when it does not tell. */
async function readTimes(
  source: ByteSource,
  { bytes, packetSize, prerollMs }: AsfInit,
  number: number,
  count: number,
): Promise<{ startMs: number; endMs: number } | undefined> {
  if (number < 0 || number >= count) return undefined
  const packet = await source.read(bytes.byteLength + number * packetSize, packetSize)
  const cursor = new DataPacketCursor()
  try {
    if (!cursor.open(packet, packetSize)) return undefined
    let endMs = cursor.sendTimeMs + cursor.durationMs
    while (cursor.next()) endMs = Math.max(endMs, cursor.presentationTimeMs - prerollMs)
    return { startMs: cursor.sendTimeMs, endMs }
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
