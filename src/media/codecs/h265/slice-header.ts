/** How long slice segment headers of H.265 are: what stays clear when the rest of a slice is encrypted. ITU-T H.265 section 7.3.6. */
import { FormatError } from '../../../errors.ts'
import type { BitReader } from '../../bytes/bit-reader.ts'
import { sliceStartLength } from '../slice-start.ts'
import { HEVC_NAL, type HevcSps, hevcNalType, readHevcSps } from './bitstream.ts'
import { type HevcPps, readHevcPps } from './pps.ts'
import { readReferenceSet, usedCount } from './reference-sets.ts'

/** Bytes of a slice that hold its header: with an entry point for each row of blocks it has below two thousand. */
const MAX_SLICE_HEADER_BYTES = 8192
/** References of one list. */
const MAX_REFERENCES = 15
const MAX_LONG_TERM_PICTURES = 33
/** Rows of blocks of the largest pictures. */
const MAX_ENTRY_POINTS = 1024
const SLICE = { B: 0, P: 1, I: 2 } as const

interface ParameterSets {
  readonly pps: HevcPps
  readonly sps: HevcSps
}

/** Knows the parameter sets of one stream; later ones replace those of the same number. */
export class HevcSliceHeaders {
  readonly #spsById = new Map<number, HevcSps>()
  readonly #ppsById = new Map<number, HevcPps>()

  /** Takes a parameter set; other NAL units are passed over. Throws FormatError for a broken one. */
  learn(unit: Uint8Array): void {
    const type = hevcNalType(unit)
    if (type === HEVC_NAL.SPS) {
      const sps = readHevcSps(unit)
      this.#spsById.set(sps.id, sps)
    } else if (type === HEVC_NAL.PPS) {
      const pps = readHevcPps(unit)
      this.#ppsById.set(pps.id, pps)
    }
  }

  /**
   * Bytes of NAL unit header and slice segment header at the start of a slice (types 0 to 31), emulation prevention and alignment included. Throws
   * FormatError for a header that is broken or refers to a parameter set that is not known.
   */
  headerLength(unit: Uint8Array): number {
    return sliceStartLength(unit, MAX_SLICE_HEADER_BYTES, (bits) => {
      bits.skip(16) // nal_unit_header
      this.#readHeader(bits, hevcNalType(unit))
      // byte_alignment: a one, then zeros.
      bits.skip(1) // alignment_bit_equal_to_one
    })
  }

  #readHeader(bits: BitReader, nalType: number): void {
    const first = bits.flag()
    if (nalType >= HEVC_NAL.FIRST_IRAP && nalType <= HEVC_NAL.LAST_IRAP) bits.skip(1) // no_output_of_prior_pics_flag
    const sets = this.#parameterSets(bits.ue())
    const { pps, sps } = sets
    let dependent = false
    if (!first) {
      dependent = pps.dependentSlices && bits.flag()
      bits.skip(bitsFor(sps.slices.codingTreeBlocks)) // slice_segment_address
    }
    if (!dependent) readIndependentFields(bits, sets, nalType)
    if (pps.entryPoints) skipEntryPoints(bits)
    if (pps.headerExtension) bits.skip(8 * bits.ue())
  }

  #parameterSets(ppsId: number): ParameterSets {
    const pps = this.#ppsById.get(ppsId)
    const sps = pps && this.#spsById.get(pps.spsId)
    if (pps === undefined || sps === undefined) {
      throw new FormatError('ERR_CODEC_BITSTREAM', `expected a slice of a known picture parameter set, found ${ppsId}`)
    }
    return { pps, sps }
  }
}

/** What a dependent slice segment takes from the one before. */
function readIndependentFields(bits: BitReader, sets: ParameterSets, nalType: number): void {
  const { pps, sps } = sets
  const { slices } = sps
  bits.skip(pps.extraBits)
  const type = bits.ue()
  if (type > SLICE.I) throw new FormatError('ERR_CODEC_BITSTREAM', `expected slice_type 0 to 2, found ${type}`)
  if (pps.outputFlag) bits.skip(1) // pic_output_flag
  if (slices.separatePlanes) bits.skip(2) // colour_plane_id
  const idr = nalType === HEVC_NAL.IDR_W_RADL || nalType === HEVC_NAL.IDR_N_LP
  const { current, temporalVectors } = idr ? { current: 0, temporalVectors: false } : readReferencePictures(bits, sps)
  let adaptiveOffset = false
  if (slices.sampleAdaptiveOffset) {
    adaptiveOffset = bits.flag()
    if (slices.chromaArrayType !== 0) adaptiveOffset = bits.flag() || adaptiveOffset
  }
  if (type !== SLICE.I) readPredictionFields(bits, sets, { type, current, temporalVectors })
  bits.se() // slice_qp_delta
  if (pps.chromaOffsets) {
    bits.se() // slice_cb_qp_offset
    bits.se() // slice_cr_qp_offset
  }
  if (pps.chromaOffsetList) bits.skip(1) // cu_chroma_qp_offset_enabled_flag
  let deblockingDisabled = pps.deblockingDisabled
  if (pps.deblockingOverride && bits.flag()) {
    deblockingDisabled = bits.flag()
    if (!deblockingDisabled) {
      bits.se() // slice_beta_offset_div2
      bits.se() // slice_tc_offset_div2
    }
  }
  if (pps.filterAcrossSlices && (adaptiveOffset || !deblockingDisabled)) bits.skip(1)
}

