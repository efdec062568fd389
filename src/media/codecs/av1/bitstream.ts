/** OBUs of AV1 and the sequence header: AV1 Bitstream & Decoding Process Specification sections 5.3 to 5.5. */
import { FormatError } from '../../../errors.ts'
import { BitReader } from '../../bytes/bit-reader.ts'
import type { ColorInfo } from '../../track.ts'
import { checkPictureSize, frameRateOf } from '../picture.ts'

/** obu_type of section 6.2.2. */
export const AV1_OBU = {
  SEQUENCE_HEADER: 1,
  TEMPORAL_DELIMITER: 2,
  FRAME_HEADER: 3,
  METADATA: 5,
  FRAME: 6,
  PADDING: 15,
} as const

export interface Obu {
  readonly type: number
  /** The whole unit with its header. A view. */
  readonly bytes: Uint8Array
  readonly payload: Uint8Array
  readonly hasSize: boolean
}

export interface Av1SequenceHeader {
  readonly profile: number
  readonly level: number
  readonly tier: number
  readonly width: number
  readonly height: number
  readonly bitDepth: number
  readonly monochrome: boolean
  readonly subsamplingX: number
  readonly subsamplingY: number
  readonly chromaSamplePosition: number
  readonly frameRate?: number
  readonly color: ColorInfo
}

/** OBUs of one temporal unit; real ones have below a hundred. */
export const MAX_OBUS = 4096

const MAX_LEB128_BYTES = 8
const SELECT_SCREEN_CONTENT_TOOLS = 2

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

/** Reads the payload of a sequence header OBU. Throws FormatError for anything cut short or out of range. */
export function readAv1SequenceHeader(payload: Uint8Array): Av1SequenceHeader {
  const bits = new BitReader(payload)
  const profile = bits.bits(3)
  if (profile > 2) throw new FormatError('ERR_CODEC_BITSTREAM', `expected AV1 seq_profile 0 to 2, found ${profile}`)
  bits.skip(1) // still_picture
  const reduced = bits.flag()
  const { level, tier, frameRate } = reduced ? { level: bits.bits(5), tier: 0 } : readOperation(bits)
  const widthBits = bits.bits(4) + 1
  const heightBits = bits.bits(4) + 1
  const width = bits.bits(widthBits) + 1
  const height = bits.bits(heightBits) + 1
  checkPictureSize('AV1', width, height)
  skipTools(bits, reduced)
  const color = readColorConfig(bits, profile)
  return { profile, level, tier, width, height, ...color, ...(frameRate !== undefined && { frameRate }) }
}

function readOperation(bits: BitReader): { level: number; tier: number; frameRate?: number | undefined } {
  let frameRate: number | undefined
  let delayBits = 0
  let hasModel = false
  if (bits.flag()) {
    const ticksPerFrame = bits.bits(32)
    const ticksPerSecond = bits.bits(32)
    if (bits.flag()) frameRate = frameRateOf(ticksPerSecond, ticksPerFrame * (bits.ue() + 1))
    hasModel = bits.flag()
    if (hasModel) {
      delayBits = bits.bits(5) + 1
      bits.skip(32 + 5 + 5)
    }
  }
  const hasDelay = bits.flag()
  const count = bits.bits(5) + 1
  let level = 0
  let tier = 0
  for (let i = 0; i < count; i++) {
    bits.skip(12) // operating_point_idc
    const pointLevel = bits.bits(5)
    const pointTier = pointLevel > 7 ? bits.bits(1) : 0
    if (i === 0) {
      level = pointLevel
      tier = pointTier
    }
    if (hasModel && bits.flag()) bits.skip(delayBits * 2 + 1)
    if (hasDelay && bits.flag()) bits.skip(4)
  }
  return { level, tier, frameRate }
}

/** Everything between the frame size and color_config. */
function skipTools(bits: BitReader, reduced: boolean): void {
  if (!reduced && bits.flag()) bits.skip(4 + 3) // frame id lengths
  bits.skip(3) // superblock size, filter intra, intra edge filter
  if (!reduced) {
    bits.skip(4) // interintra, masked, warped, dual filter
    const orderHint = bits.flag()
    if (orderHint) bits.skip(2) // joint compound, reference frame vectors
    const screenContent = bits.flag() ? SELECT_SCREEN_CONTENT_TOOLS : bits.bits(1)
    if (screenContent > 0 && !bits.flag()) bits.skip(1) // seq_force_integer_mv
    if (orderHint) bits.skip(3) // order_hint_bits_minus_1
  }
  bits.skip(3) // superres, cdef, restoration
}

function readColorConfig(bits: BitReader, profile: number) {
  const high = bits.flag()
  const bitDepth = profile === 2 && high ? (bits.flag() ? 12 : 10) : high ? 10 : 8
  const monochrome = profile === 1 ? false : bits.flag()
  const described = bits.flag()
  const primaries = described ? bits.bits(8) : 2
  const transfer = described ? bits.bits(8) : 2
  const matrix = described ? bits.bits(8) : 2
  const color = (fullRange: boolean): ColorInfo => ({
    bitDepth,
    ...(described && { primaries, transfer, matrix }),
    fullRange,
  })
  if (monochrome) {
    return {
      bitDepth,
      monochrome,
      subsamplingX: 1,
      subsamplingY: 1,
      chromaSamplePosition: 0,
      color: color(bits.flag()),
    }
  }
  // sRGB has its own fixed form.
  if (primaries === 1 && transfer === 13 && matrix === 0) {
    return { bitDepth, monochrome, subsamplingX: 0, subsamplingY: 0, chromaSamplePosition: 0, color: color(true) }
  }
  const fullRange = bits.flag()
  let subsamplingX = profile === 1 ? 0 : 1
  let subsamplingY = profile === 0 ? 1 : 0
  if (profile === 2 && bitDepth === 12) {
    subsamplingX = bits.bits(1)
    subsamplingY = subsamplingX === 1 ? bits.bits(1) : 0
  }
  const chromaSamplePosition = subsamplingX === 1 && subsamplingY === 1 ? bits.bits(2) : 0
  return { bitDepth, monochrome, subsamplingX, subsamplingY, chromaSamplePosition, color: color(fullRange) }
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
