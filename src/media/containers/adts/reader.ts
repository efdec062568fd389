/** Reads AAC files without a container: ADTS frames (ISO/IEC 14496-3 section 1.A.2), perhaps behind an ID3 tag. */
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'
import { ADTS_HEADER_SIZE, type AdtsHeader, readAdtsHeader } from '../../codecs/aac/adts.ts'
import { writeAacConfig } from '../../codecs/aac/config.ts'
import { Notes } from '../../notes.ts'
import { TRACK_ID_BASE, type Track } from '../../track.ts'
import { locateFirstFrame } from '../bare-sound/first-frame.ts'
import { readId3Tags } from '../bare-sound/id3v2.ts'
import { BareSoundReader } from '../bare-sound/reader.ts'
import { findTrailingTags } from '../bare-sound/trailing-tags.ts'
import { ANY_ADTS, adtsFramesLike } from './frames.ts'

const FRAME_SAMPLES = 1024

/**
 * Opens the file and counts its frames. Throws FormatError where no frames follow each other, and for channels that only the frames
 * themselves tell.
 */
export async function openAdtsReader(source: ByteSource): Promise<BareSoundReader> {
  const notes = new Notes()
  const tags = await readId3Tags(source, notes)
  const { position: from, bytes } = await locateFirstFrame(source, ANY_ADTS, tags.end)
  if (from > tags.end) notes.add('bytes that are no sound were passed over', tags.end)
  const header = readAdtsHeader(bytes)
  if (header === undefined) throw new FormatError('ERR_SOUND_NO_FRAMES', 'expected a whole ADTS header', from)
  const sound = {
    format: 'aac' as const,
    track: trackOf(header),
    frames: adtsFramesLike(bytes.slice(0, ADTS_HEADER_SIZE)),
    from,
    to: await findTrailingTags(source, from),
    samplesPerFrame: FRAME_SAMPLES,
    leadingSamples: 0,
    trailingSamples: 0,
    frameCount: undefined,
    headerSizeOf: (frame: Uint8Array) => (((frame[1] ?? 0) & 1) === 1 ? ADTS_HEADER_SIZE : ADTS_HEADER_SIZE + 2),
    metadata: tags.metadata,
    picture: tags.picture,
  }
  return BareSoundReader.open(source, sound, notes)
}

function trackOf({ objectType, sampleRate, channels }: AdtsHeader): Track {
  return {
    id: TRACK_ID_BASE.audio,
    kind: 'audio',
    codec: 'aac',
    config: writeAacConfig({ objectType, sampleRate, channels }),
    audio: { sampleRate, channels },
    timescale: sampleRate,
  }
}
