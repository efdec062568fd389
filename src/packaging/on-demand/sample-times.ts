/** Times of samples in segments: nothing before zero, presentation times as the file has them, what is cut off decoded and not seen. */
import type { SampleFacts } from '../../media/containers/isobmff/fragment.ts'
import { trackTimescale } from '../../media/containers/isobmff/movie-boxes.ts'
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'

/*
 * Pictures are decoded before they are shown, so the first decode times of a film are below zero, which fragments cannot tell. What players do
 * about it (Chromium with hls.js 1.7, shaka 5.2 and dash.js 5.2, ffmpeg 5.1, VLC 3.0) leaves one way that is right in all of them:
 *
 * - An edit list in the initialization is passed over by Chromium's MSE and by VLC: pictures would be late there.
 * - hls.js, and shaka with HLS, take the first decode time of a segment for its beginning. So it has to be the presentation time of the key picture.
 * - With decode times moved up as a whole, some pictures would be shown before they are decoded. Negative composition offsets say that, but ffmpeg
 *   moves all presentation times by the largest of them, and the sound is early.
 * - So only the first decode times of a segment are moved: each that is before the segment's beginning to one tick after the one before. No
 *   offset is negative, and presentation times stay what they are in the file.
 *
 * What an edit list of the file cuts off has presentation times below zero. Sound of it is left out: a decoder misses half of what it needs for
 * its first packet, 10 ms. Pictures must be decoded, and browsers would drop all up to the next key picture were they below zero. So they get the
 * first ticks of the film, each one tick: they are gone before a screen can show them.
 */

/** Sound that begins so little before zero, microseconds, is kept and begins at zero. */
export const MAX_EARLY_SOUND = 5 * MICROS_PER_MS

/**
 * The samples of a segment that begins at `begin`, with their times in the fragment, in decode order; the first one's decode time is the
 * fragment's.
 */
export function fragmentTimes(samples: readonly SampleFacts[], track: Track, begin: Micros): SampleFacts[] {
  const step = Math.ceil(MICROS_PER_SECOND / trackTimescale(track))
  const shown = shownTimes(samples, step)
  // A segment without a key picture goes on where the one before ends.
  const start = samples[0]?.key && track.kind === 'video' ? Math.min(begin, latestStart(shown, step)) : 0
  let decoded = start - step
  return samples.map(({ size, dts, key }, index) => {
    decoded = Math.max(decoded + step, dts)
    return { size, key, dts: decoded, pts: Math.max(decoded, shown[index] as Micros) }
  })
}

/** Presentation times, none below zero. */
function shownTimes(samples: readonly SampleFacts[], step: Micros): readonly Micros[] {
  const times = samples.map(({ pts }) => pts)
  const unseen = times.filter((pts) => pts < 0).sort((left, right) => left - right)
  if (unseen.length === 0) return times
  const ranks = new Map(unseen.map((pts, rank) => [pts, rank]))
  const place = (behind: Micros) =>
    times.map((pts) => {
      const rank = ranks.get(pts)
      return rank === undefined ? Math.max(pts, unseen.length * step + behind) : rank * step + behind
    })
  // Pictures are decoded in another order: each is shown after it was decoded.
  return place(Math.max(0, -latestStart(place(0), step)))
}

/** The latest time from which samples can be decoded, one a step, so that each is decoded before it is shown. */
function latestStart(shown: readonly Micros[], step: Micros): Micros {
  return shown.reduce((latest, time, index) => Math.min(latest, time - index * step), Number.POSITIVE_INFINITY)
}
