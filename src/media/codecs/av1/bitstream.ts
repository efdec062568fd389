/** OBUs of AV1: AV1 Bitstream & Decoding Process Specification sections 5.3 and 5.4. */
import { FormatError } from '../../../errors.ts'

/** obu_type of section 6.2.2. */
export const AV1_OBU = {
  SEQUENCE_HEADER: 1,
  TEMPORAL_DELIMITER: 2,
  FRAME_HEADER: 3,
  TILE_GROUP: 4,
  METADATA: 5,
  FRAME: 6,
  REDUNDANT_FRAME_HEADER: 7,
  PADDING: 15,
} as const

export interface Obu {
  readonly type: number
  /** The whole unit with its header. A view. */
  readonly bytes: Uint8Array
  readonly payload: Uint8Array
  readonly hasSize: boolean
}

/** OBUs of one temporal unit; real ones have below a hundred. */
export const MAX_OBUS = 4096

const MAX_LEB128_BYTES = 8

/** The OBUs of a temporal unit. One without size field reaches to the end. Throws FormatError for sizes past the end. */
export function obus(data: Uint8Array): Obu[] {
  const units: Obu[] = []
  let at = 0
  while (at < data.byteLength) {
    if (units.length >= MAX_OBUS) throw new FormatError('ERR_CODEC_OBU', `expected at most ${MAX_OBUS} OBUs`, at)
    const header = data[at] as number
    if ((header & 0x80) !== 0)
      throw new FormatError('ERR_CODEC_OBU', 'expected an OBU header, found the forbidden bit set', at)
    const hasSize = (header & 2) !== 0
    let start = at + ((header & 4) === 0 ? 1 : 2)
    let end = data.byteLength
    if (hasSize) {
      const size = readLeb128(data, start)
      start = size.end
      end = start + size.value
    }
    if (start > data.byteLength || end > data.byteLength) {
      throw new FormatError(
        'ERR_CODEC_OBU',
        `expected an OBU within the ${data.byteLength} bytes, found its end at ${end}`,
        at,
      )
    }
    units.push({ type: (header >> 3) & 15, bytes: data.subarray(at, end), payload: data.subarray(start, end), hasSize })
    at = end
  }
  return units
}

/**
 * A temporal unit in canonical form: without temporal delimiters, each OBU with its size. The same bytes where they are that already,
 * a copy otherwise. Throws FormatError for sizes past the end.
 */
export function toCanonicalObus(data: Uint8Array): Uint8Array {
  const units = obus(data)
  const kept = units.filter((unit) => unit.type !== AV1_OBU.TEMPORAL_DELIMITER)
  if (kept.every((unit) => unit.hasSize)) {
    if (kept.length === units.length) return data
    // The usual case of a source that keeps delimiters: one in front.
    const [first, ...others] = units
    if (first !== undefined && others.length === kept.length) return data.subarray(first.bytes.byteLength)
  }
  const parts = kept.map((unit) => (unit.hasSize ? unit.bytes : withSize(unit)))
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.byteLength
  }
  return joined
}

function readLeb128(data: Uint8Array, at: number): { value: number; end: number } {
  let value = 0
  for (let i = 0; i < MAX_LEB128_BYTES; i++) {
    const byte = data[at + i]
    if (byte === undefined)
      throw new FormatError('ERR_MEDIA_TRUNCATED', 'expected the size of an OBU, found the end', at)
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) {
      if (value > 0xffff_ffff) break
      return { value, end: at + i + 1 }
    }
  }
  throw new FormatError('ERR_CODEC_OBU', 'expected an OBU size of at most 32 bits', at)
}

function withSize(unit: Obu): Uint8Array {
  const size: number[] = []
  for (let left = unit.payload.byteLength; ; left >>>= 7) {
    size.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0))
    if (left <= 0x7f) break
  }
  const headerLength = unit.bytes.byteLength - unit.payload.byteLength
  const bytes = new Uint8Array(unit.bytes.byteLength + size.length)
  bytes.set(unit.bytes.subarray(0, headerLength))
  bytes[0] = (bytes[0] as number) | 2
  bytes.set(size, headerLength)
  bytes.set(unit.payload, headerLength + size.length)
  return bytes
}
