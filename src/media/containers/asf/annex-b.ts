/** H.264 between its form in ASF (Annex B of ITU-T H.264, parameter sets at key frames) and the canonical one. */
import { AVC_NAL, avcNalType } from '../../codecs/h264/bitstream.ts'
import { avcConfigOf, readAvcConfig, writeAvcConfig } from '../../codecs/h264/config.ts'
import { lengthPrefixedToAnnexB, nalUnits } from '../../codecs/nal-units.ts'
import type { Packet } from '../../packet.ts'
import { h264ParameterSets } from './track-format.ts'

const START_CODE_SIZE = 4

/** Gives packets of one track their start codes, and key frames their parameter sets: who starts there may have no header. */
export class ParameterSetWriter {
  #config: Uint8Array | undefined
  #sets: Uint8Array = new Uint8Array(0)

  /** The access unit in Annex B; a copy. Throws FormatError when the packet or its configuration is not canonical. */
  toAnnexB({ data, key, track: { config } }: Packet): Uint8Array {
    const plain = lengthPrefixedToAnnexB(data)
    if (!key || config === undefined) return plain
    if (config !== this.#config) {
      this.#sets = h264ParameterSets(config)
      this.#config = config
    }
    const units = nalUnits(data)
    if (units.some((unit) => avcNalType(unit) === AVC_NAL.SPS)) return plain
    const [first] = units
    // A delimiter is the first unit of an access unit or none at all.
    const at =
      first !== undefined && avcNalType(first) === AVC_NAL.ACCESS_UNIT_DELIMITER
        ? START_CODE_SIZE + first.byteLength
        : 0
    const out = new Uint8Array(plain.byteLength + this.#sets.byteLength)
    out.set(plain.subarray(0, at))
    out.set(this.#sets, at)
    out.set(plain.subarray(at), at + this.#sets.byteLength)
    return out
  }
}

/**
 * The `avcC` for the parameter sets that stand in a canonical packet, `undefined` when there are none or they are those of `config`.
 * Throws FormatError when they cannot be read.
 */
export function configInBand(data: Uint8Array, config: Uint8Array | undefined): Uint8Array | undefined {
  const units = nalUnits(data)
  const sps = units.filter((unit) => avcNalType(unit) === AVC_NAL.SPS)
  const pps = units.filter((unit) => avcNalType(unit) === AVC_NAL.PPS)
  if (sps.length === 0 || pps.length === 0) return undefined
  if (config !== undefined) {
    const known = readAvcConfig(config)
    if (isSubset(sps, known.sps) && isSubset(pps, known.pps)) return undefined
  }
  return writeAvcConfig(avcConfigOf(sps, pps))
}

function isSubset(units: readonly Uint8Array[], known: readonly Uint8Array[]): boolean {
  return units.every((unit) => known.some((other) => sameBytes(unit, other)))
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, at) => byte === b[at])
}
