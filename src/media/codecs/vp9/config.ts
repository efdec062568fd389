/** The codec configuration record of VP8 and VP9, `vpcC` version 1: VP Codec ISO Media File Format Binding. */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'

const RECORD_SIZE = 8
/** Version and flags of the box: not part of the record, but some sources send them along. */
const FULL_BOX_HEADER = [1, 0, 0, 0] as const

export interface VpxConfig {
  readonly profile: number
  /** Ten times the level; 0: not said. */
  readonly level: number
  readonly bitDepth: number
  readonly chromaSubsampling: number
  readonly fullRange: boolean
  readonly primaries: number
  readonly transfer: number
  readonly matrix: number
  /** Always empty for VP8 and VP9. */
  readonly initializationData: Uint8Array
}

/** Reads the record with or without the version and flags of its box. Throws FormatError when it is cut short. */
export function readVpxConfig(config: Uint8Array): VpxConfig {
  const reader = new ByteReader(config)
  if (
    config.byteLength >= RECORD_SIZE + FULL_BOX_HEADER.length &&
    FULL_BOX_HEADER.every((byte, i) => config[i] === byte)
  ) {
    reader.skip(FULL_BOX_HEADER.length)
  }
  const profile = reader.u8()
  const level = reader.u8()
  const format = reader.u8()
  const bitDepth = format >> 4
  if (bitDepth !== 8 && bitDepth !== 10 && bitDepth !== 12) {
    throw new FormatError('ERR_CODEC_CONFIG', `expected a bit depth of 8, 10 or 12 in vpcC, found ${bitDepth}`, 2)
  }
  return {
    profile,
    level,
    bitDepth,
    chromaSubsampling: (format >> 1) & 7,
    fullRange: (format & 1) === 1,
    primaries: reader.u8(),
    transfer: reader.u8(),
    matrix: reader.u8(),
    initializationData: reader.view(reader.u16()),
  }
}

/** The record alone, without version and flags of the box. */
export function writeVpxConfig(config: VpxConfig): Uint8Array {
  const writer = new ByteWriter()
  writer.u8(config.profile)
  writer.u8(config.level)
  writer.u8((config.bitDepth << 4) | (config.chromaSubsampling << 1) | (config.fullRange ? 1 : 0))
  writer.u8(config.primaries)
  writer.u8(config.transfer)
  writer.u8(config.matrix)
  writer.u16(config.initializationData.byteLength).bytes(config.initializationData)
  return writer.toBytes()
}
