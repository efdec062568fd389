/** The header of VP8 frames: RFC 6386 section 9.1. */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { checkPictureSize } from '../picture.ts'

const START_CODE = 0x9d_01_2a

/** The size of a key frame in pixels, `undefined` for any other frame. Throws FormatError for anything cut short. */
export function readVp8KeyFrame(frame: Uint8Array): { width: number; height: number } | undefined {
  const reader = new ByteReader(frame)
  if ((reader.u24le() & 1) !== 0) return undefined
  if (reader.u24() !== START_CODE)
    throw new FormatError('ERR_CODEC_BITSTREAM', 'expected the start code of a VP8 key frame', 3)
  const width = reader.u16le() & 0x3fff
  const height = reader.u16le() & 0x3fff
  checkPictureSize('VP8', width, height)
  return { width, height }
}
