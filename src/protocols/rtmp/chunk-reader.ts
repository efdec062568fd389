/** Bytes of the chunk stream to whole messages: RTMP 1.0, section 5.3. */
import { FormatError, PeerError } from '../../errors.ts'
import type { Machine } from '../../media/machine.ts'
import { MESSAGE_TYPE, maxPayload, type RtmpMessage, readControlNumber } from './message.ts'

/** Chunk payload bytes until the peer says otherwise. */
export const DEFAULT_CHUNK_SIZE = 128
/** Largest chunk size accepted from a peer, bytes. */
export const MAX_CHUNK_SIZE = 65_536
/** Messages that may be incomplete at the same time. */
export const MAX_PARTIAL_MESSAGES = 64
/** Bytes that all incomplete messages of a connection may hold. */
export const MAX_PARTIAL_BYTES = 16 * 1024 * 1024
/** Chunk streams a peer may use. */
export const MAX_CHUNK_STREAMS = 1024

/** Longer messages are collected in pieces of this many bytes, so that memory follows what has arrived. */
const PIECE_BYTES = 65_536
const EXTENDED = 0xff_ffff
/** Message header bytes by chunk type 0 to 3. */
const HEADER_BYTES = [11, 7, 3, 0] as const

interface ChunkStream {
  timestamp: number
  /** What the timestamp field said last: absolute after type 0, a difference after types 1 and 2. Type 3 adds it again. */
  field: number
  /** The field stood in the extended timestamp. */
  extended: boolean
  length: number
  type: number
  streamId: number
  /** Payload bytes received of the message in work; -1 between messages. */
  received: number
  /** Where payload goes: the whole message, or its current piece. */
  target: Uint8Array
  /** Bytes used of `target`. */
  used: number
  /** Full pieces before `target`. */
  pieces: Uint8Array[] | undefined
}

/**
 * Payload bytes are copied once, from the received piece into the message. Set Chunk Size and Abort are obeyed here and not handed
 * out. Throws FormatError or PeerError for what breaks the format or passes a limit.
 */
export class ChunkReader implements Machine<Uint8Array, RtmpMessage> {
  /** Chunk streams 0 to 63 are found by index, which is where all traffic of real peers is. */
  readonly #near: (ChunkStream | undefined)[] = []
  readonly #far = new Map<number, ChunkStream>()
  #count = 0
  #partial = 0
  #partialBytes = 0
  #chunkSize = DEFAULT_CHUNK_SIZE
  #input: Uint8Array = EMPTY
  #at = 0
  /** The chunk in work, and what is missing of its payload. */
  #stream: ChunkStream | undefined
  #chunkLeft = 0

  /** The peer's chunk size, bytes. */
  get chunkSize(): number {
    return this.#chunkSize
  }

  /** Messages begun and not complete. */
  get partialMessages(): number {
    return this.#partial
  }

