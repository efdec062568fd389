/** What ffprobe sees in a file: which streams there are to encode, and how large and how fast the picture is. */
import { z } from 'zod'
import { FormatError } from '../../errors.ts'
import type { MediaFormat } from '../../media/reader.ts'

/** ffmpeg's demuxer for each container. It is forced: no file makes ffmpeg choose another, a playlist least of all. */
const DEMUXERS: Readonly<Record<MediaFormat, string>> = {
  mp4: 'mov',
  matroska: 'matroska',
  mpegts: 'mpegts',
  flv: 'flv',
  asf: 'asf',
  mp3: 'mp3',
  aac: 'aac',
}

/** Longest output of ffprobe that is read. */
export const MAX_PROBE_BYTES = 1024 * 1024
/** Sound tracks that are offered. */
const MAX_AUDIO = 8
/** Side of a picture. */
const MAX_SIDE = 16_384
/** Attached pictures (covers) are no video. */
const STILL_CODECS = new Set(['mjpeg', 'png', 'bmp', 'gif', 'webp', 'tiff'])

/** The picture of a source, as it is shown. */
export interface VideoLayout {
  /** Index in ffmpeg's counting. */
  readonly index: number
  readonly codec: string
  /** Pixels as they are to be shown: turned upright, and square. */
  readonly width: number
  readonly height: number
  /** Declared; `undefined` when it is none that can be. */
  readonly frameRate: number | undefined
  readonly interlaced: boolean
}

export interface AudioLayout {
  readonly index: number
  readonly codec: string
  readonly channels: number
  readonly language: string | undefined
  readonly title: string | undefined
}

export interface SourceLayout {
  readonly video: VideoLayout | undefined
  readonly audio: readonly AudioLayout[]
}

const text = z.string().max(1000).optional()
const probeOutput = z.object({
  streams: z
    .array(
      z.object({
        index: z.int().min(0).max(10_000),
        codec_type: text,
        codec_name: text,
        width: z.int().optional(),
        height: z.int().optional(),
        sample_aspect_ratio: text,
        avg_frame_rate: text,
        r_frame_rate: text,
        field_order: text,
        channels: z.int().optional(),
        disposition: z.object({ attached_pic: z.int().optional(), default: z.int().optional() }).optional(),
        tags: z.object({ language: text, title: text, rotate: text }).optional(),
        side_data_list: z.array(z.object({ rotation: z.number().optional() })).optional(),
      }),
    )
    .max(10_000)
    .default([]),
})
type ProbedStream = z.infer<typeof probeOutput>['streams'][number]

/** Options of ffmpeg and ffprobe that stand before `-i`: nothing but that file, read by that demuxer. */
export function inputOptions(format: MediaFormat): readonly string[] {
  return ['-protocol_whitelist', 'file', '-f', DEMUXERS[format]]
}

/** Arguments of ffprobe whose output `parseLayout` reads. */
export function probeArguments(format: MediaFormat, input: string): string[] {
  return ['-v', 'error', '-show_streams', '-of', 'json', ...inputOptions(format), '-i', input]
}

/** Throws FormatError ERR_TRANSCODE_NO_MEDIA when there is nothing to encode. */
export function parseLayout(output: string): SourceLayout {
  let parsed: z.infer<typeof probeOutput>
  try {
    parsed = probeOutput.parse(JSON.parse(output))
  } catch (cause) {
    throw new FormatError('ERR_TRANSCODE_NO_MEDIA', 'expected a description by ffprobe, found none', undefined, {
      cause,
    })
  }
  const { streams } = parsed
  const video = preferred(streams.filter(isVideo)).map(videoLayout)[0]
  const audio = preferred(streams.filter(isAudio)).slice(0, MAX_AUDIO).map(audioLayout)
  if (video === undefined && audio.length === 0) {
    throw new FormatError('ERR_TRANSCODE_NO_MEDIA', 'expected picture or sound that ffmpeg can read, found none')
  }
  return { video, audio }
}

/** Those that the file marks as its default come first. */
function preferred(streams: readonly ProbedStream[]): readonly ProbedStream[] {
  const rank = (stream: ProbedStream) => (stream.disposition?.default === 1 ? 0 : 1)
  return streams.toSorted((left, right) => rank(left) - rank(right))
}

function isVideo(stream: ProbedStream): boolean {
  const { width = 0, height = 0, codec_name: codec = '' } = stream
  const still = stream.disposition?.attached_pic === 1 && STILL_CODECS.has(codec)
  const sized = width > 0 && height > 0 && width <= MAX_SIDE && height <= MAX_SIDE
  return stream.codec_type === 'video' && !still && sized
}

function isAudio({ codec_type: type, codec_name: codec, channels = 0 }: ProbedStream): boolean {
  return type === 'audio' && codec !== undefined && codec !== 'unknown' && channels > 0
}

function videoLayout(stream: ProbedStream): VideoLayout {
  const { width: coded = 0, height: lines = 0, index, codec_name: codec = 'unknown', field_order: order = '' } = stream
  const aspect = ratio(stream.sample_aspect_ratio, ':') ?? 1
  const square = Math.min(MAX_SIDE, Math.max(1, Math.round(coded * (aspect > 0.1 && aspect < 10 ? aspect : 1))))
  const turned = rotation(stream) % 180 === 90
  return {
    index,
    codec,
    width: turned ? lines : square,
    height: turned ? square : lines,
    frameRate: plausible(ratio(stream.avg_frame_rate, '/')) ?? plausible(ratio(stream.r_frame_rate, '/')),
    interlaced: ['tt', 'bb', 'tb', 'bt'].includes(order),
  }
}

function audioLayout({ index, codec_name: codec = 'unknown', channels = 2, tags }: ProbedStream): AudioLayout {
  return { index, codec, channels, language: languageOf(tags?.language), title: tags?.title }
}

/** ISO 639 as files carry it; `und` says nothing. */
function languageOf(tag: string | undefined): string | undefined {
  return tag !== undefined && tag !== 'und' && /^[a-z]{2,3}$/.test(tag) ? tag : undefined
}

function rotation({ tags, side_data_list: data = [] }: ProbedStream): number {
  const told = data.find((entry) => entry.rotation !== undefined)?.rotation ?? Number(tags?.rotate ?? 0)
  return Number.isFinite(told) ? Math.abs(Math.round(told)) : 0
}

function ratio(value: string | undefined, separator: ':' | '/'): number | undefined {
  const [upper, lower] = (value ?? '').split(separator).map(Number)
  return upper !== undefined && lower !== undefined && upper > 0 && lower > 0 ? upper / lower : undefined
}

/** Old files declare their clock of 1000 ticks a second as the rate of their pictures. */
function plausible(rate: number | undefined): number | undefined {
  return rate !== undefined && rate >= 1 && rate <= 240 ? rate : undefined
}
