/** Parameter sets, slice headers and NAL units of the mosaic encoder's H.264 (ITU-T H.264 sections 7.3.2, 7.3.3 and 7.4.1). */
import { BitWriter } from '../../media/bytes/bit-writer.ts'
import { avcConfigOf, writeAvcConfig } from '../../media/codecs/h264/config.ts'

const PROFILE_BASELINE = 66
/** Also conforms to Main: nothing of Baseline that Main lacks is used. */
const CONSTRAINED_BASELINE = 0xc0
const LEVEL_3_1 = 31
const FRAME_NUM_BITS = 8
const NAL_SPS = 0x67
const NAL_PPS = 0x68
const NAL_IDR_SLICE = 0x65
const NAL_SLICE = 0x41
const SLICE_P_ONLY = 5
const SLICE_I_ONLY = 7

/** What the parameter sets say. */
export interface VideoFormat {
  /** Macroblocks. */
  readonly width: number
  readonly height: number
  readonly frameRate: number
  /** Quantization parameter of all macroblocks. */
  readonly qp: number
}

/** The decoder configuration record (ISO/IEC 14496-15 section 5.3.3.1) with one parameter set of each kind. */
export function formatAvcConfig(format: VideoFormat): Uint8Array {
  const sps = nalUnit(NAL_SPS, sequenceParameterSet(format))
  const pps = nalUnit(NAL_PPS, pictureParameterSet(format))
  return writeAvcConfig(avcConfigOf([sps], [pps]))
}

/** Starts a slice that is a whole picture; `frame` counts from its key picture, which is 0. */
export function writeSliceHeader(writer: BitWriter, frame: number, idrPicId: number): void {
  const key = frame === 0
  writer
    .ue(0) // first_mb_in_slice
    .ue(key ? SLICE_I_ONLY : SLICE_P_ONLY)
    .ue(0) // pic_parameter_set_id
    .bits(frame & ((1 << FRAME_NUM_BITS) - 1), FRAME_NUM_BITS)
  if (key) {
    writer
      .ue(idrPicId)
      .flag(false) // no_output_of_prior_pics_flag
      .flag(false) // long_term_reference_flag
  } else {
    writer
      .flag(false) // num_ref_idx_active_override_flag
      .flag(false) // ref_pic_list_modification_flag_l0
      .flag(false) // adaptive_ref_pic_marking_mode_flag
  }
  writer
    .se(0) // slice_qp_delta
    .ue(1) // disable_deblocking_filter_idc: off
}

/** The finished slice as a NAL unit behind its length in four bytes, as packets carry it. */
export function formatSlice(writer: BitWriter, key: boolean): Uint8Array {
  const unit = nalUnit(key ? NAL_IDR_SLICE : NAL_SLICE, writer.trailing().toBytes())
  const data = new Uint8Array(4 + unit.byteLength)
  new DataView(data.buffer).setUint32(0, unit.byteLength)
  data.set(unit, 4)
  return data
}

function sequenceParameterSet(format: VideoFormat): Uint8Array {
  return new BitWriter()
    .bits(PROFILE_BASELINE, 8)
    .bits(CONSTRAINED_BASELINE, 8)
    .bits(LEVEL_3_1, 8)
    .ue(0) // seq_parameter_set_id
    .ue(FRAME_NUM_BITS - 4)
    .ue(2) // pic_order_cnt_type: output order is decoding order
    .ue(1) // max_num_ref_frames
    .flag(false) // gaps_in_frame_num_value_allowed_flag
    .ue(format.width - 1)
    .ue(format.height - 1)
    .flag(true) // frame_mbs_only_flag
    .flag(true) // direct_8x8_inference_flag
    .flag(false) // frame_cropping_flag
    .flag(true) // vui_parameters_present_flag
    .flag(true) // aspect_ratio_info_present_flag
    .bits(1, 8) // square
    .flag(false) // overscan_info_present_flag
    .flag(true) // video_signal_type_present_flag
    .bits(5, 3) // video_format: unspecified
    .flag(false) // video_full_range_flag
    .flag(true) // colour_description_present_flag
    .bits(1, 8) // BT.709 primaries, transfer, matrix
    .bits(1, 8)
    .bits(1, 8)
    .flag(false) // chroma_loc_info_present_flag
    .flag(true) // timing_info_present_flag
    .bits(1, 32) // a tick is half a frame
    .bits(format.frameRate * 2, 32)
    .flag(true) // fixed_frame_rate_flag
    .flag(false) // nal_hrd_parameters_present_flag
    .flag(false) // vcl_hrd_parameters_present_flag
    .flag(false) // pic_struct_present_flag
    .flag(true) // bitstream_restriction_flag: a decoder need not wait for reordering
    .flag(true) // motion_vectors_over_pic_boundaries_flag
    .ue(0) // max_bytes_per_pic_denom
    .ue(0) // max_bits_per_mb_denom
    .ue(0) // log2_max_mv_length_horizontal
    .ue(0) // log2_max_mv_length_vertical
    .ue(0) // max_num_reorder_frames
    .ue(1) // max_dec_frame_buffering
    .trailing()
    .toBytes()
}

function pictureParameterSet(format: VideoFormat): Uint8Array {
  return new BitWriter()
    .ue(0) // pic_parameter_set_id
    .ue(0) // seq_parameter_set_id
    .flag(false) // entropy_coding_mode_flag: CAVLC
    .flag(false) // bottom_field_pic_order_in_frame_present_flag
    .ue(0) // num_slice_groups_minus1
    .ue(0) // num_ref_idx_l0_default_active_minus1
    .ue(0) // num_ref_idx_l1_default_active_minus1
    .flag(false) // weighted_pred_flag
    .bits(0, 2) // weighted_bipred_idc
    .se(format.qp - 26) // pic_init_qp_minus26
    .se(0) // pic_init_qs_minus26
    .se(0) // chroma_qp_index_offset
    .flag(true) // deblocking_filter_control_present_flag
    .flag(false) // constrained_intra_pred_flag
    .flag(false) // redundant_pic_cnt_present_flag
    .trailing()
    .toBytes()
}

/** Header byte and payload, with emulation prevention (section 7.4.1.1). */
function nalUnit(header: number, payload: Uint8Array): Uint8Array {
  const unit = new Uint8Array(1 + payload.byteLength + (payload.byteLength >> 1) + 1)
  unit[0] = header
  let at = 1
  let zeros = 0
  for (const byte of payload) {
    if (zeros === 2 && byte <= 3) {
      unit[at++] = 3
      zeros = 0
    }
    unit[at++] = byte
    zeros = byte === 0 ? zeros + 1 : 0
  }
  return unit.slice(0, at)
}