  write(bytes: Uint8Array): void {
    const left = this.#input.byteLength - this.#at
    if (left === 0) {
      // A plain view: subarray of a Buffer is slower.
      this.#input = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    } else {
      const joined = new Uint8Array(left + bytes.byteLength)
      joined.set(this.#input.subarray(this.#at))
      joined.set(bytes, left)
      this.#input = joined
    }
    this.#at = 0
  }

  read(): RtmpMessage | undefined {
    for (;;) {
      const stream = this.#stream ?? this.#readHeader()
      if (stream === undefined || (this.#chunkLeft > 0 && !this.#readPayload(stream))) {
        this.#letGo()
        return undefined
      }
      this.#stream = undefined
      if (stream.received < stream.length) continue
      const message = this.#complete(stream)
      if (message.type > MESSAGE_TYPE.ABORT) return message
      if (message.type === MESSAGE_TYPE.SET_CHUNK_SIZE) this.#setChunkSize(readControlNumber(message.payload))
      else if (message.type === MESSAGE_TYPE.ABORT) this.#abort(readControlNumber(message.payload))
    }
  }

  /**
   * Keeps what is left of the input, at most a part of a header, and lets the received piece go: thousands of idle viewers would
   * hold one each, cut from a read buffer of 64 KiB, and leave the heap full of holes.
   */
  #letGo(): void {
    this.#input = this.#at === this.#input.byteLength ? EMPTY : this.#input.slice(this.#at)
    this.#at = 0
  }

  /** Forgets what is incomplete. */
  end(): void {
    this.#input = EMPTY
    this.#at = 0
    this.#stream = undefined
    this.#near.length = 0
    this.#far.clear()
  }

  /** The stream of the next chunk with its header taken, or `undefined` when the header has not arrived whole. */
  #readHeader(): ChunkStream | undefined {
    const input = this.#input
    let at = this.#at
    const end = input.byteLength
    if (at >= end) return undefined
    const first = input[at++] as number
    const format = first >> 6
    let id = first & 0x3f
    if (id === 0) {
      if (at >= end) return undefined
      id = 64 + (input[at++] as number)
    } else if (id === 1) {
      if (at + 1 >= end) return undefined
      id = 64 + (input[at] as number) + (input[at + 1] as number) * 256
      at += 2
    }
    if (at + (HEADER_BYTES[format] as number) > end) return undefined
    const known = id < 64 ? this.#near[id] : this.#far.get(id)

    if (format === 3) {
      if (known === undefined) throw this.#unknownStream(id, format)
      if (known.extended) {
        const repeated = this.#repeatsExtended(at, known.field)
        if (repeated === undefined) return undefined
        if (repeated) at += 4
      }
      if (known.received < 0) {
        known.timestamp = (known.timestamp + known.field) >>> 0
        this.#begin(known)
      }
      return this.#enter(known, at)
    }

    let field = u24(input, at)
    const extended = field === EXTENDED
    const next = at + (HEADER_BYTES[format] as number)
    if (extended) {
      if (next + 4 > end) return undefined
      field = u24(input, next) * 256 + (input[next + 3] as number)
    }
    // Type 1 on a new chunk stream is sent by old librtmp; types 2 and 3 have no length to work with.
    if (known === undefined && format === 2) throw this.#unknownStream(id, format)
    const stream = known ?? this.#open(id)
    if (stream.received >= 0) this.#discard(stream)
    stream.field = field
    stream.extended = extended
    stream.timestamp = format === 0 ? field : (stream.timestamp + field) >>> 0
    if (format < 2) {
      stream.length = u24(input, at + 3)
      stream.type = input[at + 6] as number
      if (format === 0) stream.streamId = u32le(input, at + 7)
    }
    this.#begin(stream)
    return this.#enter(stream, extended ? next + 4 : next)
  }