/** Picture order and reference picture sets. `current`: NumPicTotalCurr. */
function readReferencePictures(bits: BitReader, { slices }: HevcSps): { current: number; temporalVectors: boolean } {
  const { referenceSets, longTerm } = slices
  bits.skip(slices.orderBits) // slice_pic_order_cnt_lsb
  const set = bits.flag()
    ? (referenceSets[bits.bits(bitsFor(referenceSets.length))] ?? [])
    : readReferenceSet(bits, referenceSets, true)
  let current = usedCount(set)
  if (longTerm !== undefined) current += readLongTermPictures(bits, longTerm, slices.orderBits)
  return { current, temporalVectors: slices.temporalVectors && bits.flag() }
}

function readLongTermPictures(bits: BitReader, known: readonly boolean[], orderBits: number): number {
  const fromSps = known.length > 0 ? bits.ue() : 0
  const count = fromSps + bits.ue()
  if (count > MAX_LONG_TERM_PICTURES) throw tooMany('long-term pictures', MAX_LONG_TERM_PICTURES, count)
  let current = 0
  for (let i = 0; i < count; i++) {
    if (i < fromSps) {
      if (known[bits.bits(bitsFor(known.length))]) current++
    } else {
      bits.skip(orderBits) // poc_lsb_lt
      if (bits.flag()) current++
    }
    if (bits.flag()) bits.ue() // delta_poc_msb_cycle_lt
  }
  return current
}

interface Prediction {
  readonly type: number
  readonly current: number
  readonly temporalVectors: boolean
}

/** Fields of P and B slices. */
function readPredictionFields(bits: BitReader, { pps, sps }: ParameterSets, slice: Prediction): void {
  const { type, current, temporalVectors } = slice
  const bidirectional = type === SLICE.B
  const override = bits.flag()
  const references = pps.references.slice(0, bidirectional ? 2 : 1).map((standard) => {
    const count = override ? bits.ue() + 1 : standard
    if (count > MAX_REFERENCES) throw tooMany('references', MAX_REFERENCES, count)
    return count
  })
  if (pps.listModifications && current > 1) {
    for (const count of references) if (bits.flag()) bits.skip(count * bitsFor(current))
  }
  if (bidirectional) bits.skip(1) // mvd_l1_zero_flag
  if (pps.cabacInit) bits.skip(1) // cabac_init_flag
  if (temporalVectors) {
    const fromFirst = !bidirectional || bits.flag() // collocated_from_l0_flag
    if ((references[fromFirst ? 0 : 1] ?? 1) > 1) bits.ue() // collocated_ref_idx
  }
  if (bidirectional ? pps.weightedBiprediction : pps.weightedPrediction) {
    skipWeights(bits, references, sps.slices.chromaArrayType !== 0)
  }
  bits.ue() // five_minus_max_num_merge_cand
}

/** pred_weight_table: section 7.3.6.3. */
function skipWeights(bits: BitReader, references: readonly number[], hasChroma: boolean): void {
  bits.ue() // luma_log2_weight_denom
  if (hasChroma) bits.se() // delta_chroma_log2_weight_denom
  for (const count of references) {
    const luma = Array.from({ length: count }, () => bits.flag())
    const chroma = luma.map(() => hasChroma && bits.flag())
    for (const [i, weighted] of luma.entries()) {
      const numbers = (weighted ? 2 : 0) + (chroma[i] ? 4 : 0)
      for (let k = 0; k < numbers; k++) bits.se()
    }
  }
}

function skipEntryPoints(bits: BitReader): void {
  const count = bits.ue()
  if (count > MAX_ENTRY_POINTS) throw tooMany('entry points', MAX_ENTRY_POINTS, count)
  if (count > 0) bits.skip(count * (bits.ue() + 1))
}

/** Ceil(Log2(count)): bits of a number below `count`. */
function bitsFor(count: number): number {
  return count <= 1 ? 0 : Math.ceil(Math.log2(count))
}

function tooMany(what: string, most: number, found: number): FormatError {
  return new FormatError('ERR_CODEC_BITSTREAM', `expected at most ${most} ${what} in an H.265 slice, found ${found}`)
}
