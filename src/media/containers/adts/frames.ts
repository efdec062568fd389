/** Frames of AAC in ADTS (ISO/IEC 14496-3 section 1.A.2) as they follow each other in a file. */
import { ADTS_HEADER_SIZE } from '../../codecs/aac/adts.ts'
import { findFirstFrame } from '../bare-sound/first-frame.ts'
import type { BareFrameFormat } from '../bare-sound/frame-walk.ts'

/** Of the second to fourth byte of the header: version, object type, rate and channels, which are the same in all frames of a stream. */
const FIXED_BITS = [0xfe, 0xfd, 0xc0] as const

/** Frames of any ADTS stream. */
export const ANY_ADTS: BareFrameFormat = { syncByte: 0xff, headerSize: ADTS_HEADER_SIZE, sizeAt: frameSizeAt }

/** Whether bytes begin with ADTS frames that follow each other. */
export function isAdts(head: Uint8Array): boolean {
  return findFirstFrame(head, ANY_ADTS, 1) === 0
}

/** Frames of the stream to which this header belongs. */
export function adtsFramesLike(header: Uint8Array): BareFrameFormat {
  const [, first = 0, second = 0, third = 0] = header
  return {
    ...ANY_ADTS,
    sizeAt(bytes, at) {
      const isSame =
        (((bytes[at + 1] as number) ^ first) & FIXED_BITS[0]) === 0 &&
        (((bytes[at + 2] as number) ^ second) & FIXED_BITS[1]) === 0 &&
        (((bytes[at + 3] as number) ^ third) & FIXED_BITS[2]) === 0
      return isSame ? frameSizeAt(bytes, at) : 0
    },
  }
}

/** Without an object: a file of an hour has 170 000 frames. Frames of several blocks are not told apart (see `readAdtsHeader`). */
function frameSizeAt(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== 0xff) return 0
  const [b1 = 0, b2 = 0, b3 = 0, b4 = 0, b5 = 0, b6 = 0] = [
    bytes[at + 1],
    bytes[at + 2],
    bytes[at + 3],
    bytes[at + 4],
    bytes[at + 5],
    bytes[at + 6],
  ]
  const isHeader = (b1 & 0xf6) === 0xf0 && ((b2 >> 2) & 15) <= 12 && (b6 & 3) === 0
  const size = ((b3 & 3) << 11) | (b4 << 3) | (b5 >> 5)
  const headerSize = (b1 & 1) === 1 ? ADTS_HEADER_SIZE : ADTS_HEADER_SIZE + 2
  return isHeader && size > headerSize ? size : 0
}
