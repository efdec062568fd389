/** Reads ASF files and streams: ASF 1.20, sections 2 and 5. Whole data packets, or the tracks and packets within. */
import { ByteQueue } from '../../bytes/byte-queue.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import type { Demuxer, DemuxResult } from '../../container.ts'
import type { Machine } from '../../machine.ts'
import { ASF_GUID, GUID_LENGTH, readGuid } from './guid.ts'
import { asfHeaderLength, parseAsfInit } from './header.ts'
import { type AsfInit, type AsfPacket, DATA_OBJECT_HEADER_LENGTH } from './model.ts'
import { AsfPacketDemuxer } from './packet-demuxer.ts'
import { packetIsKey, packetSendTime } from './packet-info.ts'

/** What `AsfReader` gives: a header before its packets. */
export type AsfReadResult =
  | { readonly type: 'init'; readonly init: AsfInit }
  | { readonly type: 'packet'; readonly packet: AsfPacket }

/** Of a Header Object: what its length is in. */
const HEADER_START = 30
/** Nearly every data packet begins so: error correction data of two bytes. No object does. */
const PACKET_START = 0x82
const INDEXES: ReadonlySet<string> = new Set([
  ASF_GUID.SIMPLE_INDEX,
  ASF_GUID.INDEX,
  ASF_GUID.MEDIA_OBJECT_INDEX,
  ASF_GUID.TIMECODE_INDEX,
])

/**
 * Bytes in pieces of any size to whole data packets, as they came. Packets are counted where the Data Object tells its size, and go on to
 * the end of the bytes where it does not (live, or written to a pipe), or until a new header or an index begins there. A packet that is
 * not whole is dropped. Throws FormatError for what is not ASF.
 */
export class AsfReader implements Machine<Uint8Array, AsfReadResult> {
  readonly #splitter = new AsfSplitter()
  #init: AsfInit | undefined
  #sendTimeMs = 0

  write(bytes: Uint8Array): void {
    this.#splitter.write(bytes)
  }

  read(): AsfReadResult | undefined {
    const bytes = this.#splitter.read()
    if (bytes === undefined) return undefined
    const { init, packetNumber } = this.#splitter
    if (init !== this.#init) {
      this.#init = init
      this.#sendTimeMs = 0
    }
    if (!(bytes instanceof Uint8Array)) return { type: 'init', init: bytes }
    // Parity packets have no time of their own.
    this.#sendTimeMs = packetSendTime(bytes) ?? this.#sendTimeMs
    const key = packetIsKey(bytes, init as AsfInit)
    return {
      type: 'packet',
      packet: { number: packetNumber, bytes, sendTimeMs: this.#sendTimeMs, key, init: init as AsfInit },
    }
  }

  end(): void {
    // What is left is no whole packet.
  }
}

/** Bytes in pieces of any size to tracks and packets. Throws FormatError as `AsfReader` and `AsfPacketDemuxer` do. */
export class AsfDemuxer implements Demuxer {
  readonly #splitter = new AsfSplitter()
  #packets: AsfPacketDemuxer | undefined
  /** Of the header before. */
  readonly #earlier: AsfPacketDemuxer[] = []

  write(bytes: Uint8Array): void {
    this.#splitter.write(bytes)
    for (let read = this.#splitter.read(); read !== undefined; read = this.#splitter.read()) {
      if (read instanceof Uint8Array) {
        this.#packets?.write(read)
        continue
      }
      this.#packets?.end()
      if (this.#packets !== undefined) this.#earlier.push(this.#packets)
      this.#packets = new AsfPacketDemuxer(read)
    }
  }

  read(): DemuxResult | undefined {
    for (let [first] = this.#earlier; first !== undefined; [first] = this.#earlier) {
      const result = first.read()
      if (result !== undefined) return result
      this.#earlier.shift()
    }
    return this.#packets?.read()
  }

  end(): void {
    this.#packets?.end()
  }
}

/** Cuts a stream of bytes into headers and the bytes of data packets. */
class AsfSplitter {
  readonly #queue = new ByteQueue()
  /** Of the packet read last. */
  packetNumber = -1
  init: AsfInit | undefined
  /** Packets that the Data Object holds besides those read; infinite when it does not say. */
  #left = 0
  /** Behind the packets: nothing more is of interest. */
  #finished = false

  write(bytes: Uint8Array): void {
    if (!this.#finished) this.#queue.push(bytes)
  }

  read(): AsfInit | Uint8Array | undefined {
    if (this.init === undefined) return this.#readHeader()
    if (this.#finished || this.#left === 0) return this.#finish()
    const { packetSize } = this.init
    if (this.#queue.length < packetSize) return undefined
    const next = this.#queue.at(0) === PACKET_START ? undefined : this.#objectHere()
    if (next !== undefined && INDEXES.has(next)) return this.#finish()
    if (next === ASF_GUID.HEADER) return this.#readHeader()
    this.#left--
    this.packetNumber++
    return this.#queue.take(packetSize)
  }

  #readHeader(): AsfInit | undefined {
    const length = asfHeaderLength(this.#queue.peek(HEADER_START) ?? EMPTY)
    const bytes = length === undefined ? undefined : this.#queue.take(length)
    if (bytes === undefined) return undefined
    const init = parseAsfInit(bytes)
    this.init = init
    this.packetNumber = -1
    this.#left = packetsAnnounced(init) ?? Number.POSITIVE_INFINITY
    return init
  }

  #objectHere(): string | undefined {
    const bytes = this.#queue.peek(GUID_LENGTH)
    return bytes === undefined ? undefined : readGuid(new ByteReader(bytes))
  }

  #finish(): undefined {
    this.#finished = true
    this.#queue.skip(this.#queue.length)
    return undefined
  }
}

/** Packets for which the Data Object has room; `undefined` when it does not tell its size, as live and in files written to a pipe. */
export function packetsAnnounced(init: AsfInit): number | undefined {
  if (init.broadcast) return undefined
  const reader = new ByteReader(init.bytes.subarray(init.bytes.byteLength - DATA_OBJECT_HEADER_LENGTH))
  reader.skip(GUID_LENGTH)
  const low = reader.u32le()
  const size = low + reader.u32le() * 2 ** 32
  return size <= DATA_OBJECT_HEADER_LENGTH
    ? undefined
    : Math.floor((size - DATA_OBJECT_HEADER_LENGTH) / init.packetSize)
}

const EMPTY = new Uint8Array(0)
