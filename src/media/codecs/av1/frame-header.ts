/** Frame headers of AV1, read to their end so that it is known where tiles begin: AV1 specification section 5.9. */
import { FormatError } from '../../../errors.ts'
import type { BitReader } from '../../bytes/bit-reader.ts'
import {
  readDelta,
  readSigned,
  skipCdef,
  skipFilmGrain,
  skipGlobalMotion,
  skipLoopFilter,
  skipRestoration,
} from './frame-bits.ts'
import {
  AV1_REFERENCES,
  AV1_REFERENCES_PER_FRAME,
  type Av1Reference,
  type Av1Segmentation,
  allowsSkipMode,
  impliedReferences,
  referenceAt,
} from './references.ts'
import { AV1_SELECT, type Av1SequenceHeader } from './sequence-header.ts'
import { type Av1TileInfo, readTileInfo } from './tile-info.ts'

const FRAME = { KEY: 0, INTER: 1, INTRA_ONLY: 2, SWITCH: 3 } as const
const ALL_FRAMES = 0xff
const NO_PRIMARY = 7
/** Bits of each segmentation feature, and whether it has a sign. */
const FEATURES = [
  { bits: 8, signed: true },
  { bits: 6, signed: true },
  { bits: 6, signed: true },
  { bits: 6, signed: true },
  { bits: 6, signed: true },
  { bits: 3, signed: false },
  { bits: 0, signed: false },
  { bits: 0, signed: false },
] as const
const SEGMENTS = 8
const ALTERNATE_Q = 0
const NO_SEGMENTATION: Av1Segmentation = []

/** Which operating points a frame belongs to, from the header of its OBU. */
export interface Av1Layer {
  readonly temporalId: number
  readonly spatialId: number
}

interface FrameKind {
  readonly type: number
  readonly intra: boolean
  readonly shown: boolean
  readonly showable: boolean
  readonly errorResilient: boolean
}

interface FrameSize {
  readonly upscaledWidth: number
  readonly width: number
  readonly height: number
}

/** Takes the frame headers of one stream in decoding order and keeps what later ones depend on. */
export class Av1FrameHeaders {
  readonly #sequence: Av1SequenceHeader
  #slots: readonly (Av1Reference | undefined)[] = Array.from({ length: AV1_REFERENCES }, () => undefined)

  constructor(sequence: Av1SequenceHeader) {
    this.#sequence = sequence
  }

  /**
   * Reads one header; the reader stands behind it then. Returns how the frame is divided, `undefined` for a frame that is only shown again. Throws
   * FormatError for a header that is broken or refers to frames that did not come.
   */
  read(bits: BitReader, layer: Av1Layer): Av1TileInfo | undefined {
    const { frames } = this.#sequence
    if (!frames.reduced && bits.flag()) {
      this.#showExisting(bits)
      return undefined
    }
    const kind = this.#readKind(bits)
    const { intra, errorResilient } = kind
    const startsOver = kind.type === FRAME.KEY && kind.shown
    if (startsOver) this.#slots = this.#slots.map(() => undefined)
    const noCdfUpdate = bits.flag()
    const screenContent = choice(bits, frames.screenContent) === 1
    let integerVectors = screenContent && choice(bits, frames.integerVectors) === 1
    if (intra) integerVectors = true
    if (frames.frameIds !== undefined) bits.skip(frames.frameIds.bits) // current_frame_id
    const ownSize = kind.type === FRAME.SWITCH || (!frames.reduced && bits.flag())
    const orderHint = bits.bits(frames.orderHintBits)
    const primary = intra || errorResilient ? NO_PRIMARY : bits.bits(3)
    this.#skipRemovalTimes(bits, layer)
    const refresh = kind.type === FRAME.SWITCH || startsOver ? ALL_FRAMES : bits.bits(8)
    if ((!intra || refresh !== ALL_FRAMES) && errorResilient) this.#readOrderHints(bits)

    let size: FrameSize
    let references: readonly number[] = []
    let highPrecision = false
    let copiesBlocks = false
    if (intra) {
      size = this.#readSize(bits, ownSize)
      skipRenderSize(bits)
      copiesBlocks = screenContent && size.upscaledWidth === size.width && bits.flag()
    } else {
      references = this.#readReferences(bits, orderHint)
      size = this.#readInterSize(bits, references, ownSize && !errorResilient, ownSize)
      highPrecision = !integerVectors && bits.flag()
      if (!bits.flag()) bits.skip(2) // interpolation_filter
      bits.skip(1) // is_motion_mode_switchable
      if (!errorResilient && frames.referenceVectors) bits.skip(1) // use_ref_frame_mvs
    }
    if (!frames.reduced && !noCdfUpdate) bits.skip(1) // disable_frame_end_update_cdf
    const tiles = readTileInfo(bits, { ...size, largeSuperblocks: frames.largeSuperblocks })
    const before = primary === NO_PRIMARY ? undefined : referenceAt(this.#slots, references[primary])
    const segmentation = this.#readFilters(bits, { size, before, copiesBlocks })
    const compound = !intra && bits.flag() // reference_select
    if (compound && this.#allowsSkipMode(references, orderHint)) bits.skip(1) // skip_mode_present
    if (!intra && !errorResilient && frames.warpedMotion) bits.skip(1) // allow_warped_motion
    bits.skip(1) // reduced_tx_set
    if (!intra) skipGlobalMotion(bits, AV1_REFERENCES_PER_FRAME, highPrecision)
    if (frames.filmGrain && (kind.shown || kind.showable) && bits.flag()) {
      skipFilmGrain(bits, {
        inter: kind.type === FRAME.INTER,
        monochrome: this.#sequence.monochrome,
        subsampled: this.#isSubsampled(),
      })
    }
    this.#keep(refresh, {
      upscaledWidth: size.upscaledWidth,
      frameHeight: size.height,
      orderHint,
      key: kind.type === FRAME.KEY,
      segmentation,
    })
    return tiles
  }

