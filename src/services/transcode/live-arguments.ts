/** The command line of the encoder of live streams: media on standard input, H.264 and AAC as FLV on standard output, with little delay. */
import type { TrackKind } from '../../media/track.ts'
import { OUTPUT_OFFSET_MS } from './encode-arguments.ts'
import { type FrameRate, rateValue } from './frame-rate.ts'

/** Seconds from one key picture to the next. */
const KEY_SECONDS = 2
/** What ffmpeg reads before it begins: the header tells all it needs. */
const PROBE_BYTES = 200_000
const PROBE_MICROS = 500_000
const QUALITY = 22

/** How the stream reaches ffmpeg: `asf` for Windows Media, fragmented `mp4` for the rest. */
export type LiveContainer = 'asf' | 'mp4'

export interface LivePlan {
  readonly container: LiveContainer
  /** What the stream has of each kind. */
  readonly kinds: ReadonlySet<TrackKind>
  readonly rate: FrameRate
  /** Pictures become no higher than this, pixels. */
  readonly maxHeight: number
  readonly peakKbps: number
  readonly audioKbps: number
  readonly channels: number
  readonly threads: number
  readonly fpsMode: '-fps_mode' | '-vsync'
}

export function liveArguments(plan: LivePlan): string[] {
  const { container, kinds } = plan
  return [
    '-hide_banner',
    '-loglevel',
    'error',
    '-nostdin',
    // The times of the source are kept, so that the delay that players show is the whole one.
    '-copyts',
    '-probesize',
    String(PROBE_BYTES),
    '-analyzeduration',
    String(PROBE_MICROS),
    '-threads',
    String(plan.threads),
    '-protocol_whitelist',
    'pipe',
    '-f',
    container === 'asf' ? 'asf' : 'mov',
    '-i',
    'pipe:0',
    ...(kinds.has('video') ? videoArguments(plan) : []),
    ...(kinds.has('audio') ? audioArguments(plan) : []),
    '-map_metadata',
    '-1',
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

function videoArguments({ rate, maxHeight, peakKbps, threads, fpsMode }: LivePlan): string[] {
  const keyFrames = Math.max(1, Math.round(KEY_SECONDS * rateValue(rate)))
  const filters = [
    // Old streams have a clock of 1000 ticks for their rate: what the encoder gets has a real one.
    `fps=${rate.frames}/${rate.seconds}`,
    `scale=w='trunc(iw*sar*min(1,${maxHeight}/ih)/2+0.5)*2':h='trunc(ih*min(1,${maxHeight}/ih)/2+0.5)*2',setsar=1`,
    'format=yuv420p',
  ]
  return [
    '-map',
    '0:v:0',
    '-filter:v',
    filters.join(','),
    fpsMode,
    'passthrough',
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-tune',
    'zerolatency',
    '-profile:v',
    'high',
    '-threads:v',
    String(threads),
    '-crf',
    String(QUALITY),
    '-maxrate',
    `${peakKbps}k`,
    '-bufsize',
    `${peakKbps}k`,
    '-x264-params',
    `keyint=${keyFrames}:min-keyint=${keyFrames}:scenecut=0:open-gop=0`,
  ]
}

function audioArguments({ channels, audioKbps }: LivePlan): string[] {
  return [
    '-map',
    '0:a:0',
    '-filter:a',
    'aresample=48000,aresample=async=1',
    '-c:a',
    'aac',
    '-ac',
    String(channels),
    '-b:a',
    `${audioKbps}k`,
  ]
}
