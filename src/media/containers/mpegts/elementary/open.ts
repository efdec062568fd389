/** The reader for an elementary stream, by what its entry in the PMT says. */
import type { Codec, Track } from '../../../track.ts'
import { PES_TIMESCALE } from '../pes.ts'
import type { StreamDescription, StreamFormat } from '../stream-type.ts'
import { AVC, HEVC } from './nal-format.ts'
import { OpusStream } from './opus.ts'
import { SoundStream } from './sound.ts'
import { AC3, ADTS, MPEG_AUDIO } from './sound-format.ts'
import type { ElementaryStream } from './stream.ts'
import { VideoStream } from './video.ts'

/** Codecs that the frames of a format may be of. */
const CODECS: Readonly<Record<StreamFormat, readonly Codec[]>> = {
  h264: ['h264'],
  h265: ['h265'],
  aac: ['aac'],
  'mpeg-audio': ['mp3'],
  ac3: ['ac3', 'eac3'],
  opus: ['opus'],
}

/**
 * `known`: the track as it was before, where reading begins in the middle or the stream takes the place of another one; kept if it can be
 * the same. `undefined` for what is not carried.
 */
export function openElementaryStream(
  { format, language, opusChannels }: StreamDescription,
  id: number,
  known?: Track,
): ElementaryStream | undefined {
  if (format === undefined) return undefined
  const isSame = known !== undefined && known.language === language && CODECS[format].includes(known.codec)
  const track = isSame ? known : undefined
  const base = { id, timescale: PES_TIMESCALE, ...(language !== undefined && { language }) }
  switch (format) {
    case 'h264':
      return new VideoStream(AVC, base, track)
    case 'h265':
      return new VideoStream(HEVC, base, track)
    case 'aac':
      return new SoundStream(ADTS, base, track)
    case 'mpeg-audio':
      return new SoundStream(MPEG_AUDIO, base, track)
    case 'ac3':
      return new SoundStream(AC3, base, track)
    default:
      return new OpusStream(base, opusChannels, track)
  }
}
