/** The decoder configuration record of H.265, `hvcC`: ISO/IEC 14496-15 section 8.3.3. */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { HEVC_NAL, type HevcProfile, hevcNalType, readHevcSps } from './bitstream.ts'

/** Arrays of NAL units in a record; there are about eight types. */
const MAX_ARRAYS = 32
/** NAL units of all arrays. */
const MAX_CONFIG_UNITS = 256

export interface HevcConfig extends HevcProfile {
  readonly minSpatialSegmentation: number
  readonly parallelism: number
  readonly chromaFormat: number
  readonly bitDepth: number
  readonly bitDepthChroma: number
  /** Frames in 256 seconds; 0: not said. */
  readonly averageFrameRate: number
  readonly constantFrameRate: number
  readonly temporalLayers: number
  readonly temporalIdNested: boolean
  /** Bytes of each NAL unit length: 1, 2 or 4. */
  readonly lengthSize: number
  readonly arrays: readonly {
    readonly complete: boolean
    readonly type: number
    readonly units: readonly Uint8Array[]
  }[]
}

/** Throws FormatError for another version or units that leave the record. The units are views. */
export function readHevcConfig(config: Uint8Array): HevcConfig {
  const reader = new ByteReader(config)
  const version = reader.u8()
  // Encoders of before the standard was final write version 0.
  if (version > 1) throw new FormatError('ERR_CODEC_CONFIG', `expected hvcC version 1, found ${version}`, 0)
  const profile = reader.u8()
  const fixed = {
    space: profile >> 6,
    tier: (profile >> 5) & 1,
    profile: profile & 0x1f,
    compatibility: reader.u32(),
    constraints: reader.view(6),
    level: reader.u8(),
    minSpatialSegmentation: reader.u16() & 0xfff,
    parallelism: reader.u8() & 3,
    chromaFormat: reader.u8() & 3,
    bitDepth: (reader.u8() & 7) + 8,
    bitDepthChroma: (reader.u8() & 7) + 8,
    averageFrameRate: reader.u16(),
  }
  const layers = reader.u8()
  if ((layers & 3) === 2)
    throw new FormatError('ERR_CODEC_CONFIG', 'expected NAL unit lengths of 1, 2 or 4 bytes, found 3', 21)
  return {
    ...fixed,
    constantFrameRate: layers >> 6,
    temporalLayers: (layers >> 3) & 7,
    temporalIdNested: (layers & 4) !== 0,
    lengthSize: (layers & 3) + 1,
    arrays: readArrays(reader),
  }
}

export function writeHevcConfig(config: HevcConfig): Uint8Array {
  const writer = new ByteWriter()
  writer.u8(1)
  writer.u8((config.space << 6) | (config.tier << 5) | config.profile)
  writer.u32(config.compatibility)
  writer.bytes(config.constraints)
  writer.u8(config.level)
  writer.u16(0xf000 | config.minSpatialSegmentation)
  writer.u8(0xfc | config.parallelism)
  writer.u8(0xfc | config.chromaFormat)
  writer.u8(0xf8 | (config.bitDepth - 8))
  writer.u8(0xf8 | (config.bitDepthChroma - 8))
  writer.u16(config.averageFrameRate)
  const nested = config.temporalIdNested ? 4 : 0
  writer.u8((config.constantFrameRate << 6) | (config.temporalLayers << 3) | nested | (config.lengthSize - 1))
  writer.u8(config.arrays.length)
  for (const { complete, type, units } of config.arrays) {
    writer.u8((complete ? 0x80 : 0) | type).u16(units.length)
    for (const unit of units) writer.u16(unit.byteLength).bytes(unit)
  }
  return writer.toBytes()
}

/** The units of one type in a record, in order. */
export function hevcConfigUnits(config: HevcConfig, type: number): Uint8Array[] {
  return config.arrays.filter((array) => array.type === type).flatMap((array) => array.units)
}

/** The record for parameter sets that came in the stream. Throws FormatError when there is no SPS or it cannot be read. */
export function hevcConfigOf(
  vps: readonly Uint8Array[],
  sps: readonly Uint8Array[],
  pps: readonly Uint8Array[],
): HevcConfig {
  const first = sps[0]
  if (first === undefined) throw new FormatError('ERR_CODEC_CONFIG', 'expected a sequence parameter set, found none')
  const { general, chromaFormat, bitDepth, bitDepthChroma, temporalLayers, temporalIdNested } = readHevcSps(first)
  return {
    ...general,
    minSpatialSegmentation: 0,
    parallelism: 0,
    chromaFormat,
    bitDepth,
    bitDepthChroma,
    averageFrameRate: 0,
    constantFrameRate: 0,
    temporalLayers,
    temporalIdNested,
    lengthSize: 4,
    arrays: [vps, sps, pps]
      .filter((units) => units.length > 0)
      .map((units) => ({ complete: true, type: hevcNalType(units[0] ?? EMPTY), units })),
  }
}

const EMPTY = new Uint8Array(0)

/** The first SPS of a record, or `undefined`. */
export function hevcConfigSps(config: HevcConfig): Uint8Array | undefined {
  return hevcConfigUnits(config, HEVC_NAL.SPS)[0]
}

function readArrays(reader: ByteReader): { complete: boolean; type: number; units: Uint8Array[] }[] {
  const arrays: { complete: boolean; type: number; units: Uint8Array[] }[] = []
  const count = reader.u8()
  if (count > MAX_ARRAYS)
    throw new FormatError('ERR_CODEC_CONFIG', `expected at most ${MAX_ARRAYS} arrays in hvcC, found ${count}`, 22)
  let total = 0
  for (let i = 0; i < count; i++) {
    const head = reader.u8()
    const unitCount = reader.u16()
    total += unitCount
    if (total > MAX_CONFIG_UNITS) {
      throw new FormatError(
        'ERR_CODEC_CONFIG',
        `expected at most ${MAX_CONFIG_UNITS} NAL units in hvcC, found ${total}`,
        reader.offset,
      )
    }
    const units: Uint8Array[] = []
    for (let u = 0; u < unitCount; u++) units.push(reader.view(reader.u16()))
    arrays.push({ complete: (head & 0x80) !== 0, type: head & 0x3f, units })
  }
  return arrays
}
