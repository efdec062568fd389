/** One track on its way from blocks to packets: what is the same for all readings. */
import { audioPacketSamples } from '../../codecs/audio-duration.ts'
import { MICROS_PER_SECOND, type Micros } from '../../time.ts'
import type { Codec, Track } from '../../track.ts'
import { reorderingDepth, usualInterval } from './decode-times.ts'
import { TimeGrid } from './time-grid.ts'
import type { TrackEntry } from './track-entry.ts'
import type { TrackFormat } from './track-format.ts'

/** Between pictures, where nothing tells. */
const ASSUMED_INTERVAL = 40_000
/** Sound whose frames mostly have the same length. */
const EVEN_AUDIO: ReadonlySet<Codec> = new Set<Codec>(['aac', 'opus', 'mp3', 'ac3', 'eac3', 'flac'])
/** Longer is no frame of any film. */
const MAX_FRAME: Micros = 10 * MICROS_PER_SECOND

/** What was seen of a track at the beginning of the file. */
export interface TrackProbe {
  /** Presentation times of the first frames as the container has them, in the order of the file. */
  readonly times: readonly Micros[]
  /** The first frame that decoding can start with. */
  readonly frame: Uint8Array | undefined
  /** What its block says. */
  readonly firstTicks: number | undefined
}

export interface TrackLane {
  /** What blocks say. */
  readonly number: number
  readonly track: Track
  readonly entry: TrackEntry
  readonly format: TrackFormat
  readonly grid: TimeGrid
  /** Frames that may be shown later than one that was decoded after them. */
  readonly depth: number
  /** Of a frame, microseconds, not rounded; 0: unknown. */
  readonly period: number
  /** Between frames, for what has to be made up; above 0. */
  readonly interval: number
  /** When the first frame is shown that decoding can start with, in ticks. */
  readonly firstTicks: number | undefined
}

/** `tick`: of the container, microseconds. */
export function trackLane(
  entry: TrackEntry,
  track: Track,
  format: TrackFormat,
  { times, frame, firstTicks }: TrackProbe,
  tick: number,
): TrackLane {
  const period = periodOf(entry, track, frame)
  const isVideo = track.kind === 'video'
  const told = format.reordering ?? 0
  const seen = told === 0 ? 0 : reorderingDepth(times)
  return {
    number: entry.number,
    track,
    entry,
    format,
    grid: new TimeGrid(times[0] ?? 0, isVideo || EVEN_AUDIO.has(track.codec) ? period : 0, tick),
    depth: told === 'unknown' ? seen : Math.max(told, seen),
    period,
    interval: period || usualInterval(times) || ASSUMED_INTERVAL,
    firstTicks,
  }
}

function periodOf({ defaultDuration }: TrackEntry, track: Track, frame: Uint8Array | undefined): number {
  const samples = frame === undefined ? undefined : audioPacketSamples(track, frame)
  const sampleRate = track.audio?.sampleRate ?? 0
  if (samples !== undefined && sampleRate > 0) return (samples * MICROS_PER_SECOND) / sampleRate
  const declared = defaultDuration / 1000
  if (declared > 0 && declared <= MAX_FRAME) return declared
  return track.video?.frameRate === undefined ? 0 : MICROS_PER_SECOND / track.video.frameRate
}
