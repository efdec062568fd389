/** How long slice headers of H.264 are: what stays clear when the rest of a slice is encrypted. ITU-T H.264 section 7.3.3. */
import { FormatError } from '../../../errors.ts'
import type { BitReader } from '../../bytes/bit-reader.ts'
import { sliceStartLength } from '../slice-start.ts'
import { AVC_NAL, type AvcSps, avcNalType, readAvcSps } from './bitstream.ts'
import { type AvcPps, readAvcPps } from './pps.ts'

/** Bytes of a slice that hold its header; the longest tables of weights and marks take a few hundred. */
const MAX_SLICE_HEADER_BYTES = 2048
/** Of one list; with fields as many again as there are frames. */
const MAX_REFERENCES = 32
/** Commands of one header: each picture can be marked a few times. */
const MAX_COMMANDS = 128
/** slice_type modulo 5. */
const SLICE = { P: 0, B: 1, I: 2, SP: 3, SI: 4 } as const

/** Knows the parameter sets of one stream; later ones replace those of the same number. */
export class AvcSliceHeaders {
  readonly #spsById = new Map<number, AvcSps>()
  readonly #ppsById = new Map<number, AvcPps>()

  /** Takes a parameter set; other NAL units are passed over. Throws FormatError for a broken one. */
  learn(unit: Uint8Array): void {
    const type = avcNalType(unit)
    if (type === AVC_NAL.SPS) {
      const sps = readAvcSps(unit)
      this.#spsById.set(sps.id, sps)
    } else if (type === AVC_NAL.PPS) {
      const pps = readAvcPps(unit)
      this.#ppsById.set(pps.id, pps)
    }
  }

  /**
   * Bytes of NAL unit header and slice header at the start of a slice (types 1, 2 and 5), emulation prevention included, rounded up. Throws
   * FormatError for a header that is broken or refers to a parameter set that is not known.
   */
  headerLength(unit: Uint8Array): number {
    return sliceStartLength(unit, MAX_SLICE_HEADER_BYTES, (bits) => {
      bits.skip(8) // nal_unit_header
      this.#readHeader(bits, avcNalType(unit) === AVC_NAL.IDR, ((unit[0] ?? 0) & 0x60) !== 0)
    })
  }

  #readHeader(bits: BitReader, idr: boolean, isReference: boolean): void {
    bits.ue() // first_mb_in_slice
    const type = bits.ue() % 5
    const { pps, sps } = this.#parameterSets(bits.ue())
    const { order } = sps
    if (order.separatePlanes) bits.skip(2) // colour_plane_id
    bits.skip(order.frameNumBits) // frame_num
    const field = !order.frameOnly && bits.flag()
    if (field) bits.skip(1) // bottom_field_flag
    if (idr) bits.ue() // idr_pic_id
    if (order.type === 0) {
      bits.skip(order.lsbBits) // pic_order_cnt_lsb
      if (pps.bottomFieldOrder && !field) bits.se() // delta_pic_order_cnt_bottom
    } else if (!order.deltaAlwaysZero) {
      bits.se() // delta_pic_order_cnt
      if (pps.bottomFieldOrder && !field) bits.se()
    }
    if (pps.redundantPictures) bits.ue() // redundant_pic_cnt
    const intra = type === SLICE.I || type === SLICE.SI
    if (type === SLICE.B) bits.skip(1) // direct_spatial_mv_pred_flag
    if (!intra) {
      const references = readReferences(bits, pps, type)
      skipListModifications(bits, type)
      const weighted = type === SLICE.B ? pps.weightedBiprediction === 1 : pps.weightedPrediction
      if (weighted) skipWeights(bits, references, sps)
    }
    if (isReference) skipMarking(bits, idr)
    if (pps.cabac && !intra) bits.ue() // cabac_init_idc
    bits.se() // slice_qp_delta
    if (type === SLICE.SP) bits.skip(1) // sp_for_switch_flag
    if (type === SLICE.SP || type === SLICE.SI) bits.se() // slice_qs_delta
    if (pps.deblockingControl && bits.ue() !== 1) {
      bits.se() // slice_alpha_c0_offset_div2
      bits.se() // slice_beta_offset_div2
    }
    if (pps.sliceGroupChangeRate > 0) {
      bits.skip(Math.ceil(Math.log2(Math.ceil(order.mapUnits / pps.sliceGroupChangeRate) + 1)))
    }
  }

  #parameterSets(ppsId: number): { readonly pps: AvcPps; readonly sps: AvcSps } {
    const pps = this.#ppsById.get(ppsId)
    const sps = pps && this.#spsById.get(pps.spsId)
    if (pps === undefined || sps === undefined) {
      throw new FormatError('ERR_CODEC_BITSTREAM', `expected a slice of a known picture parameter set, found ${ppsId}`)
    }
    return { pps, sps }
  }
}

/** Lengths of the reference lists: of the slice itself, or the picture's default. */
function readReferences(bits: BitReader, pps: AvcPps, type: number): readonly number[] {
  const lists = type === SLICE.B ? 2 : 1
  const override = bits.flag()
  return pps.references.slice(0, lists).map((standard) => {
    const count = override ? bits.ue() + 1 : standard
    if (count <= MAX_REFERENCES) return count
    throw new FormatError('ERR_CODEC_BITSTREAM', `expected at most ${MAX_REFERENCES} references, found ${count}`)
  })
}

/** ref_pic_list_modification: section 7.3.3.1. */
function skipListModifications(bits: BitReader, type: number): void {
  for (let list = 0; list < (type === SLICE.B ? 2 : 1); list++) {
    if (bits.flag()) skipCommands(bits, (command) => (command === 3 ? 'end' : 1))
  }
}

/** pred_weight_table: section 7.3.3.2. */
function skipWeights(bits: BitReader, references: readonly number[], { order, chromaFormat }: AvcSps): void {
  const hasChroma = !order.separatePlanes && chromaFormat !== 0
  bits.ue() // luma_log2_weight_denom
  if (hasChroma) bits.ue() // chroma_log2_weight_denom
  for (const count of references) {
    for (let i = 0; i < count; i++) {
      if (bits.flag()) skipSigned(bits, 2)
      if (hasChroma && bits.flag()) skipSigned(bits, 4)
    }
  }
}

/** dec_ref_pic_marking: section 7.3.3.3. */
function skipMarking(bits: BitReader, idr: boolean): void {
  if (idr)
    bits.skip(2) // no_output_of_prior_pics_flag, long_term_reference_flag
  // Command 3 has two numbers, 5 has none, 0 ends the list.
  else if (bits.flag())
    skipCommands(bits, (command) => (command === 0 ? 'end' : command === 3 ? 2 : command === 5 ? 0 : 1))
}

/** Commands with as many numbers each as `numbersOf` says. */
function skipCommands(bits: BitReader, numbersOf: (command: number) => number | 'end'): void {
  for (let count = 0; count < MAX_COMMANDS; count++) {
    const numbers = numbersOf(bits.ue())
    if (numbers === 'end') return
    for (let i = 0; i < numbers; i++) bits.ue()
  }
  throw new FormatError('ERR_CODEC_BITSTREAM', `expected at most ${MAX_COMMANDS} commands in a slice header`)
}

function skipSigned(bits: BitReader, count: number): void {
  for (let i = 0; i < count; i++) bits.se()
}
