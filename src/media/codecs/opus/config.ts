/** The Opus specific box, `dOps` (Encapsulation of Opus in ISO BMFF section 4.3.2), and the identification header `OpusHead` (RFC 7845 section 5.1). */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'

const OPUS_HEAD = 'OpusHead'

export interface OpusConfig {
  readonly channels: number
  /** Samples at 48 kHz to drop at the start. */
  readonly preSkip: number
  /** Of the sound before it was encoded; decoders put out 48 kHz. */
  readonly inputSampleRate: number
  /** 1/256 dB, signed. */
  readonly outputGain: number
  readonly mappingFamily: number
  /** Where `mappingFamily` is not 0. */
  readonly mapping?: { readonly streams: number; readonly coupled: number; readonly channels: Uint8Array }
}

/** Reads `dOps`. Throws FormatError for another version, no channels, or a record cut short. */
export function readOpusConfig(config: Uint8Array): OpusConfig {
  const reader = new ByteReader(config)
  const version = reader.u8()
  if (version !== 0) throw new FormatError('ERR_CODEC_CONFIG', `expected dOps version 0, found ${version}`, 0)
  const channels = checkChannels(reader.u8())
  return {
    channels,
    preSkip: reader.u16(),
    inputSampleRate: reader.u32(),
    outputGain: reader.i16(),
    ...readMapping(reader, channels),
  }
}

export function writeOpusConfig(config: OpusConfig): Uint8Array {
  const writer = new ByteWriter()
  writer.u8(0)
  writer.u8(config.channels)
  writer.u16(config.preSkip)
  writer.u32(config.inputSampleRate)
  writer.i16(config.outputGain)
  writeMapping(writer, config)
  return writer.toBytes()
}

/** Reads `OpusHead`. Throws FormatError when the magic is missing, the version is incompatible, or it is cut short. */
export function readOpusHead(head: Uint8Array): OpusConfig {
  const reader = new ByteReader(head)
  if (!isOpusHead(head)) throw new FormatError('ERR_CODEC_CONFIG', 'expected OpusHead', 0)
  reader.skip(OPUS_HEAD.length)
  const version = reader.u8()
  if (version > 15) throw new FormatError('ERR_CODEC_CONFIG', `expected OpusHead version 1, found ${version}`, 8)
  const channels = checkChannels(reader.u8())
  return {
    channels,
    preSkip: reader.u16le(),
    inputSampleRate: reader.u32le(),
    outputGain: reader.i16le(),
    ...readMapping(reader, channels),
  }
}

export function writeOpusHead(config: OpusConfig): Uint8Array {
  const writer = new ByteWriter()
  writer.latin1(OPUS_HEAD)
  writer.u8(1)
  writer.u8(config.channels)
  writer.u16le(config.preSkip)
  writer.u32le(config.inputSampleRate)
  writer.u16le(config.outputGain & 0xffff)
  writeMapping(writer, config)
  return writer.toBytes()
}

export function isOpusHead(bytes: Uint8Array): boolean {
  return bytes.byteLength >= OPUS_HEAD.length && new ByteReader(bytes).latin1(OPUS_HEAD.length) === OPUS_HEAD
}

function readMapping(reader: ByteReader, channels: number): Pick<OpusConfig, 'mappingFamily' | 'mapping'> {
  const mappingFamily = reader.u8()
  if (mappingFamily === 0) return { mappingFamily }
  return { mappingFamily, mapping: { streams: reader.u8(), coupled: reader.u8(), channels: reader.view(channels) } }
}

function writeMapping(writer: ByteWriter, { mappingFamily, mapping }: OpusConfig): void {
  writer.u8(mappingFamily)
  if (mapping !== undefined) writer.u8(mapping.streams).u8(mapping.coupled).bytes(mapping.channels)
}

function checkChannels(channels: number): number {
  if (channels === 0) throw new FormatError('ERR_CODEC_CONFIG', 'expected at least one channel of Opus, found none')
  return channels
}
