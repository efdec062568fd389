/** Media objects from the payloads of data packets: ASF 1.20, section 5.2.3, and the audio spread of section 8.1. */
import { FormatError } from '../../../errors.ts'
import { compressedObjectEnd } from './data-packet.ts'
import { DataPacketCursor } from './data-packet-cursor.ts'
import { type AsfInit, type AsfStream, MAX_STREAM_NUMBER } from './model.ts'

/** Bytes of one object; a key frame of 4K video at any sane rate is below. */
export const MAX_OBJECT_SIZE = 16 * 1024 * 1024
/** Bytes of all objects that are begun and not complete. */
const MAX_BEGUN_BYTES = 64 * 1024 * 1024
/** Memory taken for an object on its word alone; more only as its bytes come. */
const MAX_TRUSTED_SIZE = 256 * 1024

/** One access unit, audio block or script command, as ASF carries it. */
export interface MediaObject {
  readonly stream: AsfStream
  /** A view of its packet where it came in one piece. */
  readonly data: Uint8Array
  /** Preroll included; 32 bits that wrap. */
  readonly presentationTimeMs: number
  readonly key: boolean
}

/** An object that came in part. */
interface Begun {
  readonly stream: AsfStream
  /** Grows as bytes come; exactly the object when it is complete. `undefined`: nothing is begun. */
  buffer: Uint8Array | undefined
  received: number
  number: number
  size: number
  presentationTimeMs: number
  key: boolean
}

/**
 * Takes data packets, gives objects in the order of their completion. An object of which a piece is missing is dropped; payloads of
 * streams that the header lacks are skipped. `write` throws FormatError for a broken packet and may be called again.
 */
export class ObjectAssembler {
  readonly #packetSize: number
  readonly #begun: (Begun | undefined)[] = Array.from({ length: MAX_STREAM_NUMBER + 1 })
  readonly #cursor = new DataPacketCursor()
  readonly #objects: MediaObject[] = []
  #taken = 0
  #begunBytes = 0

