/** What a picture parameter set of H.264 says of the slice headers that refer to it: ITU-T H.264 section 7.3.2.2. */
import { FormatError } from '../../../errors.ts'
import { BitReader } from '../../bytes/bit-reader.ts'
import { unescapeNalUnit } from '../nal-units.ts'
import { AVC_NAL, avcNalType } from './bitstream.ts'

/** Bytes of a PPS that are looked at; with a slice group of its own for each macroblock it is longer than any encoder makes. */
const MAX_PPS_BYTES = 8192
const MAX_PPS_ID = 255
const MAX_SPS_ID = 31
const MAX_SLICE_GROUPS = 8
const MAX_REFERENCES = 32

export interface AvcPps {
  /** pic_parameter_set_id. */
  readonly id: number
  readonly spsId: number
  /** entropy_coding_mode_flag: CABAC. */
  readonly cabac: boolean
  /** bottom_field_pic_order_in_frame_present_flag. */
  readonly bottomFieldOrder: boolean
  /** SliceGroupChangeRate, for the map types that change from picture to picture; else 0. */
  readonly sliceGroupChangeRate: number
  /** num_ref_idx_l0_default_active and l1. */
  readonly references: readonly [number, number]
  readonly weightedPrediction: boolean
  /** weighted_bipred_idc. */
  readonly weightedBiprediction: number
  /** deblocking_filter_control_present_flag. */
  readonly deblockingControl: boolean
  /** redundant_pic_cnt_present_flag. */
  readonly redundantPictures: boolean
}

/** Reads a picture parameter set with its NAL unit header. Throws FormatError for anything cut short, out of range or not a PPS. */
export function readAvcPps(unit: Uint8Array): AvcPps {
  if (avcNalType(unit) !== AVC_NAL.PPS) {
    throw new FormatError('ERR_CODEC_BITSTREAM', `expected an H.264 PPS, found NAL unit type ${avcNalType(unit)}`)
  }
  const bits = new BitReader(unescapeNalUnit(unit, MAX_PPS_BYTES))
  bits.skip(8)
  const id = limited('pic_parameter_set_id', bits.ue(), MAX_PPS_ID)
  const spsId = limited('seq_parameter_set_id', bits.ue(), MAX_SPS_ID)
  const cabac = bits.flag()
  const bottomFieldOrder = bits.flag()
  const sliceGroupChangeRate = readSliceGroups(bits)
  const references = [readReferences(bits), readReferences(bits)] as const
  const weightedPrediction = bits.flag()
  const weightedBiprediction = bits.bits(2)
  bits.se() // pic_init_qp_minus26
  bits.se() // pic_init_qs_minus26
  bits.se() // chroma_qp_index_offset
  const deblockingControl = bits.flag()
  bits.skip(1) // constrained_intra_pred_flag
  const redundantPictures = bits.flag()
  return {
    id,
    spsId,
    cabac,
    bottomFieldOrder,
    sliceGroupChangeRate,
    references,
    weightedPrediction,
    weightedBiprediction,
    deblockingControl,
    redundantPictures,
  }
}

/** Slice groups are of the baseline profile only. Returns SliceGroupChangeRate. */
function readSliceGroups(bits: BitReader): number {
  const groups = limited('num_slice_groups_minus1', bits.ue(), MAX_SLICE_GROUPS - 1) + 1
  if (groups === 1) return 0
  const type = limited('slice_group_map_type', bits.ue(), 6)
  if (type === 0) {
    for (let group = 0; group < groups; group++) bits.ue()
  } else if (type === 2) {
    for (let group = 0; group < groups - 1; group++) {
      bits.ue()
      bits.ue()
    }
  } else if (type >= 3 && type <= 5) {
    bits.skip(1) // slice_group_change_direction_flag
    return bits.ue() + 1
  } else if (type === 6) {
    const mapUnits = bits.ue() + 1
    bits.skip(mapUnits * Math.ceil(Math.log2(groups)))
  }
  return 0
}

function readReferences(bits: BitReader): number {
  return limited('num_ref_idx_default_active_minus1', bits.ue(), MAX_REFERENCES - 1) + 1
}

function limited(field: string, value: number, most: number): number {
  if (value <= most) return value
  throw new FormatError('ERR_CODEC_BITSTREAM', `expected ${field} of at most ${most} in an H.264 PPS, found ${value}`)
}
