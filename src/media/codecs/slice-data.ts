/** Where the slice data of H.264 and H.265 pictures lies: all of a packet that may be encrypted (ISO/IEC 14496-15, 23001-7 section 10.3). */
import { FormatError } from '../../errors.ts'
import { AVC_NAL, avcNalType } from './h264/bitstream.ts'
import { readAvcConfig } from './h264/config.ts'
import { AvcSliceHeaders } from './h264/slice-header.ts'
import { HEVC_NAL, hevcNalType } from './h265/bitstream.ts'
import { readHevcConfig } from './h265/config.ts'
import { HevcSliceHeaders } from './h265/slice-header.ts'
import { nalUnits } from './nal-units.ts'

interface SliceHeaders {
  learn(unit: Uint8Array): void
  headerLength(unit: Uint8Array): number
}

/** Takes the packets of one track in decoding order, beginning with its configuration. */
export class SliceData {
  readonly #headers: SliceHeaders
  readonly #isSlice: (unit: Uint8Array) => boolean
  #unreadable = 0

  /** `config`: avcC or hvcC. Throws FormatError for one that cannot be read. */
  constructor(codec: 'h264' | 'h265', config: Uint8Array) {
    if (codec === 'h264') {
      this.#headers = new AvcSliceHeaders()
      // Data partitions (types 2 to 4) exist in the extended profile only, which nobody plays: they stay clear.
      this.#isSlice = (unit) => avcNalType(unit) === AVC_NAL.SLICE || avcNalType(unit) === AVC_NAL.IDR
      const { sps, pps } = readAvcConfig(config)
      for (const unit of [...sps, ...pps]) this.#headers.learn(unit)
    } else {
      this.#headers = new HevcSliceHeaders()
      this.#isSlice = (unit) => hevcNalType(unit) <= HEVC_NAL.LAST_VCL
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
    for (const unit of nalUnits(data)) {
      // The walk passes empty units over: their lengths belong to the next piece.
      const end = unit.byteOffset - data.byteOffset + unit.byteLength
      const rest = this.#restOf(unit)
      piece(end - at - rest, rest)
      at = end
    }
    if (at < data.byteLength) piece(data.byteLength - at, 0)
  }

  #restOf(unit: Uint8Array): number {
    if (!this.#isSlice(unit)) {
      this.#learn(unit)
      return 0
    }
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
