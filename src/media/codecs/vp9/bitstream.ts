/** The uncompressed header of VP9 frames: VP9 Bitstream & Decoding Process Specification section 6.2. */
import { FormatError } from '../../../errors.ts'
import { BitReader } from '../../bytes/bit-reader.ts'
import { checkPictureSize } from '../picture.ts'

const FRAME_MARKER = 2
const SYNC_CODE = 0x49_83_42
const COLOR_SPACE_RGB = 7

export interface Vp9KeyFrame {
  readonly profile: number
  readonly width: number
  readonly height: number
  readonly bitDepth: number
  /** As vpcC writes it: 1 is 4:2:0 with colocated samples, 2 is 4:2:2, 3 is 4:4:4. */
  readonly chromaSubsampling: number
  readonly fullRange: boolean
}

/** The header of a key frame, `undefined` for any other frame. Throws FormatError for anything cut short or out of range. */
export function readVp9KeyFrame(frame: Uint8Array): Vp9KeyFrame | undefined {
  const bits = new BitReader(frame)
  if (bits.bits(2) !== FRAME_MARKER) throw new FormatError('ERR_CODEC_BITSTREAM', 'expected the frame marker of VP9', 0)
  const profile = bits.bits(1) + bits.bits(1) * 2
  if (profile === 3) bits.skip(1)
  if (bits.flag()) return undefined // show_existing_frame
  if (bits.flag()) return undefined // frame_type: not a key frame
  bits.skip(2) // show_frame, error_resilient_mode
  if (bits.bits(24) !== SYNC_CODE)
    throw new FormatError('ERR_CODEC_BITSTREAM', 'expected the sync code of a VP9 key frame', 1)
  const color = readColorConfig(bits, profile)
  const width = bits.bits(16) + 1
  const height = bits.bits(16) + 1
  checkPictureSize('VP9', width, height)
  return { profile, width, height, ...color }
}

function readColorConfig(bits: BitReader, profile: number) {
  const bitDepth = profile >= 2 ? (bits.flag() ? 12 : 10) : 8
  const colorSpace = bits.bits(3)
  const choosesSubsampling = profile === 1 || profile === 3
  if (colorSpace === COLOR_SPACE_RGB) {
    if (choosesSubsampling) bits.skip(1)
    return { bitDepth, chromaSubsampling: 3, fullRange: true }
  }
  const fullRange = bits.flag()
  if (!choosesSubsampling) return { bitDepth, chromaSubsampling: 1, fullRange }
  const subsamplingX = bits.bits(1)
  const subsamplingY = bits.bits(1)
  bits.skip(1)
  return { bitDepth, chromaSubsampling: subsamplingX === 0 ? 3 : subsamplingY === 0 ? 2 : 1, fullRange }
}
