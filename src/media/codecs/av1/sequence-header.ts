/** The sequence header of AV1: AV1 Bitstream & Decoding Process Specification section 5.5. */
import { FormatError } from '../../../errors.ts'
import { BitReader } from '../../bytes/bit-reader.ts'
import type { ColorInfo } from '../../track.ts'
import { checkPictureSize, frameRateOf } from '../picture.ts'

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
  readonly frames: Av1FrameFields
}

/** What frame headers need to be read. */
export interface Av1FrameFields {
  /** reduced_still_picture_header. */
  readonly reduced: boolean
  /** Of frame_width_minus_1 and frame_height_minus_1, where a frame says its own. */
  readonly widthBits: number
  readonly heightBits: number
  /** Bits of delta_frame_id and of current_frame_id; `undefined`: frames have none. */
  readonly frameIds: { readonly deltaBits: number; readonly bits: number } | undefined
  readonly largeSuperblocks: boolean
  readonly warpedMotion: boolean
  /** OrderHintBits; 0: order hints are off. */
  readonly orderHintBits: number
  readonly referenceVectors: boolean
  /** seq_force_screen_content_tools and seq_force_integer_mv: 2 means that each frame says it. */
  readonly screenContent: number
  readonly integerVectors: number
  readonly superResolution: boolean
  readonly cdef: boolean
  readonly restoration: boolean
  readonly separateUvDeltas: boolean
  readonly filmGrain: boolean
  /** Bits of frame_presentation_time, where shown frames have one. */
  readonly presentationTimeBits: number
  /** Bits of buffer_removal_time; `undefined`: no decoder model. */
  readonly removalTimeBits: number | undefined
  /** Of each operating point: what it covers, and whether it has a decoder model. */
  readonly operatingPoints: readonly { readonly idc: number; readonly hasModel: boolean }[]
}

/** Each frame says it: SELECT_SCREEN_CONTENT_TOOLS and SELECT_INTEGER_MV. */
export const AV1_SELECT = 2

/** Reads the payload of a sequence header OBU. Throws FormatError for anything cut short or out of range. */
export function readAv1SequenceHeader(payload: Uint8Array): Av1SequenceHeader {
  const bits = new BitReader(payload)
  const profile = bits.bits(3)
  if (profile > 2) throw new FormatError('ERR_CODEC_BITSTREAM', `expected AV1 seq_profile 0 to 2, found ${profile}`)
  bits.skip(1) // still_picture
  const reduced = bits.flag()
  const { level, tier, frameRate, ...model } = reduced ? reducedOperation(bits) : readOperation(bits)
  const widthBits = bits.bits(4) + 1
  const heightBits = bits.bits(4) + 1
  const width = bits.bits(widthBits) + 1
  const height = bits.bits(heightBits) + 1
  checkPictureSize('AV1', width, height)
  const tools = readTools(bits, reduced)
  const { separateUvDeltas, ...color } = readColorConfig(bits, profile)
  // What an av1C was cut to by some writers ends here.
  const filmGrain = bits.remaining > 0 && bits.flag()
  return {
    profile,
    level,
    tier,
    width,
    height,
    ...color,
    ...(frameRate !== undefined && { frameRate }),
    frames: { reduced, widthBits, heightBits, ...tools, separateUvDeltas, filmGrain, ...model },
  }
}

type DecoderModel = Pick<Av1FrameFields, 'presentationTimeBits' | 'removalTimeBits' | 'operatingPoints'>

interface Operation extends DecoderModel {
  readonly level: number
  readonly tier: number
  readonly frameRate?: number | undefined
}

function reducedOperation(bits: BitReader): Operation {
  return { level: bits.bits(5), tier: 0, presentationTimeBits: 0, removalTimeBits: undefined, operatingPoints: [] }
}

