/** What a picture parameter set of H.265 says of the slice headers that refer to it: ITU-T H.265 section 7.3.2.3. */
import { FormatError } from '../../../errors.ts'
import { BitReader } from '../../bytes/bit-reader.ts'
import { unescapeNalUnit } from '../nal-units.ts'
import { HEVC_NAL, hevcNalType, skipScalingLists } from './bitstream.ts'

/** Bytes of a PPS that are looked at; with scaling lists it has below two thousand. */
const MAX_PPS_BYTES = 8192
const MAX_PPS_ID = 63
const MAX_SPS_ID = 15
const MAX_REFERENCES = 15
/** Columns and rows of tiles (level 6.2 has 20 and 22). */
const MAX_TILES = 64

export interface HevcPps {
  readonly id: number
  readonly spsId: number
  /** dependent_slice_segments_enabled_flag. */
  readonly dependentSlices: boolean
  /** output_flag_present_flag. */
  readonly outputFlag: boolean
  /** num_extra_slice_header_bits. */
  readonly extraBits: number
  /** cabac_init_present_flag. */
  readonly cabacInit: boolean
  /** num_ref_idx_l0_default_active and l1. */
  readonly references: readonly [number, number]
  /** pps_slice_chroma_qp_offsets_present_flag. */
  readonly chromaOffsets: boolean
  readonly weightedPrediction: boolean
  readonly weightedBiprediction: boolean
  /** Slices tell where their tiles or rows begin. */
  readonly entryPoints: boolean
  /** pps_loop_filter_across_slices_enabled_flag. */
  readonly filterAcrossSlices: boolean
  /** deblocking_filter_override_enabled_flag. */
  readonly deblockingOverride: boolean
  /** pps_deblocking_filter_disabled_flag. */
  readonly deblockingDisabled: boolean
  /** lists_modification_present_flag. */
  readonly listModifications: boolean
  /** slice_segment_header_extension_present_flag. */
  readonly headerExtension: boolean
  /** chroma_qp_offset_list_enabled_flag. */
  readonly chromaOffsetList: boolean
}

/**
 * Reads a picture parameter set with its NAL unit header. Throws FormatError for anything cut short, out of range, not a PPS, or with extensions
 * (multilayer, 3D, screen content) that change slice headers.
 */
export function readHevcPps(unit: Uint8Array): HevcPps {
  if (hevcNalType(unit) !== HEVC_NAL.PPS) {
    throw new FormatError('ERR_CODEC_BITSTREAM', `expected an H.265 PPS, found NAL unit type ${hevcNalType(unit)}`)
  }
  const bits = new BitReader(unescapeNalUnit(unit, MAX_PPS_BYTES))
  bits.skip(16)
  const id = limited('pps_pic_parameter_set_id', bits.ue(), MAX_PPS_ID)
  const spsId = limited('pps_seq_parameter_set_id', bits.ue(), MAX_SPS_ID)
  const dependentSlices = bits.flag()
  const outputFlag = bits.flag()
  const extraBits = bits.bits(3)
  bits.skip(1) // sign_data_hiding_enabled_flag
  const cabacInit = bits.flag()
  const references = [readReferences(bits), readReferences(bits)] as const
  bits.se() // init_qp_minus26
  bits.skip(1) // constrained_intra_pred_flag
  const transformSkip = bits.flag()
  if (bits.flag()) bits.ue() // diff_cu_qp_delta_depth
  bits.se() // pps_cb_qp_offset
  bits.se() // pps_cr_qp_offset
  const chromaOffsets = bits.flag()
  const weightedPrediction = bits.flag()
  const weightedBiprediction = bits.flag()
  bits.skip(1) // transquant_bypass_enabled_flag
  const tiles = bits.flag()
  const rows = bits.flag() // entropy_coding_sync_enabled_flag
  if (tiles) skipTiles(bits)
  const filterAcrossSlices = bits.flag()
  const deblocking = bits.flag() ? readDeblocking(bits) : { deblockingOverride: false, deblockingDisabled: false }
  if (bits.flag()) skipScalingLists(bits)
  const listModifications = bits.flag()
  bits.ue() // log2_parallel_merge_level_minus2
  const headerExtension = bits.flag()
  const chromaOffsetList = bits.flag() && readExtensions(bits, transformSkip)
  return {
    id,
    spsId,
    dependentSlices,
    outputFlag,
    extraBits,
    cabacInit,
    references,
    chromaOffsets,
    weightedPrediction,
    weightedBiprediction,
    entryPoints: tiles || rows,
    filterAcrossSlices,
    ...deblocking,
    listModifications,
    headerExtension,
    chromaOffsetList,
  }
}

function skipTiles(bits: BitReader): void {
  const columns = limited('num_tile_columns_minus1', bits.ue(), MAX_TILES)
  const rows = limited('num_tile_rows_minus1', bits.ue(), MAX_TILES)
  if (!bits.flag()) for (let i = 0; i < columns + rows; i++) bits.ue()
  bits.skip(1) // loop_filter_across_tiles_enabled_flag
}

function readDeblocking(bits: BitReader): Pick<HevcPps, 'deblockingOverride' | 'deblockingDisabled'> {
  const deblockingOverride = bits.flag()
  const deblockingDisabled = bits.flag()
  if (!deblockingDisabled) {
    bits.se() // pps_beta_offset_div2
    bits.se() // pps_tc_offset_div2
  }
  return { deblockingOverride, deblockingDisabled }
}

/** Returns chroma_qp_offset_list_enabled_flag. */
function readExtensions(bits: BitReader, transformSkip: boolean): boolean {
  const range = bits.flag()
  // Others change what slice headers hold.
  if (bits.bits(7) !== 0) {
    throw new FormatError('ERR_CODEC_BITSTREAM', 'expected an H.265 PPS without multilayer, 3D and screen extensions')
  }
  if (!range) return false
  if (transformSkip) bits.ue() // log2_max_transform_skip_block_size_minus2
  bits.skip(1) // cross_component_prediction_enabled_flag
  return bits.flag()
}

function readReferences(bits: BitReader): number {
  return limited('num_ref_idx_default_active_minus1', bits.ue(), MAX_REFERENCES - 1) + 1
}

function limited(field: string, value: number, most: number): number {
  if (value <= most) return value
  throw new FormatError('ERR_CODEC_BITSTREAM', `expected ${field} of at most ${most} in an H.265 PPS, found ${value}`)
}
