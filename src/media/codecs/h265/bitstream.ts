/** NAL units of H.265 that are looked into: SPS and the type of slices. ITU-T H.265 sections 7.3 and E.2. */
import { FormatError } from '../../../errors.ts'
import { BitReader } from '../../bytes/bit-reader.ts'
import type { ColorInfo } from '../../track.ts'
import { nalUnits, unescapeNalUnit } from '../nal-units.ts'
import { checkPictureSize, frameRateOf, readVideoSignalType } from '../picture.ts'
import { type ReferenceSet, readReferenceSets } from './reference-sets.ts'

/** nal_unit_type of section 7.4.2.2. IRAP pictures are 16 to 23. */
export const HEVC_NAL = {
  FIRST_IRAP: 16,
  IDR_W_RADL: 19,
  IDR_N_LP: 20,
  LAST_IRAP: 23,
  LAST_VCL: 31,
  VPS: 32,
  SPS: 33,
  PPS: 34,
  ACCESS_UNIT_DELIMITER: 35,
  SEI: 39,
} as const

/** profile_tier_level, as SPS and hvcC share it. */
export interface HevcProfile {
  readonly space: number
  readonly tier: number
  readonly profile: number
  /** general_profile_compatibility_flags, 32 bits. */
  readonly compatibility: number
  /** general_constraint_indicator_flags: six bytes. */
  readonly constraints: Uint8Array
  readonly level: number
}

/** Of an SPS: what slice headers need to be read. */
export interface HevcSliceFields {
  /** Bits of slice_pic_order_cnt_lsb. */
  readonly orderBits: number
  readonly separatePlanes: boolean
  /** ChromaArrayType. */
  readonly chromaArrayType: number
  /** PicSizeInCtbsY. */
  readonly codingTreeBlocks: number
  readonly sampleAdaptiveOffset: boolean
  readonly referenceSets: readonly ReferenceSet[]
  /** used_by_curr_pic_lt_sps_flag of each long-term picture of the SPS; `undefined`: there are none in slices either. */
  readonly longTerm: readonly boolean[] | undefined
  /** sps_temporal_mvp_enabled_flag. */
  readonly temporalVectors: boolean
}

export interface HevcSps {
  /** sps_seq_parameter_set_id. */
  readonly id: number
  readonly slices: HevcSliceFields
  readonly general: HevcProfile
  /** Pixels shown, the conformance window applied. */
  readonly width: number
  readonly height: number
  readonly chromaFormat: number
  readonly bitDepth: number
  readonly bitDepthChroma: number
  readonly temporalLayers: number
  readonly temporalIdNested: boolean
  /** sps_max_num_reorder_pics of the highest layer: frames that may be shown later than one that was decoded after them. */
  readonly maxReorder: number
  readonly frameRate?: number
  readonly color: ColorInfo
}

/** Bytes of an SPS that are looked at; the largest legal ones have a few thousand. */
const MAX_SPS_BYTES = 8192
const MAX_SPS_ID = 15
/** sps_max_dec_pic_buffering is at most 16. */
const MAX_REFERENCE_PICTURES = 16
/** Coding tree blocks are 64 pixels wide at most. */
const MAX_BLOCK_SIZE_LOG2 = 6
const MAX_LONG_TERM_PICTURES = 32
const EXTENDED_SAR = 255

export function hevcNalType(unit: Uint8Array): number {
  return hevcTypeOf(unit[0] ?? 0)
}

/** By the first byte of a unit. */
export function hevcTypeOf(first: number): number {
  return (first >> 1) & 0x3f
}

/** Whether a canonical packet holds an intra random access point. Throws FormatError for lengths past its end. */
export function isHevcKey(data: Uint8Array): boolean {
  return nalUnits(data).some((unit) => {
    const type = hevcNalType(unit)
    return type >= HEVC_NAL.FIRST_IRAP && type <= HEVC_NAL.LAST_IRAP
  })
}

/** Reads a sequence parameter set with its NAL unit header. Throws FormatError for anything cut short, out of range or not an SPS. */
export function readHevcSps(unit: Uint8Array): HevcSps {
  if (hevcNalType(unit) !== HEVC_NAL.SPS) {
    throw new FormatError('ERR_CODEC_BITSTREAM', `expected an H.265 SPS, found NAL unit type ${hevcNalType(unit)}`)
  }
  const bits = new BitReader(unescapeNalUnit(unit, MAX_SPS_BYTES))
  bits.skip(16 + 4) // NAL unit header, sps_video_parameter_set_id
  const maxSubLayer = bits.bits(3)
  const temporalIdNested = bits.flag()
  const general = readProfileTierLevel(bits, maxSubLayer)
  const id = limited('sps_seq_parameter_set_id', bits.ue(), MAX_SPS_ID)
  const chromaFormat = limited('chroma_format_idc', bits.ue(), 3)
  const separatePlanes = chromaFormat === 3 && bits.flag()
  const codedWidth = bits.ue()
  const codedHeight = bits.ue()
  const crop = readWindow(bits)
  const unitX = !separatePlanes && (chromaFormat === 1 || chromaFormat === 2) ? 2 : 1
  const unitY = !separatePlanes && chromaFormat === 1 ? 2 : 1
  const width = codedWidth - unitX * (crop.left + crop.right)
  const height = codedHeight - unitY * (crop.top + crop.bottom)
  checkPictureSize('H.265', width, height)
  const bitDepth = limited('bit_depth_luma_minus8', bits.ue(), 7) + 8
  const bitDepthChroma = limited('bit_depth_chroma_minus8', bits.ue(), 7) + 8
  const tools = readCodingTools(bits, maxSubLayer)
  const { maxReorder } = tools
  const blockSize = 2 ** tools.blockSizeLog2
  const { frameRate, color } = bits.flag() ? readVui(bits) : {}
  return {
    id,
    slices: {
      ...tools.slices,
      separatePlanes,
      chromaArrayType: separatePlanes ? 0 : chromaFormat,
      codingTreeBlocks: Math.ceil(codedWidth / blockSize) * Math.ceil(codedHeight / blockSize),
    },
    general,
    width,
    height,
    chromaFormat,
    bitDepth,
    bitDepthChroma,
    temporalLayers: maxSubLayer + 1,
    temporalIdNested,
    maxReorder,
    ...(frameRate !== undefined && { frameRate }),
    color: { bitDepth, ...color },
  }
}

