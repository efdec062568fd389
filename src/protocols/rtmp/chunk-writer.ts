/** Whole messages to bytes of the chunk stream: RTMP 1.0, section 5.3. */
import { ByteWriter } from '../../media/bytes/byte-writer.ts'
import type { Machine } from '../../media/machine.ts'
import { DEFAULT_CHUNK_SIZE } from './chunk-reader.ts'
import { chunkStreamOf, controlMessage, MESSAGE_TYPE, type RtmpMessage } from './message.ts'

/** Chunk size that we announce, bytes: nearly every message goes as one chunk, and peers that copy our size send so too. */
export const OUTGOING_CHUNK_SIZE = 65_536

const EXTENDED = 0xff_ffff
/** A type 3 chunk on one of the chunk streams 2 to 63. */
const TYPE_3 = 0xc0

/** Each message begins with a full header, so that no chunk depends on the one before. */
export class ChunkWriter implements Machine<RtmpMessage, Uint8Array> {
  #chunkSize = DEFAULT_CHUNK_SIZE
  #out = new ByteWriter()

  /** Bytes waiting to be read. */
  get length(): number {
    return this.#out.length
  }

  /** Announces another chunk size, 1 to 65,536 bytes, and uses it from then on. */
  setChunkSize(size: number): void {
    this.write(controlMessage(MESSAGE_TYPE.SET_CHUNK_SIZE, size))
    this.#chunkSize = size
  }

  write(message: RtmpMessage): void {
    writeMessage(this.#out, message, message.payload, EMPTY, this.#chunkSize)
  }

  /** All that was written, as bytes of the reader's own. */
  read(): Uint8Array | undefined {
    return this.#out.length === 0 ? undefined : this.#out.detach()
  }

  end(): void {}
}

/**
 * Appends a message whose payload is `first` and `second` one after the other: a type 0 header on the message type's own chunk
 * stream, then chunks of `chunkSize` bytes. The payload is copied into `out`, once.
 */
export function writeMessage(
  out: ByteWriter,
  head: Omit<RtmpMessage, 'payload'>,
  first: Uint8Array,
  second: Uint8Array,
  chunkSize: number,
): void {
  const { type, streamId, timestampMs } = head
  const length = first.byteLength + second.byteLength
  const extended = timestampMs >= EXTENDED
  const chunkStream = chunkStreamOf(type)
  out.u8(chunkStream)
  out.u24(extended ? EXTENDED : timestampMs)
  out.u24(length).u8(type).u32le(streamId)
  if (extended) out.u32(timestampMs)
  if (length <= chunkSize) {
    out.bytes(first).bytes(second)
    return
  }
  let room = chunkSize
  for (const part of [first, second]) {
    for (let at = 0; at < part.byteLength; ) {
      if (room === 0) {
        out.u8(TYPE_3 | chunkStream)
        // Most peers repeat the extended timestamp here, and all readers we know expect it.
        if (extended) out.u32(timestampMs)
        room = chunkSize
      }
      const count = Math.min(room, part.byteLength - at)
      out.bytes(part.subarray(at, at + count))
      at += count
      room -= count
    }
  }
}

const EMPTY = new Uint8Array(0)
