/** The order in which pictures of H.264 are shown, from their slice headers: ITU-T H.264 sections 7.3.3 and 8.2.1. */
import { FormatError } from '../../../errors.ts'
import { BitReader } from '../../bytes/bit-reader.ts'
import { nalUnits, unescapeNalUnit } from '../nal-units.ts'
import { AVC_NAL, type AvcOrderFields, avcNalType } from './bitstream.ts'

/** Bytes of a slice that hold what is read of its header. */
const SLICE_HEADER_BYTES = 32
const MAX_COUNTER_BITS = 16
const FIELD_PAIR_TYPES: ReadonlySet<number> = new Set<number>([AVC_NAL.SLICE, AVC_NAL.IDR])

export interface AvcOrder {
  /** Grows in the order of showing; starts anew with each IDR picture. Usually by 2 from picture to picture. */
  readonly count: number
  readonly idr: boolean
}

/** Takes the access units of one stream in decoding order. */
export class AvcPictureOrder {
  readonly #fields: AvcOrderFields
  /** Of the last picture that others refer to. */
  #high = 0
  #low = 0

  constructor(fields: AvcOrderFields) {
    this.#fields = fields
  }

  /** Whether orders can be told at all: else pictures are shown as they are decoded, or number themselves in a way nobody uses. */
  get known(): boolean {
    const { type, lsbBits, frameNumBits } = this.#fields
    return type === 0 && lsbBits <= MAX_COUNTER_BITS && frameNumBits <= MAX_COUNTER_BITS
  }

  /** The order of a canonical packet; `undefined` when it holds no slice that can be read. Throws FormatError for lengths past its end. */
  next(data: Uint8Array): AvcOrder | undefined {
    const slice = nalUnits(data).find((unit) => FIELD_PAIR_TYPES.has(avcNalType(unit)))
    const low = slice === undefined ? undefined : this.#readLow(slice)
    if (slice === undefined || low === undefined) return undefined
    const idr = avcNalType(slice) === AVC_NAL.IDR
    if (idr) {
      this.#high = 0
      this.#low = 0
    }
    const range = 2 ** this.#fields.lsbBits
    let high = this.#high
    if (low < this.#low && this.#low - low >= range / 2) high += range
    else if (low > this.#low && low - this.#low > range / 2) high -= range
    const isReference = ((slice[0] ?? 0) & 0x60) !== 0
    if (isReference) {
      this.#high = high
      this.#low = low
    }
    return { count: high + low, idr }
  }

  /** pic_order_cnt_lsb. */
  #readLow(slice: Uint8Array): number | undefined {
    const { frameNumBits, frameOnly, separatePlanes, lsbBits } = this.#fields
    const bits = new BitReader(unescapeNalUnit(slice, SLICE_HEADER_BYTES))
    try {
      bits.skip(8) // NAL unit header
      bits.ue() // first_mb_in_slice
      bits.ue() // slice_type
      bits.ue() // pic_parameter_set_id
      if (separatePlanes) bits.skip(2) // colour_plane_id
      bits.skip(frameNumBits) // frame_num
      if (!frameOnly && bits.flag()) bits.skip(1) // bottom_field_flag
      if (avcNalType(slice) === AVC_NAL.IDR) bits.ue() // idr_pic_id
      return bits.bits(lsbBits)
    } catch (error) {
      if (error instanceof FormatError) return undefined
      throw error
    }
  }
}
