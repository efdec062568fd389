/** NAL units of H.264 that are looked into: SPS and the type of slices. ITU-T H.264 sections 7.3 and E.1. */
import { FormatError } from '../../../errors.ts'
import { BitReader } from '../../bytes/bit-reader.ts'
import type { ColorInfo } from '../../track.ts'
import { nalUnits, unescapeNalUnit } from '../nal-units.ts'
import { checkPictureSize, frameRateOf, readVideoSignalType } from '../picture.ts'

/** nal_unit_type of section 7.4.1. */
export const AVC_NAL = { SLICE: 1, IDR: 5, SEI: 6, SPS: 7, PPS: 8, ACCESS_UNIT_DELIMITER: 9 } as const

export interface AvcSps {
  /** seq_parameter_set_id. */
  readonly id: number
  readonly profile: number
  readonly compatibility: number
  readonly level: number
  /** Pixels shown, cropping applied. */
  readonly width: number
  readonly height: number
  readonly chromaFormat: number
  readonly bitDepth: number
  readonly bitDepthChroma: number
  readonly frameRate?: number
  readonly color: ColorInfo
  /** What slice headers need to be read, and how far frames are reordered. */
  readonly order: AvcOrderFields
}

/** Of an SPS: how pictures are numbered (sections 7.4.2.1.1 and E.2.1). */
export interface AvcOrderFields {
  /** pic_order_cnt_type: 0, 1 or 2; with 2 frames are shown as they are decoded. */
  readonly type: number
  /** Bits of pic_order_cnt_lsb; 0 for the other types. */
  readonly lsbBits: number
  /** delta_pic_order_always_zero_flag; true for the other types. */
  readonly deltaAlwaysZero: boolean
  /** Bits of frame_num. */
  readonly frameNumBits: number
  readonly frameOnly: boolean
  readonly separatePlanes: boolean
  /** PicSizeInMapUnits. */
  readonly mapUnits: number
  /** max_num_reorder_frames, where the SPS says it. */
  readonly maxReorder?: number
}

/** Bytes of an SPS that are looked at; with all scaling lists it has below a thousand. */
const MAX_SPS_BYTES = 4096
const HIGH_PROFILES: ReadonlySet<number> = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135])
const EXTENDED_SAR = 255
const MAX_SPS_ID = 31
/** max_num_reorder_frames is at most the size of the decoded picture buffer. */
const MAX_REORDER_FRAMES = 16

export function avcNalType(unit: Uint8Array): number {
  return avcTypeOf(unit[0] ?? 0)
}

/** By the first byte of a unit. */
export function avcTypeOf(first: number): number {
  return first & 0x1f
}

/** Whether a canonical packet holds an IDR picture. Throws FormatError for lengths past its end. */
export function isAvcKey(data: Uint8Array): boolean {
  return nalUnits(data).some((unit) => avcNalType(unit) === AVC_NAL.IDR)
}

/** Reads a sequence parameter set with its NAL unit header. Throws FormatError for anything cut short, out of range or not an SPS. */
export function readAvcSps(unit: Uint8Array): AvcSps {
  if (avcNalType(unit) !== AVC_NAL.SPS) {
    throw new FormatError('ERR_CODEC_BITSTREAM', `expected an H.264 SPS, found NAL unit type ${avcNalType(unit)}`)
  }
  const bits = new BitReader(unescapeNalUnit(unit, MAX_SPS_BYTES))
  bits.skip(8)
  const profile = bits.bits(8)
  const compatibility = bits.bits(8)
  const level = bits.bits(8)
  const id = limitedId('seq_parameter_set_id', bits.ue(), MAX_SPS_ID)
  const { chromaFormat, separatePlanes, bitDepth, bitDepthChroma } = HIGH_PROFILES.has(profile)
    ? readHighFields(bits)
    : { chromaFormat: 1, separatePlanes: false, bitDepth: 8, bitDepthChroma: 8 }
  const frameNumBits = bits.ue() + 4
  const { type, lsbBits, deltaAlwaysZero } = readPictureOrder(bits)
  bits.ue() // max_num_ref_frames
  bits.skip(1) // gaps_in_frame_num_value_allowed_flag
  const widthInMacroblocks = bits.ue() + 1
  const heightInMapUnits = bits.ue() + 1
  const frameOnly = bits.flag()
  if (!frameOnly) bits.skip(1) // mb_adaptive_frame_field_flag
  bits.skip(1) // direct_8x8_inference_flag
  const crop = bits.flag() ? { left: bits.ue(), right: bits.ue(), top: bits.ue(), bottom: bits.ue() } : NO_CROP
  const chroma = separatePlanes ? 0 : chromaFormat
  const unitX = chroma === 1 || chroma === 2 ? 2 : 1
  const unitY = (chroma === 1 ? 2 : 1) * (frameOnly ? 1 : 2)
  const width = widthInMacroblocks * 16 - unitX * (crop.left + crop.right)
  const height = heightInMapUnits * 16 * (frameOnly ? 1 : 2) - unitY * (crop.top + crop.bottom)
  checkPictureSize('H.264', width, height)
  const { frameRate, color, maxReorder } = bits.flag() ? readVui(bits) : {}
  return {
    id,
    profile,
    compatibility,
    level,
    width,
    height,
    chromaFormat,
    bitDepth,
    bitDepthChroma,
    ...(frameRate !== undefined && { frameRate }),
    color: { bitDepth, ...color },
    order: {
      type,
      lsbBits,
      deltaAlwaysZero,
      frameNumBits,
      frameOnly,
      separatePlanes,
      mapUnits: widthInMacroblocks * heightInMapUnits,
      ...(maxReorder !== undefined && { maxReorder }),
    },
  }
}

