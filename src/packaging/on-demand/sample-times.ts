/** Times of samples in segments: nothing before zero, presentation times as the file has them, what is cut off decoded and not seen. */
import type { SampleFacts } from '../../media/containers/isobmff/fragment.ts'
import { trackTimescale } from '../../media/containers/isobmff/movie-boxes.ts'
import { MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'

/*
 * Fragments know no time below zero, and what is decoded first has one: pictures wait for their turn, sound decoders need a lead-in. So all times
 * of a track are moved up by its `editStart`, and an edit list in the initialization takes that off again. What players do (VLC 3.0, ffmpeg 5.1 and
 * 8, Chromium with hls.js 1.7, shaka 5.2, dash.js 5.2):
 *
 * - Browsers and ffmpeg apply the edit list: times are those of the file, to the tick.
 * - hls.js and shaka take the first decode time of a picture's segment for its beginning, which it is: a key picture waits as long as the first.
 * - VLC passes the edit list over. Sound is moved by as much as the picture, where its lead-in is not longer, so that both are late together.
 * - With decode times moved alone and negative composition offsets, VLC would be right, but ffmpeg moves the presentation times of the picture by
 *   the largest offset, and the sound is early then.
 *
 * What an edit list of the file cuts off has presentation times below zero. Of sound, a lead-in is kept, which the edit list hides. Of pictures,
 * browsers would drop all up to the next key picture. So pictures that are only decoded get the first ticks of the movie, each one tick: they
 * are gone before a screen can show them.
 */

/** How a track's times are moved in its segments. */
export interface SampleTimes {
  readonly track: Track
  /** Added to all times: what the edit list of the initialization takes off again. */
  readonly editStart: Micros
}

/** A sample as the file has it. */
type Sample = SampleFacts

/** The samples of a segment with their times in the fragment, in decode order; the first one's decode time is the fragment's. */
export function fragmentTimes(samples: readonly Sample[], { track, editStart }: SampleTimes): SampleFacts[] {
  const step = Math.ceil(MICROS_PER_SECOND / trackTimescale(track))
  const unseen = track.kind === 'video' ? samples.map(({ pts }) => pts).filter((pts) => pts < 0) : []
  unseen.sort((left, right) => left - right)
  const firstSeen = unseen.length * step
  let decoded = -step
  return samples.map(({ size, dts, pts, key }) => {
    decoded = Math.max(decoded + step, dts + editStart, 0)
    const shown = unseen.length === 0 ? pts : pts < 0 ? unseen.indexOf(pts) * step : Math.max(pts, firstSeen)
    return { size, key, dts: decoded, pts: shown + editStart }
  })
}
