/** `$D` packets in one buffer that is also one HTTP chunk, and its copies for viewers at other sequence numbers (MS-WMSP 2.2.3.1, 2.2.3.3). */
import type { LogEntry } from '../../../../live/bounded-log.ts'
import { ByteWriter } from '../../../../media/bytes/byte-writer.ts'
import type { AsfInit } from '../../../../media/containers/asf/model.ts'
import type { Micros } from '../../../../media/time.ts'
import { writeDataHeader } from '../../framing.ts'

/** Framing header and MMS data header of a `$D`, bytes. */
const DATA_HEADER_LENGTH = 12
/** Where the sequence number stands in them. */
const SEQUENCE_AT = 9
/** Digits of a chunk's length: five hexadecimal ones hold every buffer made here. */
const SIZE_DIGITS = 5
const CHUNK_HEAD = SIZE_DIGITS + 2
const CHUNK_TAIL = 2

/** What of an ASF packet goes on the wire. */
export interface PacketToFrame {
  readonly number: number
  /** At most 65,527 bytes. */
  readonly bytes: Uint8Array
}

/** Gathers packets and gives them as one buffer. */
export class FrameBuffer {
  #out = new ByteWriter(4096)
  #offsets: number[] = []

  constructor() {
    this.#out.reserve(CHUNK_HEAD)
  }

  /** Packets gathered. */
  get count(): number {
    return this.#offsets.length
  }

  /** Bytes of the packets gathered, with their headers. */
  get length(): number {
    return this.#out.length - CHUNK_HEAD
  }

  /** `sequence`: taken modulo 256. `burst`: the next one follows without a pause. */
  add(packet: PacketToFrame, sequence: number, burst: boolean): void {
    const { number, bytes } = packet
    const out = this.#out
    this.#offsets.push(out.length)
    const at = out.reserve(DATA_HEADER_LENGTH)
    const header = { locationId: number, incarnation: 0, sequence: sequence & 0xff, length: bytes.byteLength, burst }
    writeDataHeader(out.view(), at, header)
    out.bytes(bytes)
  }

  /** Hands the buffer over: a whole HTTP chunk, and where in it each `$D` begins. */
  take(): { readonly chunk: Buffer; readonly offsets: readonly number[] } {
    const payload = this.length
    const out = this.#out
    out.latin1('\r\n')
    const written = out.detach(payload + (payload >> 2) + 512)
    this.#out.reserve(CHUNK_HEAD)
    const offsets = this.#offsets
    this.#offsets = []
    // A Buffer once here saves every socket from wrapping the bytes again.
    const chunk = Buffer.from(written.buffer, written.byteOffset, written.byteLength)
    writeChunkHead(chunk, payload)
    return { chunk, offsets }
  }
}

/** The packets of a chunk made here, without the chunk around them. */
export function chunkBody(chunk: Buffer): Buffer {
  return chunk.subarray(CHUNK_HEAD, chunk.byteLength - CHUNK_TAIL)
}

/** Wraps bytes as one HTTP chunk. */
export function asChunk(bytes: Uint8Array): Buffer {
  const chunk = Buffer.allocUnsafe(CHUNK_HEAD + bytes.byteLength + CHUNK_TAIL)
  writeChunkHead(chunk, bytes.byteLength)
  chunk.set(bytes, CHUNK_HEAD)
  chunk.write('\r\n', chunk.byteLength - CHUNK_TAIL, 'latin1')
  return chunk
}

function writeChunkHead(chunk: Buffer, length: number): void {
  chunk.write(`${length.toString(16).padStart(SIZE_DIGITS, '0')}\r\n`, 0, 'latin1')
}

export interface SharedFramesOptions {
  readonly chunk: Buffer
  readonly offsets: readonly number[]
  /** Packet number of each `$D`. */
  readonly numbers: readonly number[]
  /** Sequence number of the first as it stands in `chunk`. */
  readonly sequence: number
  /** Index of the first packet where viewers may start; -1: none. */
  readonly keyIndex: number
  readonly time: Micros
  readonly init: AsfInit
}

/**
 * A window of packets, shared by all viewers of a live stream. Every viewer counts its packets from 0, so the same bytes are needed with
 * up to 256 different numberings; each is made when the first viewer asks for it. Never written to once handed out.
 */
export class SharedFrames implements LogEntry {
  readonly size: number
  readonly key: boolean
  readonly time: Micros
  readonly init: AsfInit
  readonly keyIndex: number
  readonly numbers: readonly number[]
  readonly #chunk: Buffer
  readonly #offsets: readonly number[]
  readonly #sequence: number
  #variants: Map<number, Buffer> | undefined = new Map()

  constructor(options: SharedFramesOptions) {
    this.#chunk = options.chunk
    this.#offsets = options.offsets
    this.#sequence = options.sequence
    this.numbers = options.numbers
    this.keyIndex = options.keyIndex
    this.time = options.time
    this.init = options.init
    this.size = options.chunk.byteLength
    this.key = options.keyIndex >= 0
  }

  get count(): number {
    return this.#offsets.length
  }

  get lastNumber(): number {
    return this.numbers[this.numbers.length - 1] ?? -1
  }

  /** Numberings made and kept, for tests. */
  get variants(): number {
    return this.#variants?.size ?? 0
  }

  /**
   * The packets from the one with index `from` on, which gets the sequence number `sequence` (modulo 256); as an HTTP chunk when
   * `chunked`.
   */
  bytes(sequence: number, chunked: boolean, from = 0): Buffer {
    const chunk = this.#numbered((sequence - from - this.#sequence) & 0xff)
    if (from > 0) {
      const rest = chunk.subarray(this.#offsets[from] ?? CHUNK_HEAD, chunk.byteLength - CHUNK_TAIL)
      return chunked ? asChunk(rest) : rest
    }
    return chunked ? chunk : chunkBody(chunk)
  }

  /** The window is not new any more: the few viewers that still come here get copies of their own. */
  forgetVariants(): void {
    this.#variants = undefined
  }

  #numbered(shift: number): Buffer {
    if (shift === 0) return this.#chunk
    const known = this.#variants?.get(shift)
    if (known !== undefined) return known
    const copy = Buffer.allocUnsafe(this.#chunk.byteLength)
    copy.set(this.#chunk)
    for (const offset of this.#offsets) {
      const at = offset + SEQUENCE_AT
      copy[at] = ((copy[at] as number) + shift) & 0xff
    }
    this.#variants?.set(shift, copy)
    return copy
  }
}
