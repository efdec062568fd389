/** Data packets without padding for networks, and back to their fixed size for files: ASF 1.20, section 5.2.2. */
import { DataPacketCursor } from './data-packet-cursor.ts'

/** What a Packet Length field of 16 bits can say. */
const MAX_U16 = 0xffff
/** Of the Length Type Flags: what does not speak of variable fields. */
const KEPT_FLAGS = 0x81
const PACKET_LENGTH_U16 = 0x40
const PADDING_U8 = 0x08
const PADDING_U16 = 0x10
const PADDING_U32 = 0x18

const cursor = new DataPacketCursor()

/**
 * The packet without its padding. Instead of a padding length it says its own length, in 16 bits: FFmpeg reads past the end of a packet
 * that merely claims to have no padding. `packetSize` is needed for bytes that were cut already, whose fields may still tell of padding.
 * The same bytes where there is nothing to do. Throws FormatError for a broken head.
 */
export function withoutPadding(bytes: Uint8Array, packetSize: number = bytes.byteLength): Uint8Array {
  if (!cursor.open(bytes, packetSize)) return bytes
  const { flagsAt, timesAt, end, paddingLength, explicitLength } = cursor
  const isWhole = end === bytes.byteLength && paddingLength === 0
  if (isWhole && (explicitLength || end === packetSize)) return bytes
  const length = flagsAt + 4 + end - timesAt
  if (length > MAX_U16 || length > packetSize) return bytes
  const out = new Uint8Array(length)
  out.set(bytes.subarray(0, flagsAt + 2))
  out[flagsAt] = ((bytes[flagsAt] as number) & KEPT_FLAGS) | PACKET_LENGTH_U16
  out[flagsAt + 2] = length & 0xff
  out[flagsAt + 3] = length >> 8
  out.set(bytes.subarray(timesAt, end), flagsAt + 4)
  return out
}

/**
 * The packet in the fixed size of a file, zeros at its end, in the form that every reader knows: with a padding length. The same bytes
 * where they have that size. Throws FormatError for a broken head, and for a packet that is larger.
 */
export function withPadding(bytes: Uint8Array, packetSize: number): Uint8Array {
  if (bytes.byteLength === packetSize) return bytes
  if (!cursor.open(bytes, packetSize)) return zeroFilled(bytes, packetSize)
  const { flagsAt, timesAt, end } = cursor
  const room = packetSize - (flagsAt + 2 + end - timesAt)
  const padding = paddingField(room)
  const out = new Uint8Array(packetSize)
  out.set(bytes.subarray(0, flagsAt + 2))
  out[flagsAt] = ((bytes[flagsAt] as number) & KEPT_FLAGS) | padding.flags
  let at = flagsAt + 2
  for (let shift = 0; shift < padding.size; shift++) out[at++] = (room - padding.size) >>> (8 * shift)
  out.set(bytes.subarray(timesAt, end), at)
  return out
}

/** The field that fills `room` bytes together with the padding it counts. */
function paddingField(room: number): { readonly flags: number; readonly size: number } {
  if (room > MAX_U16 + 2) return { flags: PADDING_U32, size: 4 }
  if (room >= 2) return { flags: PADDING_U16, size: 2 }
  return room === 1 ? { flags: PADDING_U8, size: 1 } : { flags: 0, size: 0 }
}

function zeroFilled(bytes: Uint8Array, packetSize: number): Uint8Array {
  const out = new Uint8Array(packetSize)
  out.set(bytes)
  return out
}