  /** show_existing_frame: a key frame that is shown again takes all places. */
  #showExisting(bits: BitReader): void {
    const { frames } = this.#sequence
    const shown = referenceAt(this.#slots, bits.bits(3))
    bits.skip(frames.presentationTimeBits)
    if (frames.frameIds !== undefined) bits.skip(frames.frameIds.bits) // display_frame_id
    if (shown.key) this.#keep(ALL_FRAMES, shown)
  }

  #readKind(bits: BitReader): FrameKind {
    const { reduced, presentationTimeBits } = this.#sequence.frames
    if (reduced) return { type: FRAME.KEY, intra: true, shown: true, showable: false, errorResilient: true }
    const type = bits.bits(2)
    const intra = type === FRAME.KEY || type === FRAME.INTRA_ONLY
    const shown = bits.flag()
    if (shown) bits.skip(presentationTimeBits)
    const showable = shown ? type !== FRAME.KEY : bits.flag()
    const errorResilient = type === FRAME.SWITCH || (type === FRAME.KEY && shown) || bits.flag()
    return { type, intra, shown, showable, errorResilient }
  }

  #skipRemovalTimes(bits: BitReader, { temporalId, spatialId }: Av1Layer): void {
    const { removalTimeBits, operatingPoints } = this.#sequence.frames
    if (removalTimeBits === undefined || !bits.flag()) return
    for (const { idc, hasModel } of operatingPoints) {
      const covered = ((idc >> temporalId) & 1) === 1 && ((idc >> (spatialId + 8)) & 1) === 1
      if (hasModel && (idc === 0 || covered)) bits.skip(removalTimeBits)
    }
  }

  /** ref_order_hint: a reference that is not the one meant is lost. */
  #readOrderHints(bits: BitReader): void {
    const { orderHintBits } = this.#sequence.frames
    if (orderHintBits === 0) return
    this.#slots = this.#slots.map((slot) => {
      const hint = bits.bits(orderHintBits)
      return slot?.orderHint === hint ? slot : undefined
    })
  }

  /** ref_frame_idx. */
  #readReferences(bits: BitReader, orderHint: number): readonly number[] {
    const { orderHintBits, frameIds } = this.#sequence.frames
    const implied =
      orderHintBits > 0 && bits.flag()
        ? impliedReferences(this.#hints(), orderHint, orderHintBits, { last: bits.bits(3), golden: bits.bits(3) })
        : undefined
    return Array.from({ length: AV1_REFERENCES_PER_FRAME }, (_, i) => {
      const index = implied?.[i] ?? bits.bits(3)
      if (frameIds !== undefined) bits.skip(frameIds.deltaBits) // delta_frame_id_minus_1
      return index
    })
  }

  #hints(): number[] {
    return this.#slots.map((slot) => slot?.orderHint ?? 0)
  }

  #allowsSkipMode(references: readonly number[], orderHint: number): boolean {
    const hints = this.#hints()
    const used = references.map((index) => hints[index] ?? 0)
    return allowsSkipMode(used, orderHint, this.#sequence.frames.orderHintBits)
  }

  /** frame_size and superres_params. */
  #readSize(bits: BitReader, ownSize: boolean): FrameSize {
    const { width, height, frames } = this.#sequence
    const upscaledWidth = ownSize ? bits.bits(frames.widthBits) + 1 : width
    const frameHeight = ownSize ? bits.bits(frames.heightBits) + 1 : height
    return { upscaledWidth, width: this.#readSuperResolution(bits, upscaledWidth), height: frameHeight }
  }

  #readInterSize(bits: BitReader, references: readonly number[], mayRefer: boolean, ownSize: boolean): FrameSize {
    if (mayRefer) {
      for (const index of references) {
        if (!bits.flag()) continue
        const { upscaledWidth, frameHeight } = referenceAt(this.#slots, index)
        return { upscaledWidth, width: this.#readSuperResolution(bits, upscaledWidth), height: frameHeight }
      }
    }
    const size = this.#readSize(bits, ownSize)
    skipRenderSize(bits)
    return size
  }

  #readSuperResolution(bits: BitReader, upscaledWidth: number): number {
    if (!this.#sequence.frames.superResolution || !bits.flag()) return upscaledWidth
    const denominator = bits.bits(3) + 9
    return Math.floor((upscaledWidth * 8 + (denominator >> 1)) / denominator)
  }

  /** From quantization_params to read_tx_mode. Returns the segmentation that the frame has. */
  #readFilters(
    bits: BitReader,
    frame: { readonly size: FrameSize; readonly before: Av1Reference | undefined; readonly copiesBlocks: boolean },
  ): Av1Segmentation {
    const { frames, monochrome } = this.#sequence
    const hasChroma = !monochrome
    const quantizer = bits.bits(8) // base_q_idx
    const deltas = readPlaneDeltas(bits, hasChroma, frames.separateUvDeltas)
    const segmentation = readSegmentation(bits, frame.before)
    if (quantizer > 0 && bits.flag()) {
      bits.skip(2) // delta_q_res
      if (!frame.copiesBlocks && bits.flag()) bits.skip(2 + 1) // delta_lf_res, delta_lf_multi
    }
    const lossless = deltas.every((delta) => delta === 0) && isLossless(quantizer, segmentation)
    if (!lossless && !frame.copiesBlocks) {
      skipLoopFilter(bits, hasChroma)
      if (frames.cdef) skipCdef(bits, hasChroma)
    }
    const allLossless = lossless && frame.size.width === frame.size.upscaledWidth
    if (!allLossless && !frame.copiesBlocks && frames.restoration) {
      skipRestoration(bits, {
        planes: hasChroma ? 3 : 1,
        largeSuperblocks: frames.largeSuperblocks,
        subsampled: this.#isSubsampled(),
      })
    }
    if (!lossless) bits.skip(1) // tx_mode_select
    return segmentation
  }

  #isSubsampled(): boolean {
    return this.#sequence.subsamplingX === 1 && this.#sequence.subsamplingY === 1
  }

  #keep(refresh: number, frame: Av1Reference): void {
    this.#slots = this.#slots.map((slot, i) => (((refresh >> i) & 1) === 1 ? frame : slot))
  }
}

