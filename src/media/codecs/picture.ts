/** What the parameter sets of all video codecs have in common: a bounded picture size, and the colour description of VUI. */
import { FormatError } from '../../errors.ts'
import type { BitReader } from '../bytes/bit-reader.ts'
import type { ColorInfo } from '../track.ts'

/** Pixels, in each direction. Larger pictures exist on paper only. */
export const MAX_PICTURE_SIZE = 16_384

/** Throws FormatError unless both sizes are 1 to MAX_PICTURE_SIZE. */
export function checkPictureSize(codec: string, width: number, height: number): void {
  if (width >= 1 && height >= 1 && width <= MAX_PICTURE_SIZE && height <= MAX_PICTURE_SIZE) return
  const message = `expected a ${codec} picture of 1 to ${MAX_PICTURE_SIZE} pixels each way, found ${width}x${height}`
  throw new FormatError('ERR_CODEC_PICTURE_SIZE', message)
}

/** video_signal_type and its colour description, as H.264 section E.1.1 and H.265 section E.2.1 share them. */
export function readVideoSignalType(bits: BitReader): ColorInfo {
  bits.skip(3) // video_format
  const fullRange = bits.flag()
  if (!bits.flag()) return { fullRange }
  return { primaries: bits.bits(8), transfer: bits.bits(8), matrix: bits.bits(8), fullRange }
}

/** Pictures a second from the ticks of a clock, or `undefined` when they make no sense. */
export function frameRateOf(ticksPerSecond: number, ticksPerFrame: number): number | undefined {
  if (ticksPerSecond === 0 || ticksPerFrame === 0) return undefined
  const rate = ticksPerSecond / ticksPerFrame
  return rate >= 0.01 && rate <= 1000 ? rate : undefined
}
