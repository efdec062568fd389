/** Frames of MPEG audio layer III (ISO/IEC 11172-3, 13818-3) as they follow each other in a file. */
import { FormatError } from '../../../errors.ts'
import { type Mp3Header, readMp3Header } from '../../codecs/mp3/bitstream.ts'
import { findFirstFrame } from '../bare-sound/first-frame.ts'
import type { BareFrameFormat } from '../bare-sound/frame-walk.ts'

const HEADER_SIZE = 4

/** Frames of any stream of layer III. */
export const ANY_MP3: BareFrameFormat = { syncByte: 0xff, headerSize: HEADER_SIZE, sizeAt: frameSizeAt }

/** Whether bytes begin with frames of layer III that follow each other. */
export function isMp3(head: Uint8Array): boolean {
  return findFirstFrame(head, ANY_MP3, 1) === 0
}

/** Frames of the stream to which a header belongs: the same version and rate. */
export function mp3FramesLike({ version, sampleRate }: Mp3Header): BareFrameFormat {
  return {
    ...ANY_MP3,
    sizeAt(bytes, at) {
      const header = mp3HeaderAt(bytes, at)
      return header?.version === version && header.sampleRate === sampleRate ? (header.frameSize ?? 0) : 0
    },
  }
}

function frameSizeAt(bytes: Uint8Array, at: number): number {
  return mp3HeaderAt(bytes, at)?.frameSize ?? 0
}

/** `undefined` where no frame of layer III of known size begins. */
export function mp3HeaderAt(bytes: Uint8Array, at: number): Mp3Header | undefined {
  // Asked for at many places that are none: without an exception for each.
  if (bytes[at] !== 0xff || ((bytes[at + 1] as number) & 0xe6) !== 0xe2) return undefined
  try {
    const header = readMp3Header(bytes, at)
    return header?.layer === 3 && (header.frameSize ?? 0) >= HEADER_SIZE ? header : undefined
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
