/** The frame header of FLAC: RFC 9639 section 9.1. */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'

const SYNC_CODE = 0x3ffe

/** Samples of a frame. Throws FormatError for anything cut short or not a frame. */
export function flacFrameSamples(frame: Uint8Array): number {
  const reader = new ByteReader(frame)
  if (reader.u16() >> 2 !== SYNC_CODE)
    throw new FormatError('ERR_CODEC_BITSTREAM', 'expected the sync code of a FLAC frame', 0)
  const code = reader.u8() >> 4
  if (code === 1) return 192
  if (code >= 2 && code <= 5) return 576 << (code - 2)
  if (code >= 8) return 256 << (code - 8)
  if (code === 0) throw new FormatError('ERR_CODEC_BITSTREAM', 'expected a FLAC block size, found the reserved code', 2)
  reader.skip(1)
  reader.skip(codedNumberSize(reader.u8()) - 1)
  return (code === 6 ? reader.u8() : reader.u16()) + 1
}

/** Bytes of the frame or sample number, coded like UTF-8 but up to 36 bits. */
function codedNumberSize(first: number): number {
  if (first < 0x80) return 1
  const size = Math.clz32(~(first << 24))
  if (size < 2 || size > 7)
    throw new FormatError('ERR_CODEC_BITSTREAM', 'expected a coded number in a FLAC frame header', 4)
  return size
}