const NO_CROP = { left: 0, right: 0, top: 0, bottom: 0 }

function readHighFields(bits: BitReader) {
  const chromaFormat = bits.ue()
  if (chromaFormat > 3) throw outOfRange('chroma_format_idc', 3, chromaFormat)
  const separatePlanes = chromaFormat === 3 && bits.flag()
  const bitDepth = readBitDepth(bits)
  const bitDepthChroma = readBitDepth(bits)
  bits.skip(1) // qpprime_y_zero_transform_bypass_flag
  if (bits.flag()) {
    const lists = chromaFormat === 3 ? 12 : 8
    for (let i = 0; i < lists; i++) if (bits.flag()) skipScalingList(bits, i < 6 ? 16 : 64)
  }
  return { chromaFormat, separatePlanes, bitDepth, bitDepthChroma }
}

function readBitDepth(bits: BitReader): number {
  const above8 = bits.ue()
  if (above8 > 6) throw outOfRange('bit_depth_minus8', 6, above8)
  return above8 + 8
}

function skipScalingList(bits: BitReader, size: number): void {
  let next = 8
  let last = 8
  for (let i = 0; i < size; i++) {
    if (next !== 0) next = (last + bits.se() + 256) % 256
    if (next !== 0) last = next
  }
}

function readPictureOrder(bits: BitReader): Pick<AvcOrderFields, 'type' | 'lsbBits' | 'deltaAlwaysZero'> {
  const type = bits.ue()
  if (type === 0) return { type, lsbBits: bits.ue() + 4, deltaAlwaysZero: true }
  let deltaAlwaysZero = true
  if (type === 1) {
    deltaAlwaysZero = bits.flag()
    bits.se() // offset_for_non_ref_pic
    bits.se() // offset_for_top_to_bottom_field
    const count = bits.ue()
    if (count > 255) throw outOfRange('num_ref_frames_in_pic_order_cnt_cycle', 255, count)
    for (let i = 0; i < count; i++) bits.se()
  } else if (type > 2) throw outOfRange('pic_order_cnt_type', 2, type)
  return { type, lsbBits: 0, deltaAlwaysZero }
}

interface Vui {
  readonly frameRate?: number | undefined
  readonly color?: ColorInfo
  readonly maxReorder?: number | undefined
}

function readVui(bits: BitReader): Vui {
  if (bits.flag() && bits.bits(8) === EXTENDED_SAR) bits.skip(32)
  if (bits.flag()) bits.skip(1) // overscan
  const color = bits.flag() ? readVideoSignalType(bits) : {}
  if (bits.flag()) {
    bits.ue() // chroma_sample_loc_type_top_field
    bits.ue()
  }
  const timed = bits.flag()
  let frameRate: number | undefined
  if (timed) {
    const ticksPerField = bits.bits(32)
    const ticksPerSecond = bits.bits(32)
    frameRate = frameRateOf(ticksPerSecond, ticksPerField * 2)
  }
  return { color, frameRate, maxReorder: readMaxReorder(bits, timed) }
}

/** The rest of the VUI behind the times, which some cameras cut off: `undefined` then, and when it does not say. */
function readMaxReorder(bits: BitReader, timed: boolean): number | undefined {
  try {
    if (timed) bits.skip(1) // fixed_frame_rate_flag
    const nalHrd = bits.flag()
    if (nalHrd) skipHrd(bits)
    const vclHrd = bits.flag()
    if (vclHrd) skipHrd(bits)
    if (nalHrd || vclHrd) bits.skip(1) // low_delay_hrd_flag
    bits.skip(1) // pic_struct_present_flag
    if (!bits.flag()) return undefined
    bits.skip(1) // motion_vectors_over_pic_boundaries_flag
    for (let i = 0; i < 4; i++) bits.ue() // sizes of pictures, macroblocks and vectors
    const maxReorder = bits.ue()
    return maxReorder <= MAX_REORDER_FRAMES ? maxReorder : undefined
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

function skipHrd(bits: BitReader): void {
  const count = bits.ue() + 1
  if (count > 32) throw outOfRange('cpb_cnt_minus1', 31, count - 1)
  bits.skip(4 + 4) // bit_rate_scale, cpb_size_scale
  for (let i = 0; i < count; i++) {
    bits.ue() // bit_rate_value_minus1
    bits.ue() // cpb_size_value_minus1
    bits.skip(1) // cbr_flag
  }
  bits.skip(4 * 5) // lengths of delays
}

function limitedId(field: string, value: number, most: number): number {
  if (value > most) throw outOfRange(field, most, value)
  return value
}

function outOfRange(field: string, most: number, found: number): FormatError {
  return new FormatError('ERR_CODEC_BITSTREAM', `expected ${field} of at most ${most} in an H.264 SPS, found ${found}`)
}
