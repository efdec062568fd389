/** Command lines of the encoder of files: from a segment of the grid on, frame by frame on the grid. */
import type { MediaFormat } from '../../media/reader.ts'
import { FILE_INPUT } from './child.ts'
import { rateValue } from './frame-rate.ts'
import { AUDIO_FRAME, AUDIO_RATE, type SegmentGrid } from './segment-grid.ts'
import { type AudioLayout, inputOptions, type VideoLayout } from './source-layout.ts'

/** Added to all times, so that the frame of sound before the first one has none below zero; milliseconds. */
export const OUTPUT_OFFSET_MS = 10_000
/** Frames of sound that are made before the first that counts: the encoder has found its ways by then. */
const AUDIO_PREROLL = 8
/** The encoder gives one frame more, before the first sample it was given. */
export const AUDIO_PRIMING = 1
/** Decoding begins this much before the first picture, so that the frame rate is settled when it comes; seconds. */
const PREROLL_SECONDS = 0.5
/** Transport streams have no index: ffmpeg lands anywhere, and has to meet a key picture before the first one that counts. */
const PREROLL_WITHOUT_INDEX_SECONDS = 4
/** A picture or sound that ends before the other, or before the length that a file tells, is drawn out; seconds. */
const DRAWN_OUT_SECONDS = 60
/** Bits for a pixel at most. */
const PEAK_BITS_PER_PIXEL = 0.2
const MIN_PEAK_KBPS = 300
/** Larger and faster pictures than this, pixels a second, are encoded with less effort, so that the first segment comes soon. */
const EFFORT_PIXELS = 30_000_000
/** Quality where the peak leaves room: x264's scale, 23 is its default. */
const QUALITY = 21

/** What is encoded together, in one run of ffmpeg. */
export interface EncodePlan {
  readonly format: MediaFormat
  readonly grid: SegmentGrid
  readonly video: VideoPlan | undefined
  readonly audio: AudioPlan | undefined
  readonly threads: number
  /** ffmpeg 5.1 and later have another word for it. */
  readonly fpsMode: '-fps_mode' | '-vsync'
}

export interface VideoPlan {
  readonly source: Pick<VideoLayout, 'index' | 'interlaced'>
  /** Pixels, even. */
  readonly width: number
  readonly height: number
  readonly peakKbps: number
}

export interface AudioPlan {
  readonly source: AudioLayout
  readonly channels: number
  readonly kbps: number
}

/** The size a picture is encoded in: even, at most so high. */
export function encodedSize(
  { width, height }: Pick<VideoLayout, 'width' | 'height'>,
  maxHeight: number,
): { readonly width: number; readonly height: number } {
  const scale = Math.min(1, maxHeight / height)
  const even = (side: number) => Math.max(2, Math.round((side * scale) / 2) * 2)
  return { width: even(width), height: even(height) }
}

/** Highest bit rate of a picture, kbit/s. */
export function peakVideoKbps(width: number, height: number, frameRate: number, maxKbps: number): number {
  const wanted = Math.round((width * height * frameRate * PEAK_BITS_PER_PIXEL) / 1000)
  return Math.min(maxKbps, Math.max(MIN_PEAK_KBPS, wanted))
}

/** Frame of sound that a run from a segment on begins to give; those before the segment's first are thrown away. */
export function firstAudioFrame(grid: SegmentGrid, from: number): number {
  return Math.max(0, grid.audio(from).first - AUDIO_PREROLL)
}

/** Arguments of ffmpeg; it writes FLV to its standard output. */
export function encodeArguments(plan: EncodePlan, from: number): string[] {
  const { format, grid, video, audio, threads } = plan
  const start = (grid.spans[from]?.start ?? 0) / 1e6
  const preroll = format === 'mpegts' ? PREROLL_WITHOUT_INDEX_SECONDS : PREROLL_SECONDS
  const seek = Math.max(0, start - preroll)
  return [
    '-hide_banner',
    '-loglevel',
    'error',
    '-nostdin',
    // Times of the source are kept and counted from its beginning: they are what the grid is for.
    '-copyts',
    '-start_at_zero',
    ...(seek > 0 ? ['-ss', seek.toFixed(6)] : []),
    '-threads',
    String(threads),
    ...inputOptions(format),
    '-i',
    FILE_INPUT,
    ...(video === undefined ? [] : videoArguments(video, plan, from)),
    ...(audio === undefined ? [] : audioArguments(audio, grid, from)),
    '-sn',
    '-dn',
    '-map_metadata',
    '-1',
    '-max_muxing_queue_size',
    '4096',
    '-output_ts_offset',
    String(OUTPUT_OFFSET_MS / 1000),
    '-flvflags',
    'no_duration_filesize',
    '-flush_packets',
    '1',
    '-f',
    'flv',
    'pipe:1',
  ]
}

function videoArguments({ source, width, height, peakKbps }: VideoPlan, plan: EncodePlan, from: number): string[] {
  const { grid, threads } = plan
  const rate = grid.rate ?? { frames: 25, seconds: 1 }
  const { first } = grid.video(from)
  const lead = Math.max(0, first - Math.ceil(PREROLL_SECONDS * rateValue(rate)))
  const frames = grid.framesPerSegment
  const preset = width * height * rateValue(rate) > EFFORT_PIXELS ? 'superfast' : 'veryfast'
  const filters = [
    ...(source.interlaced ? ['yadif=mode=send_frame:deint=interlaced'] : []),
    // A picture exactly between two frames must not fall to one side in this run and to the other in the next.
    'settb=1/1000000,setpts=PTS+3',
    `fps=${rate.frames}/${rate.seconds}:start_time=${((lead * rate.seconds) / rate.frames).toFixed(6)}`,
    `tpad=stop_mode=clone:stop_duration=${DRAWN_OUT_SECONDS}`,
    `trim=start_pts=${first}:end_pts=${grid.frames}`,
    `scale=${width}:${height}:flags=bicubic,setsar=1,format=yuv420p`,
  ]
  return [
    '-map',
    `0:${source.index}`,
    '-filter:v',
    filters.join(','),
    plan.fpsMode,
    'passthrough',
    '-c:v',
    'libx264',
    '-preset',
    preset,
    '-profile:v',
    'high',
    '-threads:v',
    String(threads),
    '-crf',
    String(QUALITY),
    '-maxrate',
    `${peakKbps}k`,
    '-bufsize',
    `${2 * peakKbps}k`,
    // A closed group of pictures for each segment, in the order in which they are shown.
    '-x264-params',
    `keyint=${frames}:min-keyint=${frames}:scenecut=0:open-gop=0:bframes=0`,
  ]
}

function audioArguments({ source, channels, kbps }: AudioPlan, grid: SegmentGrid, from: number): string[] {
  const filters = [
    `aresample=${AUDIO_RATE}`,
    // Silence where the source has none, and the first sample exactly on the grid.
    `aresample=async=1:first_pts=${firstAudioFrame(grid, from) * AUDIO_FRAME}`,
    `apad=pad_dur=${DRAWN_OUT_SECONDS}`,
    `atrim=end_pts=${grid.audioFrames * AUDIO_FRAME}`,
  ]
  return [
    '-map',
    `0:${source.index}`,
    '-filter:a',
    filters.join(','),
    '-c:a',
    'aac',
    '-ac',
    String(channels),
    '-b:a',
    `${kbps}k`,
  ]
}
