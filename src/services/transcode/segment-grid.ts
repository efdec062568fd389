/** The fixed grid of segments a file is encoded on, so that segments made by different encoders fit together. */
import { FormatError } from '../../errors.ts'
import { MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import type { SegmentSpan } from '../../packaging/on-demand/presentation.ts'
import type { FrameRate } from './frame-rate.ts'

/*
 * Times are counted in whole frames, so that nothing is rounded twice. Segment i of the picture has the frames [i·K, (i+1)·K). The
 * sound's frames of 1024 samples lie on a grid of their own that begins at zero: segment i has those that begin in its time. K is chosen
 * so that both meet at each boundary where the frame rate lets them: 80 frames at 25 a second, 96 at 30 and 64 at 24 are 150, 150 and
 * 125 frames of sound at 48 kHz. At 29.97 a boundary of sound is up to a frame of it behind the one of the picture.
 */

/** Of all sound that is made. */
export const AUDIO_RATE = 48_000
/** Samples of an AAC frame (ISO/IEC 14496-3 section 4.5.1.1). */
export const AUDIO_FRAME = 1024
const WANTED_SECONDS = 3.2
const SHORTEST_SECONDS = 2.5
const LONGEST_SECONDS = 4.2
/** Of one file: 88 hours. */
const MAX_SEGMENTS = 100_000

/** What a segment holds: the frames from `first` up to but not including `end`. */
export interface FrameRange {
  readonly first: number
  readonly end: number
}

export interface SegmentGrid {
  readonly spans: readonly SegmentSpan[]
  /** Of the picture; `undefined` for sound alone. */
  readonly rate: FrameRate | undefined
  /** Frames of the picture in a segment. */
  readonly framesPerSegment: number
  /** Frames of the picture in all. */
  readonly frames: number
  readonly audioFrames: number
  video(index: number): FrameRange
  audio(index: number): FrameRange
}

/** Lays out a file. Throws FormatError ERR_TRANSCODE_NO_MEDIA for one without length, ERR_TRANSCODE_TOO_LONG. */
export function createGrid(duration: Micros, rate: FrameRate | undefined): SegmentGrid {
  if (!(duration > 0))
    throw new FormatError('ERR_TRANSCODE_NO_MEDIA', `expected a file of some length, found ${duration} µs`)
  // Sound alone is laid out in frames of sound.
  const step = rate ?? { frames: AUDIO_RATE, seconds: AUDIO_FRAME }
  const framesPerSegment = rate === undefined ? audioFramesPerSegment() : videoFramesPerSegment(rate)
  const frames = Math.max(1, Math.round((duration * step.frames) / (step.seconds * MICROS_PER_SECOND)))
  const count = Math.ceil(frames / framesPerSegment)
  if (count > MAX_SEGMENTS) {
    const hours = Math.floor((MAX_SEGMENTS * WANTED_SECONDS) / 3600)
    throw new FormatError('ERR_TRANSCODE_TOO_LONG', `expected a file of at most ${hours} hours, found ${duration} µs`)
  }
  const firstFrame = (index: number) => Math.min(frames, index * framesPerSegment)
  const firstAudio = (index: number) =>
    Math.ceil((firstFrame(index) * step.seconds * AUDIO_RATE) / (step.frames * AUDIO_FRAME))
  const spans = Array.from({ length: count }, (_, index): SegmentSpan => {
    const start = frameTime(firstFrame(index), step)
    return { start, duration: frameTime(firstFrame(index + 1), step) - start }
  })
  return {
    spans,
    rate,
    framesPerSegment,
    frames,
    audioFrames: firstAudio(count),
    video: (index) => ({ first: firstFrame(index), end: firstFrame(index + 1) }),
    audio: (index) => ({ first: firstAudio(index), end: firstAudio(index + 1) }),
  }
}

/** When a frame of the picture begins. */
export function frameTime(index: number, { frames, seconds }: FrameRate): Micros {
  return Math.round((index * seconds * MICROS_PER_SECOND) / frames)
}

/** When a frame of the sound begins. */
export function audioFrameTime(index: number): Micros {
  return Math.round((index * AUDIO_FRAME * MICROS_PER_SECOND) / AUDIO_RATE)
}

function audioFramesPerSegment(): number {
  return Math.round((WANTED_SECONDS * AUDIO_RATE) / AUDIO_FRAME)
}

/** The number nearest to the wanted length at which picture and sound meet, else nearest to it. */
function videoFramesPerSegment(rate: FrameRate): number {
  const perSecond = rate.frames / rate.seconds
  let best = Math.max(1, Math.round(WANTED_SECONDS * perSecond))
  let found = Number.POSITIVE_INFINITY
  for (let count = Math.ceil(SHORTEST_SECONDS * perSecond); count <= LONGEST_SECONDS * perSecond; count++) {
    const samples = count * rate.seconds * AUDIO_RATE
    const off = Math.abs(count / perSecond - WANTED_SECONDS)
    if (samples % (rate.frames * AUDIO_FRAME) === 0 && off < found) {
      best = count
      found = off
    }
  }
  return best
}