  /** Starts the payload of a chunk. */
  #enter(stream: ChunkStream, at: number): ChunkStream {
    this.#at = at
    this.#stream = stream
    const left = stream.length - stream.received
    this.#chunkLeft = left < this.#chunkSize ? left : this.#chunkSize
    return stream
  }

  #begin(stream: ChunkStream): void {
    const max = maxPayload(stream.type)
    if (stream.length > max) {
      const text = `expected at most ${max} bytes in a message of type ${stream.type}, found ${stream.length}`
      throw new PeerError('ERR_RTMP_MESSAGE_TOO_LARGE', text)
    }
    if (this.#partial >= MAX_PARTIAL_MESSAGES) {
      const text = `expected at most ${MAX_PARTIAL_MESSAGES} incomplete messages at the same time`
      throw new PeerError('ERR_RTMP_TOO_MANY_PARTIAL', text)
    }
    this.#partial++
    stream.received = 0
    stream.used = 0
    // Without the chunk that brings the first bytes nothing is allocated.
    stream.target = EMPTY
  }

  /** Copies what is there of the chunk's payload; tells whether the chunk is complete. */
  #readPayload(stream: ChunkStream): boolean {
    while (this.#chunkLeft > 0) {
      const available = this.#input.byteLength - this.#at
      if (available === 0) return false
      if (stream.used === stream.target.byteLength) this.#extend(stream)
      let count = this.#chunkLeft
      if (count > available) count = available
      const room = stream.target.byteLength - stream.used
      if (count > room) count = room
      stream.target.set(this.#input.subarray(this.#at, this.#at + count), stream.used)
      this.#at += count
      stream.used += count
      stream.received += count
      this.#chunkLeft -= count
    }
    return true
  }

  #extend(stream: ChunkStream): void {
    if (stream.used > 0) {
      stream.pieces ??= []
      stream.pieces.push(stream.target)
    }
    const left = stream.length - stream.received
    const size = left < PIECE_BYTES ? left : PIECE_BYTES
    this.#partialBytes += size
    if (this.#partialBytes > MAX_PARTIAL_BYTES) {
      const text = `expected at most ${MAX_PARTIAL_BYTES} bytes in incomplete messages`
      throw new PeerError('ERR_RTMP_TOO_MANY_PARTIAL', text)
    }
    stream.target = allocate(size)
    stream.used = 0
  }

  #complete(stream: ChunkStream): RtmpMessage {
    const { type, streamId, timestamp, length } = stream
    const payload = stream.pieces === undefined ? stream.target : join([...stream.pieces, stream.target], length)
    this.#partialBytes -= length
    this.#release(stream)
    return { type, streamId, timestampMs: timestamp, payload }
  }

  #discard(stream: ChunkStream): void {
    for (const piece of stream.pieces ?? []) this.#partialBytes -= piece.byteLength
    this.#partialBytes -= stream.target.byteLength
    this.#release(stream)
  }

  #release(stream: ChunkStream): void {
    this.#partial--
    stream.received = -1
    stream.target = EMPTY
    stream.pieces = undefined
  }

  #open(id: number): ChunkStream {
    if (++this.#count > MAX_CHUNK_STREAMS) {
      throw new PeerError('ERR_RTMP_TOO_MANY_CHUNK_STREAMS', `expected at most ${MAX_CHUNK_STREAMS} chunk streams`)
    }
    const stream: ChunkStream = {
      timestamp: 0,
      field: 0,
      extended: false,
      length: 0,
      type: 0,
      streamId: 0,
      received: -1,
      target: EMPTY,
      used: 0,
      pieces: undefined,
    }
    if (id < 64) this.#near[id] = stream
    else this.#far.set(id, stream)
    return stream
  }

  /**
   * Whether a type 3 chunk repeats the extended timestamp: most peers do, some do not, so the bytes decide. `undefined`: too few
   * bytes to tell.
   */
  #repeatsExtended(at: number, field: number): boolean | undefined {
    const input = this.#input
    for (let i = 0; i < 4; i++) {
      const byte = input[at + i]
      if (byte === undefined) return undefined
      if (byte !== ((field >>> (24 - 8 * i)) & 0xff)) return false
    }
    return true
  }

  #setChunkSize(size: number): void {
    if (size < 1 || size > MAX_CHUNK_SIZE) {
      throw new PeerError('ERR_RTMP_CHUNK_SIZE', `expected a chunk size of 1 to ${MAX_CHUNK_SIZE}, found ${size}`)
    }
    this.#chunkSize = size
  }

  #abort(id: number): void {
    const stream = id < 64 ? this.#near[id] : this.#far.get(id)
    if (stream !== undefined && stream.received >= 0) this.#discard(stream)
  }

  #unknownStream(id: number, format: number): FormatError {
    const text = `expected chunk stream ${id} to begin with a full header, found chunk type ${format}`
    return new FormatError('ERR_RTMP_CHUNK_HEADER', text)
  }
}

const EMPTY = new Uint8Array(0)

/** Memory that is overwritten at once; small pieces share a pool. */
function allocate(size: number): Uint8Array {
  const buffer = Buffer.allocUnsafe(size)
  return new Uint8Array(buffer.buffer, buffer.byteOffset, size)
}

function join(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.byteLength
  }
  return whole
}

function u24(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number)
}

function u32le(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at + 3] as number) << 24) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 1] as number) << 8) |
      (bytes[at] as number)) >>>
    0
  )
}