  constructor(init: AsfInit) {
    this.#packetSize = init.packetSize
    for (const stream of init.streams) {
      this.#begun[stream.number] = {
        stream,
        buffer: undefined,
        received: 0,
        number: 0,
        size: 0,
        presentationTimeMs: 0,
        key: false,
      }
    }
  }

  /** Takes one data packet, padded or not; its bytes belong to the objects. */
  write(packet: Uint8Array): void {
    const cursor = this.#cursor
    if (!cursor.open(packet, this.#packetSize)) return
    while (cursor.next()) {
      const begun = this.#begun[cursor.stream]
      if (begun === undefined) continue
      if (cursor.compressed) this.#splitCompressed(begun)
      else if (cursor.dataEnd > cursor.dataAt) this.#take(begun)
    }
  }

  read(): MediaObject | undefined {
    const object = this.#objects[this.#taken]
    if (object !== undefined) this.#taken++
    else if (this.#taken > 0) {
      this.#objects.length = 0
      this.#taken = 0
    }
    return object
  }

  #take(begun: Begun): void {
    const { bytes, dataAt, dataEnd, offset, objectSize } = this.#cursor
    if (offset > 0) {
      this.#continue(begun)
      return
    }
    this.#drop(begun)
    if (objectSize === dataEnd - dataAt) {
      const { presentationTimeMs, key } = this.#cursor
      this.#give(begun.stream, bytes.subarray(dataAt, dataEnd), presentationTimeMs, key)
    } else if (objectSize > dataEnd - dataAt && objectSize <= MAX_OBJECT_SIZE) {
      this.#begin(begun, objectSize)
    }
  }

  #begin(begun: Begun, size: number): void {
    const { objectNumber, presentationTimeMs, key } = this.#cursor
    const capacity = Math.min(size, MAX_TRUSTED_SIZE)
    if (this.#begunBytes + capacity > MAX_BEGUN_BYTES) return
    begun.buffer = new Uint8Array(capacity)
    this.#begunBytes += capacity
    begun.received = 0
    begun.number = objectNumber
    begun.size = size
    begun.presentationTimeMs = presentationTimeMs
    begun.key = key
    this.#append(begun, begun.buffer)
  }

  #continue(begun: Begun): void {
    const { offset, objectNumber } = this.#cursor
    const { buffer } = begun
    if (buffer === undefined) return
    if (objectNumber !== begun.number || offset !== begun.received) this.#drop(begun)
    else this.#append(begun, buffer)
  }

  #append(begun: Begun, buffer: Uint8Array): void {
    const { bytes, dataAt, dataEnd } = this.#cursor
    const end = begun.received + dataEnd - dataAt
    const room = end <= begun.size ? this.#withRoom(begun, buffer, end) : undefined
    if (room === undefined) {
      this.#drop(begun)
      return
    }
    room.set(bytes.subarray(dataAt, dataEnd), begun.received)
    begun.received = end
    if (end < begun.size) return
    this.#begunBytes -= room.byteLength
    begun.buffer = undefined
    this.#give(begun.stream, room, begun.presentationTimeMs, begun.key)
  }

  /** The buffer, or a larger one with what it holds; `undefined` when that would be too much memory. */
  #withRoom(begun: Begun, buffer: Uint8Array, end: number): Uint8Array | undefined {
    if (end <= buffer.byteLength) return buffer
    const capacity = Math.min(begun.size, Math.max(end, buffer.byteLength * 2))
    if (this.#begunBytes + capacity - buffer.byteLength > MAX_BEGUN_BYTES) return undefined
    const larger = new Uint8Array(capacity)
    larger.set(buffer.subarray(0, begun.received))
    this.#begunBytes += capacity - buffer.byteLength
    begun.buffer = larger
    return larger
  }

  #drop(begun: Begun): void {
    if (begun.buffer === undefined) return
    this.#begunBytes -= begun.buffer.byteLength
    begun.buffer = undefined
  }

  #splitCompressed(begun: Begun): void {
    const { bytes, dataEnd, presentationTimeDelta, key } = this.#cursor
    let presentationTimeMs = this.#cursor.presentationTimeMs
    for (let at = this.#cursor.dataAt; at < dataEnd; presentationTimeMs += presentationTimeDelta) {
      const end = compressedObjectEnd(bytes, at, dataEnd)
      if (end > at + 1) this.#give(begun.stream, bytes.subarray(at + 1, end), presentationTimeMs >>> 0, key)
      at = end
    }
  }

  #give(stream: AsfStream, data: Uint8Array, presentationTimeMs: number, key: boolean): void {
    this.#objects.push({
      stream,
      data: stream.spread === undefined ? data : descramble(data, stream.spread),
      presentationTimeMs,
      key,
    })
  }
}

/**
 * Undoes audio spread: `span` packets of `packetLength` bytes were cut into chunks and dealt out like cards. An object of another size
 * is returned as it is. Throws FormatError for chunks that do not divide the packet.
 */
export function descramble(object: Uint8Array, spread: NonNullable<AsfStream['spread']>): Uint8Array {
  const { span, packetLength, chunkLength } = spread
  if (span < 2 || object.byteLength !== span * packetLength) return object
  if (chunkLength === 0 || packetLength % chunkLength !== 0) {
    throw new FormatError(
      'ERR_ASF_SPREAD',
      `expected audio spread in chunks that divide ${packetLength} bytes, found ${chunkLength}`,
    )
  }
  const chunksPerPacket = packetLength / chunkLength
  const out = new Uint8Array(object.byteLength)
  for (let chunk = 0; chunk < span * chunksPerPacket; chunk++) {
    const from = (Math.floor(chunk / span) + (chunk % span) * chunksPerPacket) * chunkLength
    out.set(object.subarray(from, from + chunkLength), chunk * chunkLength)
  }
  return out
}
