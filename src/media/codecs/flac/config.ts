/** STREAMINFO of FLAC (RFC 9639 section 8.2) and the specific box `dfLa` that holds it (Encapsulation of FLAC in ISO BMFF). */
import { FormatError } from '../../../errors.ts'
import { BitReader } from '../../bytes/bit-reader.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'

const STREAMINFO = 0
const STREAMINFO_SIZE = 34
const LAST_BLOCK = 0x80
const STREAM_MARKER = 'fLaC'

export interface FlacStreamInfo {
  readonly minBlockSize: number
  readonly maxBlockSize: number
  readonly sampleRate: number
  readonly channels: number
  readonly bitDepth: number
}

/** Reads the STREAMINFO that a config begins with. Throws FormatError when it is cut short, of another type or without a sample rate. */
export function readFlacConfig(config: Uint8Array): FlacStreamInfo {
  const reader = new ByteReader(config)
  const type = reader.u8() & 0x7f
  const size = reader.u24()
  if (type !== STREAMINFO || size !== STREAMINFO_SIZE) {
    throw new FormatError(
      'ERR_CODEC_CONFIG',
      `expected STREAMINFO of ${STREAMINFO_SIZE} bytes, found block type ${type} of ${size} bytes`,
      0,
    )
  }
  const bits = new BitReader(reader.view(STREAMINFO_SIZE))
  const minBlockSize = bits.bits(16)
  const maxBlockSize = bits.bits(16)
  bits.skip(24 + 24) // frame sizes
  const sampleRate = bits.bits(20)
  if (sampleRate === 0) throw new FormatError('ERR_CODEC_CONFIG', 'expected a FLAC sample rate, found 0', 14)
  return { minBlockSize, maxBlockSize, sampleRate, channels: bits.bits(3) + 1, bitDepth: bits.bits(5) + 1 }
}

/** A config with these parameters and no checksum. */
export function writeFlacConfig(info: FlacStreamInfo): Uint8Array {
  const writer = new ByteWriter()
  writer.u8(LAST_BLOCK | STREAMINFO).u24(STREAMINFO_SIZE)
  writer.u16(info.minBlockSize)
  writer.u16(info.maxBlockSize)
  writer.zeros(6)
  // 20 bits of rate, 3 of channels, 5 of depth, and 36 of a length that is not known.
  writer.u32(((info.sampleRate << 12) | ((info.channels - 1) << 9) | ((info.bitDepth - 1) << 4)) >>> 0)
  writer.zeros(4 + 16)
  return writer.toBytes()
}

/** Config from what a source sends: metadata blocks, with or without the stream marker in front. A view; STREAMINFO must come first. */
export function flacConfigOf(header: Uint8Array): Uint8Array {
  const marked = header.byteLength >= 4 && new ByteReader(header).latin1(4) === STREAM_MARKER
  const blocks = marked ? header.subarray(STREAM_MARKER.length) : header
  // A bare STREAMINFO without block header.
  if (blocks.byteLength === STREAMINFO_SIZE) {
    return new ByteWriter()
      .u8(LAST_BLOCK | STREAMINFO)
      .u24(STREAMINFO_SIZE)
      .bytes(blocks)
      .toBytes()
  }
  return blocks
}

/** The header of a native FLAC stream: marker and metadata blocks. */
export function flacStreamHeader(config: Uint8Array): Uint8Array {
  return new ByteWriter().latin1(STREAM_MARKER).bytes(config).toBytes()
}
