/** How many pictures a second a track has, measured. */
import type { MediaReader } from '../../media/reader.ts'
import { MICROS_PER_SECOND } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'

/** Pictures that are looked at: two seconds of most films. */
const MEASURED_FRAMES = 60
/** No codec takes more pictures out of order. */
const MAX_REORDERED = 16
/** Rates of NTSC are whole ones divided by this. */
const NTSC = 1.001

/**
 * Pictures a second over the first ones, to a thousandth: the usual rate that is as near as the track's clock can tell, if there is one.
 * `undefined` for fewer than two pictures.
 */
export async function measuredFrameRate(reader: MediaReader, { id, timescale }: Track): Promise<number | undefined> {
  const times: number[] = []
  for await (const { pts } of reader.packets(Number.NEGATIVE_INFINITY, { tracks: [id] })) {
    times.push(pts)
    if (times.length >= MEASURED_FRAMES) break
  }
  const isReordered = times.some((time, i) => time < (times[i - 1] ?? time))
  // What is decoded last is followed by pictures that are shown before it.
  const unsure = isReordered && times.length === MEASURED_FRAMES ? MAX_REORDERED : 0
  const shown = times.toSorted((a, b) => a - b).slice(0, times.length - unsure)
  const span = ((shown.at(-1) ?? 0) - (shown[0] ?? 0)) / MICROS_PER_SECOND
  if (span <= 0) return undefined
  const rate = (shown.length - 1) / span
  const error = rate / timescale / span
  const usual = [Math.round(rate), Math.round(rate * NTSC) / NTSC].find((near) => Math.abs(near - rate) <= error)
  return Math.round((usual ?? rate) * 1000) / 1000
}
