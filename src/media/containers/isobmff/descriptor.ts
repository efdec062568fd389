/** The elementary stream descriptor in `esds` (ISO/IEC 14496-1 section 7.2.6, ISO/IEC 14496-14 section 5.6). */
import { FormatError } from '../../../errors.ts'
import type { ByteReader } from '../../bytes/byte-reader.ts'
import type { ByteWriter } from '../../bytes/byte-writer.ts'

const ES_DESCRIPTOR = 0x03
const DECODER_CONFIG_DESCRIPTOR = 0x04
const DECODER_SPECIFIC_INFO = 0x05
const SL_CONFIG_DESCRIPTOR = 0x06
const STREAM_TYPE_AUDIO = 0x05
/** Predefined sync layer configuration for MP4 files. */
const SL_CONFIG_MP4 = 0x02

/** What `esds` says of a stream of `mp4a`. */
export interface ElementaryStream {
  /** 0x40 for AAC, 0x6B and 0x69 for MP3. */
  readonly objectType: number
  /** AudioSpecificConfig, for AAC. */
  readonly decoderInfo?: Uint8Array
  /** Bits a second, 0 when unknown. */
  readonly bitrateBps: number
}

/** The content of `esds` after version and flags. `decoderInfo` is a view. */
export function readElementaryStream(reader: ByteReader): ElementaryStream {
  const stream = openDescriptor(reader, ES_DESCRIPTOR)
  stream.skip(2)
  const flags = stream.u8()
  if ((flags & 0x80) !== 0) stream.skip(2)
  if ((flags & 0x40) !== 0) stream.skip(stream.u8())
  if ((flags & 0x20) !== 0) stream.skip(2)
  const decoder = openDescriptor(stream, DECODER_CONFIG_DESCRIPTOR)
  const objectType = decoder.u8()
  decoder.skip(4)
  const maxBitrate = decoder.u32()
  const bitrateBps = decoder.u32() || maxBitrate
  if (decoder.remaining === 0) return { objectType, bitrateBps }
  return { objectType, bitrateBps, decoderInfo: openDescriptor(decoder, DECODER_SPECIFIC_INFO).rest() }
}

/** Writes the content of `esds` after version and flags. */
export function writeElementaryStream(writer: ByteWriter, stream: ElementaryStream): void {
  const infoBytes = stream.decoderInfo === undefined ? 0 : descriptorBytes(stream.decoderInfo.byteLength)
  const decoderBytes = 13 + infoBytes
  writeDescriptorHeader(writer, ES_DESCRIPTOR, 3 + descriptorBytes(decoderBytes) + descriptorBytes(1))
  writer.u16(0).u8(0)
  writeDescriptorHeader(writer, DECODER_CONFIG_DESCRIPTOR, decoderBytes)
  writer
    .u8(stream.objectType)
    .u8((STREAM_TYPE_AUDIO << 2) | 1)
    .u24(0)
    .u32(stream.bitrateBps)
    .u32(stream.bitrateBps)
  if (stream.decoderInfo !== undefined) {
    writeDescriptorHeader(writer, DECODER_SPECIFIC_INFO, stream.decoderInfo.byteLength)
    writer.bytes(stream.decoderInfo)
  }
  writeDescriptorHeader(writer, SL_CONFIG_DESCRIPTOR, 1)
  writer.u8(SL_CONFIG_MP4)
}

/** Lengths are seven bits a byte, at most four bytes. */
function openDescriptor(reader: ByteReader, tag: number): ByteReader {
  const at = reader.offset
  const found = reader.u8()
  if (found !== tag) throw new FormatError('ERR_MP4_DESCRIPTOR', `expected descriptor ${tag}, found ${found}`, at)
  let length = 0
  for (let i = 0; i < 4; i++) {
    const byte = reader.u8()
    length = length * 128 + (byte & 0x7f)
    if (byte < 0x80) break
  }
  // Some writers count too many bytes in the outer descriptors; the box is the true end.
  return reader.sub(tag === DECODER_SPECIFIC_INFO ? length : Math.min(length, reader.remaining))
}

function writeDescriptorHeader(writer: ByteWriter, tag: number, length: number): void {
  writer.u8(tag)
  for (let shift = 7 * (lengthBytes(length) - 1); shift > 0; shift -= 7) writer.u8(0x80 | ((length >> shift) & 0x7f))
  writer.u8(length & 0x7f)
}

function descriptorBytes(length: number): number {
  return 1 + lengthBytes(length) + length
}

function lengthBytes(length: number): number {
  if (length < 1 << 7) return 1
  if (length < 1 << 14) return 2
  return length < 1 << 21 ? 3 : 4
}
