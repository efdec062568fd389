/** The decoder configuration record of H.264, `avcC`: ISO/IEC 14496-15 section 5.3.3. */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { readAvcSps } from './bitstream.ts'

export interface AvcConfig {
  readonly profile: number
  /** The constraint flags, as one byte. */
  readonly compatibility: number
  readonly level: number
  /** Bytes of each NAL unit length: 1, 2 or 4. */
  readonly lengthSize: number
  readonly sps: readonly Uint8Array[]
  readonly pps: readonly Uint8Array[]
  /** What profiles from High on append; kept as it is. */
  readonly extension: Uint8Array
}

/** Throws FormatError for another version, no SPS, or sets that leave the record. The sets are views. */
export function readAvcConfig(config: Uint8Array): AvcConfig {
  const reader = new ByteReader(config)
  const version = reader.u8()
  if (version !== 1) throw new FormatError('ERR_CODEC_CONFIG', `expected avcC version 1, found ${version}`, 0)
  const record = {
    profile: reader.u8(),
    compatibility: reader.u8(),
    level: reader.u8(),
    lengthSize: (reader.u8() & 3) + 1,
    sps: readSets(reader, reader.u8() & 0x1f),
    pps: readSets(reader, reader.u8()),
    extension: reader.rest(),
  }
  if (record.lengthSize === 3)
    throw new FormatError('ERR_CODEC_CONFIG', 'expected NAL unit lengths of 1, 2 or 4 bytes, found 3', 4)
  if (record.sps.length === 0)
    throw new FormatError('ERR_CODEC_CONFIG', 'expected a sequence parameter set in avcC, found none', 5)
  return record
}

export function writeAvcConfig(config: AvcConfig): Uint8Array {
  const writer = new ByteWriter()
  writer.u8(1).u8(config.profile).u8(config.compatibility).u8(config.level)
  writer.u8(0xfc | (config.lengthSize - 1))
  writer.u8(0xe0 | config.sps.length)
  for (const set of config.sps) writer.u16(set.byteLength).bytes(set)
  writer.u8(config.pps.length)
  for (const set of config.pps) writer.u16(set.byteLength).bytes(set)
  writer.bytes(config.extension)
  return writer.toBytes()
}

/** The record for parameter sets that came in the stream (RTP, MPEG-TS). Throws FormatError when the first SPS is not one. */
export function avcConfigOf(sps: readonly Uint8Array[], pps: readonly Uint8Array[]): AvcConfig {
  const first = sps[0]
  if (first === undefined) throw new FormatError('ERR_CODEC_CONFIG', 'expected a sequence parameter set, found none')
  const { profile, compatibility, level, chromaFormat, bitDepth, bitDepthChroma } = readAvcSps(first)
  const high = profile === 100 || profile === 110 || profile === 122 || profile === 144
  const extension = high
    ? Uint8Array.of(0xfc | chromaFormat, 0xf8 | (bitDepth - 8), 0xf8 | (bitDepthChroma - 8), 0)
    : new Uint8Array(0)
  return { profile, compatibility, level, lengthSize: 4, sps, pps, extension }
}

function readSets(reader: ByteReader, count: number): Uint8Array[] {
  const sets: Uint8Array[] = []
  for (let i = 0; i < count; i++) sets.push(reader.view(reader.u16()))
  return sets
}