function readProfileTierLevel(bits: BitReader, maxSubLayer: number): HevcProfile {
  const space = bits.bits(2)
  const tier = bits.bits(1)
  const profile = bits.bits(5)
  const compatibility = bits.bits(32)
  const constraints = Uint8Array.from({ length: 6 }, () => bits.bits(8))
  const level = bits.bits(8)
  const present: { profile: boolean; level: boolean }[] = []
  for (let i = 0; i < maxSubLayer; i++) present.push({ profile: bits.flag(), level: bits.flag() })
  if (maxSubLayer > 0) bits.skip(2 * (8 - maxSubLayer))
  for (const layer of present) bits.skip((layer.profile ? 88 : 0) + (layer.level ? 8 : 0))
  return { space, tier, profile, compatibility, constraints, level }
}

function readWindow(bits: BitReader) {
  return bits.flag()
    ? { left: bits.ue(), right: bits.ue(), top: bits.ue(), bottom: bits.ue() }
    : { left: 0, right: 0, top: 0, bottom: 0 }
}

interface CodingTools {
  readonly maxReorder: number
  /** CtbLog2SizeY. */
  readonly blockSizeLog2: number
  readonly slices: Omit<HevcSliceFields, 'separatePlanes' | 'chromaArrayType' | 'codingTreeBlocks'>
}

/** Everything between the bit depths and the VUI flag. */
function readCodingTools(bits: BitReader, maxSubLayer: number): CodingTools {
  const orderBits = limited('log2_max_pic_order_cnt_lsb_minus4', bits.ue(), 12) + 4
  const orderings = bits.flag() ? maxSubLayer + 1 : 1
  let maxReorder = 0
  for (let i = 0; i < orderings; i++) {
    bits.ue() // sps_max_dec_pic_buffering_minus1
    maxReorder = limited('sps_max_num_reorder_pics', bits.ue(), MAX_REFERENCE_PICTURES)
    bits.ue() // sps_max_latency_increase_plus1
  }
  const blockSizeLog2 = limited('CtbLog2SizeY', bits.ue() + 3 + bits.ue(), MAX_BLOCK_SIZE_LOG2)
  for (let i = 0; i < 4; i++) bits.ue() // transform sizes and depths
  if (bits.flag() && bits.flag()) skipScalingLists(bits)
  bits.skip(1) // amp_enabled_flag
  const sampleAdaptiveOffset = bits.flag()
  if (bits.flag()) {
    bits.skip(8) // PCM bit depths
    bits.ue()
    bits.ue()
    bits.skip(1)
  }
  const referenceSets = readReferenceSets(bits)
  const longTerm = bits.flag() ? readLongTerm(bits, orderBits) : undefined
  const temporalVectors = bits.flag()
  bits.skip(1) // strong_intra_smoothing_enabled_flag
  const slices = { orderBits, sampleAdaptiveOffset, referenceSets, longTerm, temporalVectors }
  return { blockSizeLog2, maxReorder, slices }
}

function readLongTerm(bits: BitReader, orderBits: number): boolean[] {
  const count = limited('num_long_term_ref_pics_sps', bits.ue(), MAX_LONG_TERM_PICTURES)
  const used: boolean[] = []
  for (let i = 0; i < count; i++) {
    bits.skip(orderBits)
    used.push(bits.flag())
  }
  return used
}

/** scaling_list_data of section 7.3.4, in an SPS or PPS. */
export function skipScalingLists(bits: BitReader): void {
  for (let sizeId = 0; sizeId < 4; sizeId++) {
    for (let matrix = 0; matrix < 6; matrix += sizeId === 3 ? 3 : 1) {
      if (!bits.flag()) {
        bits.ue()
        continue
      }
      if (sizeId > 1) bits.se()
      const coefficients = Math.min(64, 1 << (4 + (sizeId << 1)))
      for (let i = 0; i < coefficients; i++) bits.se()
    }
  }
}

function readVui(bits: BitReader): { frameRate?: number | undefined; color?: ColorInfo } {
  if (bits.flag() && bits.bits(8) === EXTENDED_SAR) bits.skip(32)
  if (bits.flag()) bits.skip(1) // overscan
  const color = bits.flag() ? readVideoSignalType(bits) : {}
  if (bits.flag()) {
    bits.ue() // chroma_sample_loc_type_top_field
    bits.ue()
  }
  bits.skip(3) // neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag
  readWindow(bits) // The default display window is a hint that nobody applies.
  if (!bits.flag()) return { color }
  const ticksPerFrame = bits.bits(32)
  const ticksPerSecond = bits.bits(32)
  return { color, frameRate: frameRateOf(ticksPerSecond, ticksPerFrame) }
}

function limited(field: string, value: number, most: number): number {
  if (value <= most) return value
  throw new FormatError('ERR_CODEC_BITSTREAM', `expected ${field} of at most ${most} in an H.265 SPS, found ${value}`)
}
