/** Where the slice data of H.264 and H.265 pictures lies: all of a packet that may be encrypted (ISO/IEC 14496-15, 23001-7 section 10.3). */
import { FormatError } from '../../errors.ts'
import { AVC_NAL, avcTypeOf } from './h264/bitstream.ts'
import { readAvcConfig } from './h264/config.ts'
import { AvcSliceHeaders } from './h264/slice-header.ts'
import { HEVC_NAL, hevcTypeOf } from './h265/bitstream.ts'
import { readHevcConfig } from './h265/config.ts'
import { HevcSliceHeaders } from './h265/slice-header.ts'
import { forEachNalUnit } from './nal-units.ts'

interface SliceHeaders {
  learn(unit: Uint8Array): void
  headerLength(unit: Uint8Array): number
}

/** Takes the packets of one track in decoding order, beginning with its configuration. */
export class SliceData {
  readonly #headers: SliceHeaders
  /** By the first byte of a unit. */
  readonly #kindOf: (first: number) => 'slice' | 'parameters' | undefined
  #unreadable = 0

  /** `config`: avcC or hvcC. Throws FormatError for one that cannot be read. */
  constructor(codec: 'h264' | 'h265', config: Uint8Array) {
    if (codec === 'h264') {
      this.#headers = new AvcSliceHeaders()
      this.#kindOf = avcKindOf
      const { sps, pps } = readAvcConfig(config)
      for (const unit of [...sps, ...pps]) this.#headers.learn(unit)
    } else {
      this.#headers = new HevcSliceHeaders()
      this.#kindOf = hevcKindOf
      for (const { units } of readHevcConfig(config).arrays) for (const unit of units) this.#learn(unit)
    }
  }

  /** Slices so far that are left clear because their header could not be read. */
  get unreadable(): number {
    return this.#unreadable
  }

  /**
   * Calls `piece` for each NAL unit of a canonical packet: bytes that must stay clear (length, header, slice header), then bytes that may be
   * encrypted. Throws FormatError for lengths past the end.
   */
  forEach(data: Uint8Array, piece: (clear: number, rest: number) => void): void {
    let at = 0
    forEachNalUnit(data, (start, end) => {
      const kind = this.#kindOf(data[start] as number)
      if (kind === 'parameters') this.#learn(data.subarray(start, end))
      const rest = kind === 'slice' ? this.#restOf(data.subarray(start, end)) : 0
      // The walk passes empty units over: their lengths belong to the next piece.
      piece(end - at - rest, rest)
      at = end
    })
    if (at < data.byteLength) piece(data.byteLength - at, 0)
  }

  #restOf(unit: Uint8Array): number {
    try {
      return Math.max(0, unit.byteLength - this.#headers.headerLength(unit))
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      this.#unreadable++
      return 0
    }
  }

  /** Parameter sets that cannot be read matter only to the slices that refer to them. */
  #learn(unit: Uint8Array): void {
    try {
      this.#headers.learn(unit)
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
    }
  }
}

// Data partitions (types 2 to 4) exist in the extended profile only, which nobody plays: they stay clear.
function avcKindOf(first: number): 'slice' | 'parameters' | undefined {
  const type = avcTypeOf(first)
  if (type === AVC_NAL.SLICE || type === AVC_NAL.IDR) return 'slice'
  return type === AVC_NAL.SPS || type === AVC_NAL.PPS ? 'parameters' : undefined
}

function hevcKindOf(first: number): 'slice' | 'parameters' | undefined {
  const type = hevcTypeOf(first)
  if (type <= HEVC_NAL.LAST_VCL) return 'slice'
  return type === HEVC_NAL.SPS || type === HEVC_NAL.PPS ? 'parameters' : undefined
}
