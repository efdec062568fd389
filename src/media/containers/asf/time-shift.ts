/** A data packet with all its times later by one amount, so that what follows a file continues where it ended (ASF 1.20, section 5.2). */
import { DataPacketCursor } from './data-packet-cursor.ts'

const cursor = new DataPacketCursor()

/** Bytes of a field by its two-bit type. */
const FIELD_SIZE = [0, 1, 2, 4] as const
const FULL_WIDTH_TYPE = 3
/** Replicated data begins with the size of the object; its presentation time follows. */
const PRESENTATION_TIME_AT = 4
const REPLICATED_BASICS = 8

/**
 * A copy of `bytes` with `deltaMs` (0 to 2^32) added to the send time and to every presentation time. They are of 32 bits and wrap:
 * 2^32 less some is earlier. Object numbers stay, and packets of parity alone have no times. Throws FormatError as `DataPacketCursor` does.
 */
export function withLaterTimes(bytes: Uint8Array, packetSize: number, deltaMs: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  if (!cursor.open(bytes, packetSize)) return copy
  const view = new DataView(copy.buffer)
  const add = (at: number) => view.setUint32(at, (view.getUint32(at, true) + deltaMs) >>> 0, true)
  add(cursor.timesAt)
  const propertyFlags = bytes[cursor.flagsAt + 1] ?? 0
  const lengthSize = FIELD_SIZE[(propertyFlags & 3) as 0 | 1 | 2 | 3]
  const offsetIsTime = ((propertyFlags >> 2) & 3) === FULL_WIDTH_TYPE
  while (cursor.next()) {
    const { compressed, replicatedAt, replicatedLength } = cursor
    if (replicatedLength >= REPLICATED_BASICS) add(replicatedAt + PRESENTATION_TIME_AT)
    // In a compressed payload the offset is the time; one of fewer bits cannot say a later one.
    else if (compressed && offsetIsTime) add(replicatedAt - lengthSize - 4)
  }
  return copy
}
