/** The reader for an elementary stream, by what its entry in the PMT says. */
import type { Track } from '../../../track.ts'
import { PES_TIMESCALE } from '../pes.ts'
import type { StreamDescription } from '../stream-type.ts'
import { AVC, HEVC } from './nal-format.ts'
import { OpusStream } from './opus.ts'
import { SoundStream } from './sound.ts'
import { AC3, ADTS, MPEG_AUDIO } from './sound-format.ts'
import type { ElementaryStream } from './stream.ts'
import { VideoStream } from './video.ts'

/** `track`: as it is known already, where reading begins in the middle. `undefined` for what is not carried. */
export function openElementaryStream(
  { format, language, opusChannels }: StreamDescription,
  id: number,
  track?: Track,
): ElementaryStream | undefined {
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
    case 'opus':
      return new OpusStream(base, opusChannels, track)
    default:
      return undefined
  }
}
