/**
 * NAL units of H.264 and H.265: length-prefixed (ISO/IEC 14496-15 section 5.3.4) and with start codes (Annex B of ITU-T H.264 and
 * H.265). Packets carry the length-prefixed form with four-byte lengths; see docs/packet-format.md.
 */
import { FormatError } from '../../errors.ts'

/** Units of one access unit; real ones have below a hundred. */
export const MAX_NAL_UNITS = 4096

const LENGTH_SIZE = 4
const START_CODE_SIZE = 4

/** The units of a packet, as views. Throws FormatError when a length leaves the data. */
export function nalUnits(data: Uint8Array, lengthSize: number = LENGTH_SIZE): Uint8Array[] {
  const units: Uint8Array[] = []
  forEachNalUnit(data, (start, end) => units.push(data.subarray(start, end)), lengthSize)
  return units
}

/** Tells where each unit that is not empty begins and ends. Throws FormatError when a length leaves the data. */
export function forEachNalUnit(
  data: Uint8Array,
  each: (start: number, end: number) => void,
  lengthSize: number = LENGTH_SIZE,
): void {
  let count = 0
  for (let at = 0; at < data.byteLength; ) {
    const length = readLength(data, at, lengthSize)
    if (length === undefined) {
      throw new FormatError(
        'ERR_CODEC_NAL_LENGTH',
        'expected a NAL unit within the packet, found a length past its end',
        at,
      )
    }
    at += lengthSize
    if (length > 0) {
      if (++count > MAX_NAL_UNITS) throw tooManyUnits()
      each(at, at + length)
    }
    at += length
  }
}

/** Whether the four-byte lengths of the data lead exactly to its end. Allocates nothing. */
export function isLengthPrefixed(data: Uint8Array): boolean {
  let at = 0
  for (let count = 0; at < data.byteLength; count++) {
    const length = readLength(data, at, LENGTH_SIZE)
    if (length === undefined || count >= MAX_NAL_UNITS) return false
    at += LENGTH_SIZE + length
  }
  return true
}

/** Whether the data begins with a start code of three or four bytes. */
export function isAnnexB(data: Uint8Array): boolean {
  return data[0] === 0 && data[1] === 0 && (data[2] === 1 || (data[2] === 0 && data[3] === 1))
}

/** The units between start codes, as views without the zero bytes around them. */
export function annexBUnits(data: Uint8Array): Uint8Array[] {
  const units: Uint8Array[] = []
  let start = -1
  for (let at = data.indexOf(1); at !== -1; at = data.indexOf(1, at + 1)) {
    if (at < 2 || data[at - 1] !== 0 || data[at - 2] !== 0) continue
    if (start !== -1) addUnit(units, data, start, at - 2)
    start = at + 1
  }
  if (start !== -1) addUnit(units, data, start, data.byteLength)
  return units
}

/** One buffer of units, each behind its length in four bytes: the canonical packet. */
export function joinNalUnits(units: readonly Uint8Array[]): Uint8Array {
  let size = 0
  for (const unit of units) size += LENGTH_SIZE + unit.byteLength
  const data = new Uint8Array(size)
  const view = new DataView(data.buffer)
  let at = 0
  for (const unit of units) {
    view.setUint32(at, unit.byteLength)
    data.set(unit, at + LENGTH_SIZE)
    at += LENGTH_SIZE + unit.byteLength
  }
  return data
}

/** Start codes to lengths; a copy. */
export function annexBToLengthPrefixed(data: Uint8Array): Uint8Array {
  return joinNalUnits(annexBUnits(data))
}