function readOperation(bits: BitReader): Operation {
  let frameRate: number | undefined
  let delayBits = 0
  let removalTimeBits: number | undefined
  let presentationTimeBits = 0
  if (bits.flag()) {
    const ticksPerFrame = bits.bits(32)
    const ticksPerSecond = bits.bits(32)
    const even = bits.flag()
    if (even) frameRate = frameRateOf(ticksPerSecond, ticksPerFrame * (bits.ue() + 1))
    if (bits.flag()) {
      delayBits = bits.bits(5) + 1
      bits.skip(32) // num_units_in_decoding_tick
      removalTimeBits = bits.bits(5) + 1
      const timeBits = bits.bits(5) + 1
      if (!even) presentationTimeBits = timeBits
    }
  }
  const hasDelay = bits.flag()
  const count = bits.bits(5) + 1
  let level = 0
  let tier = 0
  const operatingPoints: { idc: number; hasModel: boolean }[] = []
  for (let i = 0; i < count; i++) {
    const idc = bits.bits(12)
    const pointLevel = bits.bits(5)
    const pointTier = pointLevel > 7 ? bits.bits(1) : 0
    if (i === 0) {
      level = pointLevel
      tier = pointTier
    }
    const hasModel = removalTimeBits !== undefined && bits.flag()
    if (hasModel) bits.skip(delayBits * 2 + 1)
    if (hasDelay && bits.flag()) bits.skip(4)
    operatingPoints.push({ idc, hasModel })
  }
  return { level, tier, frameRate, presentationTimeBits, removalTimeBits, operatingPoints }
}

type Tools = Pick<
  Av1FrameFields,
  | 'frameIds'
  | 'largeSuperblocks'
  | 'warpedMotion'
  | 'orderHintBits'
  | 'referenceVectors'
  | 'screenContent'
  | 'integerVectors'
  | 'superResolution'
  | 'cdef'
  | 'restoration'
>

/** Everything between the frame size and color_config. */
function readTools(bits: BitReader, reduced: boolean): Tools {
  let frameIds: Av1FrameFields['frameIds']
  if (!reduced && bits.flag()) {
    const deltaBits = bits.bits(4) + 2
    frameIds = { deltaBits, bits: bits.bits(3) + deltaBits + 1 }
  }
  const largeSuperblocks = bits.flag()
  bits.skip(2) // enable_filter_intra, enable_intra_edge_filter
  let warpedMotion = false
  let orderHintBits = 0
  let referenceVectors = false
  let screenContent = AV1_SELECT
  let integerVectors = AV1_SELECT
  if (!reduced) {
    bits.skip(2) // enable_interintra_compound, enable_masked_compound
    warpedMotion = bits.flag()
    bits.skip(1) // enable_dual_filter
    const orderHint = bits.flag()
    if (orderHint) {
      bits.skip(1) // enable_jnt_comp
      referenceVectors = bits.flag()
    }
    screenContent = bits.flag() ? AV1_SELECT : bits.bits(1)
    if (screenContent > 0) integerVectors = bits.flag() ? AV1_SELECT : bits.bits(1)
    if (orderHint) orderHintBits = bits.bits(3) + 1
  }
  const superResolution = bits.flag()
  const cdef = bits.flag()
  const restoration = bits.flag()
  return {
    frameIds,
    largeSuperblocks,
    warpedMotion,
    orderHintBits,
    referenceVectors,
    screenContent,
    integerVectors,
    superResolution,
    cdef,
    restoration,
  }
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
      separateUvDeltas: false,
    }
  }
  let fullRange = true
  let subsamplingX = 0
  let subsamplingY = 0
  let chromaSamplePosition = 0
  // sRGB has its own fixed form.
  if (primaries !== 1 || transfer !== 13 || matrix !== 0) {
    fullRange = bits.flag()
    subsamplingX = profile === 1 ? 0 : 1
    subsamplingY = profile === 0 ? 1 : 0
    if (profile === 2 && bitDepth === 12) {
      subsamplingX = bits.bits(1)
      subsamplingY = subsamplingX === 1 ? bits.bits(1) : 0
    }
    if (subsamplingX === 1 && subsamplingY === 1) chromaSamplePosition = bits.bits(2)
  }
  const separateUvDeltas = bits.remaining > 0 && bits.flag()
  return {
    bitDepth,
    monochrome,
    subsamplingX,
    subsamplingY,
    chromaSamplePosition,
    color: color(fullRange),
    separateUvDeltas,
  }
}
