/** Reads MP3 files: frames of MPEG audio layer III (ISO/IEC 11172-3, 13818-3) with tags around them. */
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'
import type { Mp3Header } from '../../codecs/mp3/bitstream.ts'
import { Notes } from '../../notes.ts'
import { TRACK_ID_BASE, type Track } from '../../track.ts'
import { locateFirstFrame } from '../bare-sound/first-frame.ts'
import { type BareFrameFormat, FrameWalk } from '../bare-sound/frame-walk.ts'
import { readId3Tags } from '../bare-sound/id3v2.ts'
import { BareSoundReader } from '../bare-sound/reader.ts'
import { findTrailingTags } from '../bare-sound/trailing-tags.ts'
import { ANY_MP3, mp3FramesLike, mp3HeaderAt } from './frames.ts'
import { type HeaderFrame, readHeaderFrame } from './header-frame.ts'

/** Bytes of the smallest frame: 8 kbit/s at 24 kHz. */
const MIN_FRAME_BYTES = 24
/** What a header frame says of the bytes may be wrong by this much: by itself, and by tags. */
const MAX_MISCOUNT = 0.01
/** Places in the file that are looked at, and bytes of each, to tell whether all frames have the same bitrate. */
const SAMPLED_PLACES = 4
const SAMPLED_BYTES = 16 * 1024

/** Opens the file; reads it through only where nothing tells how long it is. Throws FormatError where no frames follow each other. */
export async function openMp3Reader(source: ByteSource): Promise<BareSoundReader> {
  const notes = new Notes()
  const tags = await readId3Tags(source, notes)
  const { position, bytes } = await locateFirstFrame(source, ANY_MP3, tags.end)
  if (position > tags.end) notes.add('bytes that are no sound were passed over', tags.end)
  const header = mp3HeaderAt(bytes, 0)
  if (header === undefined) throw new FormatError('ERR_SOUND_NO_FRAMES', 'expected a whole frame header', position)
  const about = readHeaderFrame(bytes.subarray(0, header.frameSize), header)
  const from = about === undefined ? position : position + (header.frameSize ?? 0)
  const to = await findTrailingTags(source, from)
  const frames = mp3FramesLike(header)
  const told = about === undefined ? undefined : plausibleCount(about, to - from)
  const bitrateBps = told === undefined ? await constantBitrate(source, frames, from, to) : undefined
  const samplesPerSecond = header.sampleRate / header.samples
  const counted = bitrateBps === undefined ? told : Math.round(((to - from) * 8 * samplesPerSecond) / bitrateBps)
  const encoder = about?.encoder
  const sound = {
    format: 'mp3' as const,
    track: trackOf(header, bitrateBps),
    frames,
    from,
    to,
    samplesPerFrame: header.samples,
    leadingSamples: about?.leadingSamples ?? 0,
    trailingSamples: about?.trailingSamples ?? 0,
    frameCount: counted,
    headerSizeOf: () => 0,
    metadata: encoder === undefined ? tags.metadata : { encoder, ...tags.metadata },
    picture: tags.picture,
  }
  return BareSoundReader.open(source, sound, notes)
}

function trackOf({ sampleRate, channels }: Mp3Header, bitrateBps: number | undefined): Track {
  return {
    id: TRACK_ID_BASE.audio,
    kind: 'audio',
    codec: 'mp3',
    audio: { sampleRate, channels },
    timescale: sampleRate,
    ...(bitrateBps !== undefined && { bitrateBps }),
  }
}

/** The count that a header frame tells, unless the file was cut or joined since. */
function plausibleCount({ frames, bytes }: HeaderFrame, actual: number): number | undefined {
  if (frames === undefined || frames === 0 || frames > actual / MIN_FRAME_BYTES) return undefined
  if (bytes !== undefined && Math.abs(bytes - actual) > actual * MAX_MISCOUNT + MIN_FRAME_BYTES * 100) return undefined
  return frames
}

/** The bitrate of all frames, if it is one in all places that are looked at. */
async function constantBitrate(
  source: ByteSource,
  frames: BareFrameFormat,
  from: number,
  to: number,
): Promise<number | undefined> {
  let bitrateBps: number | undefined
  for (let i = 0; i < SAMPLED_PLACES; i++) {
    const start = from + Math.floor((Math.max(0, to - from - SAMPLED_BYTES) * i) / (SAMPLED_PLACES - 1))
    const walk = new FrameWalk(source, frames, {
      from: start,
      to: Math.min(to, start + SAMPLED_BYTES),
      blockBytes: SAMPLED_BYTES,
    })
    while (walk.next() || (await walk.fill())) {
      if (!walk.found) continue
      const found = mp3HeaderAt(walk.bytes, walk.at)?.bitrateBps
      bitrateBps ??= found
      if (found !== bitrateBps) return undefined
    }
  }
  return bitrateBps
}