/** A field that the sequence says for all frames, or each frame for itself. */
function choice(bits: BitReader, ofSequence: number): number {
  return ofSequence === AV1_SELECT ? bits.bits(1) : ofSequence
}

function skipRenderSize(bits: BitReader): void {
  if (bits.flag()) bits.skip(16 + 16)
}

/** The differences of quantization_params. */
function readPlaneDeltas(bits: BitReader, hasChroma: boolean, separate: boolean): number[] {
  const deltas = [readDelta(bits)]
  let differ = false
  if (hasChroma) {
    differ = separate && bits.flag()
    deltas.push(readDelta(bits), readDelta(bits))
    if (differ) deltas.push(readDelta(bits), readDelta(bits))
  }
  if (bits.flag()) bits.skip(4 + 4 + (separate ? 4 : 0)) // qm_y, qm_u, qm_v
  return deltas
}

/** segmentation_params: section 5.9.14. */
function readSegmentation(bits: BitReader, before: Av1Reference | undefined): Av1Segmentation {
  if (!bits.flag()) return NO_SEGMENTATION
  if (before !== undefined) {
    if (bits.flag()) bits.skip(1) // segmentation_temporal_update
    if (!bits.flag()) return before.segmentation
  }
  return Array.from({ length: SEGMENTS }, () => {
    const features = new Map<number, number>()
    for (const [feature, { bits: width, signed }] of FEATURES.entries()) {
      if (bits.flag()) features.set(feature, signed ? readSigned(bits, width) : bits.bits(width))
    }
    return features
  })
}

/** Whether every segment has the quantizer 0. */
function isLossless(quantizer: number, segmentation: Av1Segmentation): boolean {
  if (segmentation.length === 0) return quantizer === 0
  return segmentation.every((features) => quantizer + (features?.get(ALTERNATE_Q) ?? 0) <= 0)
}

/** For tiles: the end of what may be read. Throws FormatError when a size leaves the data. */
export function checkedTileEnd(end: number, size: number): number {
  if (end <= size) return end
  throw new FormatError('ERR_CODEC_BITSTREAM', `expected AV1 tiles within ${size} bytes, found their end at ${end}`)
}
