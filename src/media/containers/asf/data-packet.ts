/** One data packet as objects: ASF 1.20, section 5.2. Hot paths use the cursor below it instead. */
import { FormatError } from '../../../errors.ts'
import { DataPacketCursor } from './data-packet-cursor.ts'
import type { AsfInit } from './model.ts'

export interface DataPacket {
  readonly sendTimeMs: number
  readonly durationMs: number
  /** As the field says; 0 where there is none. */
  readonly paddingLength: number
  /** Parity of an error correction scheme: no times, no payloads. */
  readonly opaque: boolean
  readonly payloads: readonly Payload[]
}

export interface Payload {
  /** 1 to 127; 0 is legal on the wire and belongs to no stream. */
  readonly stream: number
  readonly key: boolean
  readonly objectNumber: number
  /** Of the data in its media object. */
  readonly offset: number
  /** Bytes of the whole media object; 0 when the payload does not say. */
  readonly objectSize: number
  /** Preroll included; the packet's send time when the payload does not say. */
  readonly presentationTimeMs: number
  /** Object size and time first, then payload extensions. */
  readonly replicated: Uint8Array
  readonly data: Uint8Array
}

/**
 * Reads a whole packet; data are views. The objects of compressed payloads come out as payloads of their own. The bytes may be fewer
 * than the packet size where padding was removed. Throws FormatError for lengths that leave the packet.
 */
export function readDataPacket(bytes: Uint8Array, init: AsfInit | number): DataPacket {
  const cursor = new DataPacketCursor()
  if (!cursor.open(bytes, typeof init === 'number' ? init : init.packetSize)) {
    return { sendTimeMs: 0, durationMs: 0, paddingLength: 0, opaque: true, payloads: [] }
  }
  const { sendTimeMs, durationMs, paddingLength } = cursor
  const payloads: Payload[] = []
  while (cursor.next()) {
    if (cursor.compressed) pushCompressed(payloads, cursor)
    else payloads.push(payloadAt(cursor, cursor.dataAt, cursor.dataEnd, 0))
  }
  return { sendTimeMs, durationMs, paddingLength, opaque: false, payloads }
}

function pushCompressed(payloads: Payload[], cursor: DataPacketCursor): void {
  const { bytes, dataEnd } = cursor
  let index = 0
  for (let at = cursor.dataAt; at < dataEnd; index++) {
    const end = compressedObjectEnd(bytes, at, dataEnd)
    payloads.push(payloadAt(cursor, at + 1, end, index))
    at = end
  }
}

/** End of the object whose length stands at `at` in the data of a compressed payload. Throws FormatError when it leaves `dataEnd`. */
export function compressedObjectEnd(bytes: Uint8Array, at: number, dataEnd: number): number {
  const end = at + 1 + (bytes[at] as number)
  if (end > dataEnd) throw new FormatError('ERR_ASF_PACKET', 'expected a compressed payload within the data packet', at)
  return end
}

function payloadAt(cursor: DataPacketCursor, start: number, end: number, index: number): Payload {
  const { bytes, compressed } = cursor
  return {
    stream: cursor.stream,
    key: cursor.key,
    objectNumber: cursor.objectNumber + index,
    offset: cursor.offset,
    objectSize: compressed ? end - start : cursor.objectSize,
    presentationTimeMs: cursor.presentationTimeMs + index * (compressed ? cursor.presentationTimeDelta : 0),
    replicated: bytes.subarray(cursor.replicatedAt, cursor.replicatedAt + cursor.replicatedLength),
    data: bytes.subarray(start, end),
  }
}
