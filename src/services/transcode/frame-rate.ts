/** The frame rate that a source is encoded at: constant, of a kind that exists, whatever the source says of itself. */
import type { MediaReader } from '../../media/reader.ts'
import { MICROS_PER_SECOND, type Micros } from '../../media/time.ts'

/** Frames a second as a fraction. */
export interface FrameRate {
  readonly frames: number
  /** Seconds. */
  readonly seconds: number
}

/** In rising order. */
const RATES: readonly FrameRate[] = [
  { frames: 1, seconds: 1 },
  { frames: 2, seconds: 1 },
  { frames: 3, seconds: 1 },
  { frames: 4, seconds: 1 },
  { frames: 5, seconds: 1 },
  { frames: 6, seconds: 1 },
  { frames: 15_000, seconds: 2002 },
  { frames: 15, seconds: 2 },
  { frames: 8, seconds: 1 },
  { frames: 10, seconds: 1 },
  { frames: 12_000, seconds: 1001 },
  { frames: 12, seconds: 1 },
  { frames: 25, seconds: 2 },
  { frames: 15_000, seconds: 1001 },
  { frames: 15, seconds: 1 },
  { frames: 16, seconds: 1 },
  { frames: 18, seconds: 1 },
  { frames: 20, seconds: 1 },
  { frames: 24_000, seconds: 1001 },
  { frames: 24, seconds: 1 },
  { frames: 25, seconds: 1 },
  { frames: 30_000, seconds: 1001 },
  { frames: 30, seconds: 1 },
  { frames: 48, seconds: 1 },
  { frames: 50, seconds: 1 },
  { frames: 60_000, seconds: 1001 },
  { frames: 60, seconds: 1 },
]
const FASTEST: FrameRate = { frames: 60, seconds: 1 }
/** For sources that tell nothing and cannot be measured. */
const FALLBACK: FrameRate = { frames: 25, seconds: 1 }
/** 24 and 23.976 are 0.1 % apart. */
const SAME = 0.0004
/** A measured or sloppily declared rate is taken for the one that exists when it is this near. */
const NEAR = 0.02

/** Pictures that are looked at, and how far, to measure a rate. */
const MEASURED_PICTURES = 300
const MEASURED_TIME: Micros = 20 * MICROS_PER_SECOND
/** Of measured intervals: shorter ones may be bursts, longer ones pauses. */
const SHORT_INTERVAL = 0.2
/** A rate that varies less than this is constant. */
const CONSTANT = 1.15

/** Frames a second as a number. */
export function rateValue({ frames, seconds }: FrameRate): number {
  return frames / seconds
}

/**
 * The rate to encode a source of `rate` frames a second at: the nearest that exists, else the next higher; of very fast ones, half of it or
 * 60. `undefined`: not known.
 */
export function chooseFrameRate(rate: number | undefined): FrameRate {
  if (rate === undefined || !Number.isFinite(rate) || rate <= 0) return FALLBACK
  let wanted = rate
  while (wanted > rateValue(FASTEST) * (1 + NEAR)) wanted /= 2
  const off = (candidate: FrameRate) => Math.abs(rateValue(candidate) / wanted - 1)
  const nearest = RATES.reduce((best, candidate) => (off(candidate) < off(best) ? candidate : best))
  if (off(nearest) < SAME || off(nearest) < NEAR) return nearest
  return RATES.find((candidate) => rateValue(candidate) > wanted) ?? FASTEST
}

/**
 * Measures the rate of a video track by the times of its first pictures; `undefined` where there are too few. Of a rate that varies it is the
 * one of pictures that follow each other fast.
 */
export async function measureFrameRate(
  reader: Pick<MediaReader, 'packets'>,
  trackId: number,
): Promise<number | undefined> {
  const times: Micros[] = []
  for await (const packet of reader.packets(0, { tracks: [trackId] })) {
    times.push(packet.pts)
    if (times.length >= MEASURED_PICTURES || packet.pts > MEASURED_TIME) break
  }
  return rateOfTimes(times)
}

/** See `measureFrameRate`. The order of the times does not matter. */
export function rateOfTimes(times: readonly Micros[]): number | undefined {
  const sorted = times.toSorted((left, right) => left - right)
  const intervals: Micros[] = []
  for (let i = 1; i < sorted.length; i++) {
    const interval = (sorted[i] as Micros) - (sorted[i - 1] as Micros)
    if (interval > 0) intervals.push(interval)
  }
  if (intervals.length < 2) return undefined
  const all = intervals.reduce((sum, interval) => sum + interval, 0)
  const average = (intervals.length * MICROS_PER_SECOND) / all
  intervals.sort((left, right) => left - right)
  const fast = MICROS_PER_SECOND / (intervals[Math.floor(intervals.length * SHORT_INTERVAL)] as Micros)
  // Clocks of milliseconds make single intervals coarse; the average of many is exact.
  return fast <= average * CONSTANT ? average : fast
}
