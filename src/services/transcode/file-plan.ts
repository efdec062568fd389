/** How one file is encoded: what is in it, on which grid, as which tracks. */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { MediaFile } from '../../library/media-files.ts'
import type { MediaFormat } from '../../media/reader.ts'
import { TRACK_ID_BASE, type Track } from '../../media/track.ts'
import { type AudioPlan, encodedSize, peakVideoKbps, type VideoPlan } from './encode-arguments.ts'
import { chooseFrameRate, type FrameRate, measureFrameRate, rateValue } from './frame-rate.ts'
import type { TranscodeOptions } from './options.ts'
import type { Programs } from './programs.ts'
import { AUDIO_RATE } from './segment-grid.ts'
import type { AudioLayout, SourceLayout } from './source-layout.ts'

/** Raised when the same settings begin to give other bytes. */
const FORM = 1
/** A declared rate is believed when the measured one is this near. */
const AGREES = 0.02
/** ffmpeg's words for what a picture's clock may be. */
const MIN_TIMESCALE = 1000
/** Bits a second that sound takes beside its payload. */
const OVERHEAD = 1.05
/** A picture's bits on average, of the most it may have: a guess that manifests need before anything is encoded. */
const AVERAGE = 0.6

/** What was found out about a file, kept with its segments so that it opens at once the next time. */
export interface FileFacts {
  readonly layout: SourceLayout
  readonly rate: FrameRate | undefined
}

const audioFacts = z.object({
  index: z.number(),
  codec: z.string(),
  channels: z.number(),
  language: z.string().optional(),
  title: z.string().optional(),
})
const fileFacts = z.object({
  layout: z.object({
    video: z
      .object({
        index: z.number(),
        codec: z.string(),
        width: z.number(),
        height: z.number(),
        frameRate: z.number().optional(),
        interlaced: z.boolean(),
      })
      .optional(),
    audio: z.array(audioFacts),
  }),
  rate: z.object({ frames: z.number(), seconds: z.number() }).optional(),
})

export function formatFacts(facts: FileFacts): Uint8Array {
  return Buffer.from(JSON.stringify(facts))
}

/** `undefined` for what is none. */
export function parseFacts(bytes: Uint8Array): FileFacts | undefined {
  try {
    return fileFacts.parse(JSON.parse(Buffer.from(bytes).toString())) as FileFacts
  } catch {
    return undefined
  }
}

/** Name of everything that decides the bytes: the file as it is now, the settings, the encoder. */
export function tokenOf(
  { file }: Pick<MediaFile, 'file'>,
  options: TranscodeOptions,
  { version }: Pick<Programs, 'version'>,
  { threads, soundOnly }: { readonly threads: number; readonly soundOnly: boolean },
): string {
  const { path, size, modified } = file
  const { videoKbps, audioKbps, maxHeight } = options
  const parts = [
    FORM,
    path,
    size,
    modified.getTime(),
    videoKbps,
    audioKbps,
    maxHeight,
    threads,
    version ?? 'new',
    soundOnly,
  ]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12)
}

/** The rate its pictures are encoded at: measured where our own reader reads them, else as ffmpeg tells it. */
export async function frameRateOf({ reader }: MediaFile, { video }: SourceLayout): Promise<FrameRate | undefined> {
  if (video === undefined) return undefined
  const declared = video.frameRate
  const track = reader.tracks.find(({ kind }) => kind === 'video')
  // What cannot be read here may be read by ffmpeg all the same.
  const measured = track === undefined ? undefined : await measureFrameRate(reader, track.id).catch(() => undefined)
  const agrees = measured !== undefined && declared !== undefined && Math.abs(measured / declared - 1) < AGREES
  return chooseFrameRate(agrees ? declared : (measured ?? declared))
}

export function videoPlan(
  video: NonNullable<SourceLayout['video']>,
  rate: FrameRate,
  options: TranscodeOptions,
): VideoPlan {
  const size = encodedSize(video, options.maxHeight)
  return {
    source: video,
    ...size,
    peakKbps: peakVideoKbps(size.width, size.height, rateValue(rate), options.videoKbps),
  }
}

export function audioPlan(source: AudioLayout, options: TranscodeOptions): AudioPlan {
  const channels = Math.min(2, source.channels)
  return { source, channels, kbps: Math.max(32, Math.round((options.audioKbps * channels) / 2)) }
}

/** The track of an encoded picture, without its configuration. */
export function videoTrack({ width, height, peakKbps }: VideoPlan, rate: FrameRate): Track {
  let timescale = rate.frames
  while (timescale < MIN_TIMESCALE) timescale *= 10
  return {
    id: TRACK_ID_BASE.video,
    kind: 'video',
    codec: 'h264',
    video: { width, height, frameRate: rateValue(rate) },
    timescale,
    bitrateBps: Math.round(peakKbps * 1000 * AVERAGE),
  }
}

/** The track of an encoded sound, without its configuration; `position` counts from 0. */
export function audioTrack({ channels, kbps, source }: AudioPlan, position: number): Track {
  return {
    id: TRACK_ID_BASE.audio + position,
    kind: 'audio',
    codec: 'aac',
    audio: { sampleRate: AUDIO_RATE, channels },
    timescale: AUDIO_RATE,
    bitrateBps: kbps * 1000,
    ...(source.language === undefined ? {} : { language: source.language }),
    ...(source.title === undefined ? {} : { name: source.title }),
  }
}

/** Bits a second that a manifest tells of an encoded track. */
export function bitRates(track: Track, peakKbps: number): { readonly peakBps: number; readonly averageBps: number } {
  const averageBps = Math.round((track.bitrateBps ?? peakKbps * 1000) * OVERHEAD)
  return { averageBps, peakBps: Math.max(averageBps, Math.round(peakKbps * 1000 * OVERHEAD)) }
}

/** Only for messages: `wmv2 and wmav2 in asf`. */
export function describeLayout({ video, audio }: SourceLayout, format: MediaFormat): string {
  const codecs = [video?.codec, ...audio.map(({ codec }) => codec)].filter((codec) => codec !== undefined)
  return `${codecs.join(' and ')} in ${format}`
}
