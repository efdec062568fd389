/** Times of samples in segments: nothing before zero, presentation times as the file has them, what is cut off decoded and not seen. */
import type { SampleFacts } from '../../media/containers/isobmff/fragment.ts'
import { trackTimescale } from '../../media/containers/isobmff/movie-boxes.ts'
import { MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'

/*
 * Fragments know no decode time below zero, and players take the first one for the segment's beginning. So decode times are moved by the
 * time that pictures wait for their turn, presentation times are not, and the difference may be negative, as CMAF has it.
 *
 * What an edit list cuts off has presentation times below zero. Of sound, one or a few packets are kept, which its decoder needs, and an edit list
 * hides them: Chromium, Firefox, Safari and ffmpeg know it. Of pictures, browsers would drop all up to the next key picture. So pictures that
 * are only decoded get the first ticks of the movie, each one tick: they are gone before a screen can show them.
 */

/** How a track's times are moved in its segments. */
export interface SampleTimes {
  readonly track: Track
  /** Added to decode times. */
  readonly decodeShift: Micros
  /** Added to presentation times too: what the edit list of the initialization takes off again. */
  readonly editStart: Micros
}

/** A sample as the file has it. */
type Sample = SampleFacts

/** The samples of a segment with their times in the fragment, in decode order; the first one's decode time is the fragment's. */
export function fragmentTimes(
  samples: readonly Sample[],
  { track, decodeShift, editStart }: SampleTimes,
): SampleFacts[] {
  const step = Math.ceil(MICROS_PER_SECOND / trackTimescale(track))
  const unseen = track.kind === 'video' ? samples.map(({ pts }) => pts).filter((pts) => pts < 0) : []
  unseen.sort((left, right) => left - right)
  const firstSeen = unseen.length * step
  let decoded = -step
  return samples.map(({ size, dts, pts, key }) => {
    decoded = Math.max(decoded + step, dts + decodeShift + editStart, 0)
    const shown = unseen.length === 0 ? pts : pts < 0 ? unseen.indexOf(pts) * step : Math.max(pts, firstSeen)
    return { size, key, dts: decoded, pts: shown + editStart }
  })
}