/** Lengths to four-byte start codes; a copy of the same size. Throws FormatError when a length leaves the data. */
export function lengthPrefixedToAnnexB(data: Uint8Array): Uint8Array {
  // Not `slice`: of a Buffer that would be a view, and the caller's packet would change.
  const copy = new Uint8Array(data)
  for (let at = 0; at < copy.byteLength; ) {
    const length = readLength(copy, at, LENGTH_SIZE)
    if (length === undefined) {
      throw new FormatError(
        'ERR_CODEC_NAL_LENGTH',
        'expected a NAL unit within the packet, found a length past its end',
        at,
      )
    }
    copy[at] = 0
    copy[at + 1] = 0
    copy[at + 2] = 0
    copy[at + 3] = 1
    at += START_CODE_SIZE + length
  }
  return copy
}

/**
 * An access unit as a publisher sent it, in canonical form: the same bytes where they are that already, a copy where the source uses
 * shorter lengths or start codes. Throws FormatError when it is none of these.
 */
export function toCanonicalNalUnits(data: Uint8Array, lengthSize: number): Uint8Array {
  if (lengthSize !== LENGTH_SIZE) return joinNalUnits(nalUnits(data, lengthSize))
  // A start code also reads as the length 1 of a first unit, so the lengths are tried first.
  if (isLengthPrefixed(data)) return data
  // Some cameras put Annex B where lengths belong.
  if (isAnnexB(data)) return annexBToLengthPrefixed(data)
  throw new FormatError('ERR_CODEC_NAL_LENGTH', 'expected NAL unit lengths that lead to the end of the packet')
}

/** The unit without its emulation prevention bytes, of at most `limit` bytes (ITU-T H.264 section 7.4.1). */
export function unescapeNalUnit(unit: Uint8Array, limit: number): Uint8Array {
  const payload = new Uint8Array(Math.min(unit.byteLength, limit))
  return payload.subarray(0, unescapeInto(unit, payload))
}

/** Writes as much of it as there is room for; returns how many bytes that is. */
export function unescapeInto(unit: Uint8Array, payload: Uint8Array): number {
  let length = 0
  let zeros = 0
  for (let i = 0; i < unit.byteLength && length < payload.byteLength; i++) {
    const byte = unit[i] as number
    if (zeros >= 2 && byte === 3) {
      zeros = 0
      continue
    }
    payload[length++] = byte
    zeros = byte === 0 ? zeros + 1 : 0
  }
  return length
}

/** How many bytes of the unit its first `length` bytes without emulation prevention take up. */
export function escapedLength(unit: Uint8Array, length: number): number {
  let zeros = 0
  let seen = 0
  let at = 0
  for (; at < unit.byteLength && seen < length; at++) {
    const byte = unit[at] as number
    if (zeros >= 2 && byte === 3) {
      zeros = 0
      continue
    }
    seen++
    zeros = byte === 0 ? zeros + 1 : 0
  }
  return at
}

/** The unit with emulation prevention bytes. */
export function escapeNalUnit(payload: Uint8Array): Uint8Array {
  const unit: number[] = []
  let zeros = 0
  for (const byte of payload) {
    if (zeros >= 2 && byte <= 3) {
      unit.push(3)
      zeros = 0
    }
    unit.push(byte)
    zeros = byte === 0 ? zeros + 1 : 0
  }
  return Uint8Array.from(unit)
}

/** `undefined` when the length or its unit is not whole. */
function readLength(data: Uint8Array, at: number, lengthSize: number): number | undefined {
  if (at + lengthSize > data.byteLength) return undefined
  let length = 0
  for (let i = 0; i < lengthSize; i++) length = length * 256 + (data[at + i] as number)
  return length <= data.byteLength - at - lengthSize ? length : undefined
}

function addUnit(units: Uint8Array[], data: Uint8Array, start: number, end: number): void {
  let last = end
  while (last > start && data[last - 1] === 0) last--
  if (last === start) return
  if (units.length >= MAX_NAL_UNITS) throw tooManyUnits()
  units.push(data.subarray(start, last))
}

function tooManyUnits(): FormatError {
  return new FormatError('ERR_CODEC_NAL_COUNT', `expected at most ${MAX_NAL_UNITS} NAL units in an access unit`)
}
