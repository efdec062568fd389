/** What of the NAL units of H.264 and H.265 tells where access units begin, and where decoding can start. */

import { FormatError } from '../../../../errors.ts'
import { BitReader } from '../../../bytes/bit-reader.ts'
import { AVC_NAL, type AvcOrderFields, avcNalType, readAvcSps } from '../../../codecs/h264/bitstream.ts'
import { avcConfigOf, writeAvcConfig } from '../../../codecs/h264/config.ts'
import { HEVC_NAL, hevcNalType } from '../../../codecs/h265/bitstream.ts'
import { hevcConfigOf, writeHevcConfig } from '../../../codecs/h265/config.ts'
import { unescapeNalUnit } from '../../../codecs/nal-units.ts'

/** What a NAL unit is to its access unit. */
export type NalRole =
  /** A slice; `first`: the first of a picture, as far as the unit tells. */
  | 'first-slice'
  | 'slice'
  /** Stands before the slices: it begins an access unit when there were slices already. */
  | 'prefix'
  | 'other'

export interface NalFormat {
  readonly codec: 'h264' | 'h265'
  role(unit: Uint8Array): NalRole
  /** Whether decoding can start at an access unit; its first units up to the first slice are enough. */
  isKey(units: readonly Uint8Array[], randomAccess: boolean): boolean
  /** Types of parameter sets, in the order of `config`. */
  readonly parameterSets: readonly number[]
  typeOf(unit: Uint8Array): number
  /** The configuration record of the sets of each type. Throws FormatError when they cannot be read. */
  config(sets: readonly (readonly Uint8Array[])[]): Uint8Array
  /** The most sets of each type that a record holds. */
  readonly maxSets: readonly number[]
}

/** Payload type of an SEI message that says: pictures are right from here on (ITU-T H.264 section D.1.8). */
const RECOVERY_POINT = 6
/** Bytes of an SEI unit that are looked at: what stands before a recovery point is short. */
const MAX_SEI_BYTES = 1024
/** Bytes of a slice in which its type is. */
const SLICE_START_BYTES = 32
/** slice_type of I slices; 7: all of the picture's. */
const I_SLICES: ReadonlySet<number> = new Set([2, 7])

const LAST_SLICE_TYPE = 5
const AVC_PREFIXES: ReadonlySet<number> = new Set([
  AVC_NAL.SEI,
  AVC_NAL.SPS,
  AVC_NAL.PPS,
  AVC_NAL.ACCESS_UNIT_DELIMITER,
  14, // prefix NAL unit, subset SPS, depth parameter set, reserved (section 7.4.1.2.3)
  15,
  16,
  17,
  18,
])

export const AVC: NalFormat = {
  codec: 'h264',
  typeOf: avcNalType,
  parameterSets: [AVC_NAL.SPS, AVC_NAL.PPS],
  maxSets: [31, 255],
  role(unit) {
    const type = avcNalType(unit)
    // first_mb_in_slice is 0 when its code is the single bit 1.
    if (type >= 1 && type <= LAST_SLICE_TYPE)
      return ((unit[1] ?? 0) & 0x80) !== 0 && type !== 3 && type !== 4 ? 'first-slice' : 'slice'
    return AVC_PREFIXES.has(type) ? 'prefix' : 'other'
  },
  isKey(units, randomAccess) {
    let hasSps = false
    for (const unit of units) {
      const type = avcNalType(unit)
      if (type === AVC_NAL.IDR) return true
      if (type === AVC_NAL.SPS) hasSps = true
      else if (type === AVC_NAL.SEI && hasRecoveryPoint(unit)) return true
      // Some hardware encoders write neither IDR pictures nor recovery points.
      else if (type === AVC_NAL.SLICE) return randomAccess && hasSps && I_SLICES.has(sliceType(unit) ?? -1)
    }
    return false
  },
  config: ([sps = [], pps = []]) => writeAvcConfig(avcConfigOf(sps, pps)),
}

const HEVC_FIRST_OTHER = 32
const HEVC_PREFIXES: ReadonlySet<number> = new Set([
  HEVC_NAL.VPS,
  HEVC_NAL.SPS,
  HEVC_NAL.PPS,
  HEVC_NAL.ACCESS_UNIT_DELIMITER,
  HEVC_NAL.SEI,
  41, // reserved and unspecified (ITU-T H.265 section 7.4.2.4.4)
  42,
  43,
  44,
  48,
  49,
  50,
  51,
  52,
  53,
  54,
  55,
])

export const HEVC: NalFormat = {
  codec: 'h265',
  typeOf: hevcNalType,
  parameterSets: [HEVC_NAL.VPS, HEVC_NAL.SPS, HEVC_NAL.PPS],
  maxSets: [16, 16, 64],
  role(unit) {
    const type = hevcNalType(unit)
    if (type < HEVC_FIRST_OTHER) return ((unit[2] ?? 0) & 0x80) !== 0 ? 'first-slice' : 'slice'
    return HEVC_PREFIXES.has(type) ? 'prefix' : 'other'
  },
  isKey(units) {
    return units.some((unit) => {
      const type = hevcNalType(unit)
      return type >= HEVC_NAL.FIRST_IRAP && type <= HEVC_NAL.LAST_IRAP
    })
  },
  config: ([vps = [], sps = [], pps = []]) => writeHevcConfig(hevcConfigOf(vps, sps, pps)),
}

/** sei_message of ITU-T H.264 section 7.3.2.3.1: the payload types alone. */
function hasRecoveryPoint(unit: Uint8Array): boolean {
  const payload = unescapeNalUnit(unit.subarray(1), MAX_SEI_BYTES)
  for (let at = 0; at + 1 < payload.byteLength; ) {
    let type = 0
    for (; payload[at] === 0xff; at++) type += 0xff
    type += payload[at++] ?? 0
    if (type === RECOVERY_POINT) return true
    let size = 0
    for (; payload[at] === 0xff; at++) size += 0xff
    size += payload[at++] ?? 0
    at += size
  }
  return false
}

function sliceType(unit: Uint8Array): number | undefined {
  try {
    const bits = new BitReader(unescapeNalUnit(unit.subarray(1), SLICE_START_BYTES))
    bits.ue() // first_mb_in_slice
    return bits.ue()
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/** A field of a picture, as the header of its first slice tells it. */
export interface AvcField {
  readonly frameNumber: number
  readonly bottom: boolean
}

/** What is needed to tell fields in a stream with this SPS; `undefined` where every picture is a frame. */
export function fieldOrder(sps: Uint8Array): AvcOrderFields | undefined {
  const { order } = readAvcSps(sps)
  return order.frameOnly ? undefined : order
}

/** The field that a slice belongs to, `undefined` when it belongs to a frame or cannot be read (ITU-T H.264 section 7.3.3). */
export function readAvcField(slice: Uint8Array, order: AvcOrderFields): AvcField | undefined {
  try {
    const bits = new BitReader(unescapeNalUnit(slice.subarray(1), SLICE_START_BYTES))
    bits.ue() // first_mb_in_slice
    bits.ue() // slice_type
    bits.ue() // pic_parameter_set_id
    if (order.separatePlanes) bits.skip(2) // colour_plane_id
    const frameNumber = bits.bits(order.frameNumBits)
    if (!bits.flag()) return undefined
    return { frameNumber, bottom: bits.flag() }
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
