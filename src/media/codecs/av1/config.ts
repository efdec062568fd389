/** The codec configuration record of AV1, `av1C`: AV1 Codec ISO Media File Format Binding section 2.3. */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { AV1_OBU, obus } from './bitstream.ts'
import { readAv1SequenceHeader } from './sequence-header.ts'

const MARKER_AND_VERSION = 0x81

export interface Av1Config {
  readonly profile: number
  readonly level: number
  readonly tier: number
  readonly bitDepth: number
  readonly monochrome: boolean
  readonly subsamplingX: number
  readonly subsamplingY: number
  readonly chromaSamplePosition: number
  /** The low five bits of the byte about the initial presentation delay. */
  readonly presentationDelay: number
  /** The sequence header OBU and perhaps metadata OBUs. */
  readonly obus: Uint8Array
}

/** Throws FormatError for another version or a record cut short. `obus` is a view. */
export function readAv1Config(config: Uint8Array): Av1Config {
  const reader = new ByteReader(config)
  const version = reader.u8()
  if (version !== MARKER_AND_VERSION) {
    throw new FormatError(
      'ERR_CODEC_CONFIG',
      `expected av1C marker and version ${MARKER_AND_VERSION}, found ${version}`,
      0,
    )
  }
  const profileAndLevel = reader.u8()
  const flags = reader.u8()
  return {
    profile: profileAndLevel >> 5,
    level: profileAndLevel & 0x1f,
    tier: flags >> 7,
    bitDepth: (flags & 0x40) === 0 ? 8 : (flags & 0x20) === 0 ? 10 : 12,
    monochrome: (flags & 0x10) !== 0,
    subsamplingX: (flags >> 3) & 1,
    subsamplingY: (flags >> 2) & 1,
    chromaSamplePosition: flags & 3,
    presentationDelay: reader.u8() & 0x1f,
    obus: reader.rest(),
  }
}

export function writeAv1Config(config: Av1Config): Uint8Array {
  const writer = new ByteWriter()
  writer.u8(MARKER_AND_VERSION)
  writer.u8((config.profile << 5) | config.level)
  writer.u8(
    (config.tier << 7) |
      (config.bitDepth > 8 ? 0x40 : 0) |
      (config.bitDepth > 10 ? 0x20 : 0) |
      (config.monochrome ? 0x10 : 0) |
      (config.subsamplingX << 3) |
      (config.subsamplingY << 2) |
      config.chromaSamplePosition,
  )
  writer.u8(config.presentationDelay)
  writer.bytes(config.obus)
  return writer.toBytes()
}

/** The record for a stream that begins with this sequence header OBU (with header and size field). Throws FormatError. */
export function av1ConfigOf(sequenceHeader: Uint8Array): Av1Config {
  const header = obus(sequenceHeader).find((unit) => unit.type === AV1_OBU.SEQUENCE_HEADER)
  if (header === undefined) throw new FormatError('ERR_CODEC_CONFIG', 'expected an AV1 sequence header OBU, found none')
  return { ...readAv1SequenceHeader(header.payload), presentationDelay: 0, obus: sequenceHeader }
}
