/** Where segments begin: at key pictures, about as far apart as wished; computed once for a file, the same for all who ask. */
import { MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import type { SegmentSpan } from './presentation.ts'

/** Longest segment. Key pictures that are further apart have segments between them that do not begin with one. */
export const MAX_SEGMENT = 24 * MICROS_PER_SECOND
/** Of one presentation; segments get longer so that there are no more. */
const MAX_SEGMENTS = 20_000
/** An end shorter than this share of a segment belongs to the one before. */
const SHORT_END = 0.25

/**
 * Segments from 0 to `duration`. Each begins at the one of `starts` (ascending) that is nearest to `target` after the beginning of the one
 * before. Without starts, segments are `target` long. At least one.
 */
export function segmentSpans(starts: readonly Micros[], duration: Micros, target: Micros): SegmentSpan[] {
  const wanted = Math.max(target, Math.ceil(duration / MAX_SEGMENTS))
  const longest = Math.max(MAX_SEGMENT, wanted)
  const cuts: Cut[] = [{ start: 0 }]
  let at = 0
  let index = 0
  for (;;) {
    const aim = at + wanted
    while (index < starts.length && (starts[index] as Micros) <= at) index++
    // Of those ahead, the one before the aim and the one behind it.
    while (index + 1 < starts.length && nearer(starts[index + 1] as Micros, starts[index] as Micros, aim)) index++
    const next = starts[index] ?? duration
    // The end is as good as a key picture; and sound can be cut anywhere.
    if (starts.length > 0 && duration - at <= longest && !nearer(next, duration, aim)) break
    const cut = starts.length === 0 ? { start: aim } : next - at <= longest ? { start: next } : cutBetween(aim)
    if (cut.start >= duration) break
    cuts.push(cut)
    at = cut.start
  }
  const last = cuts.at(-1) as Cut
  if (cuts.length > 1 && duration - last.start < SHORT_END * wanted) cuts.pop()
  return cuts.map((cut, place) => ({ ...cut, duration: Math.max(1, (cuts[place + 1]?.start ?? duration) - cut.start) }))
}

function cutBetween(start: Micros): Cut {
  return { start, dependent: true }
}

interface Cut {
  readonly start: Micros
  readonly dependent?: true
}

function nearer(candidate: Micros, best: Micros, aim: Micros): boolean {
  return Math.abs(candidate - aim) < Math.abs(best - aim)
}

/** The starts of `lead` that all the `others` have too, within `tolerance`. */
export function commonStarts(
  lead: readonly Micros[],
  others: readonly (readonly Micros[])[],
  tolerance: Micros,
): readonly Micros[] {
  return lead.filter((start) => others.every((other) => nearestTo(other, start, tolerance) !== undefined))
}

/** The place in an ascending list that is nearest to `time` and not further away than `tolerance`. */
export function nearestTo(times: readonly Micros[], time: Micros, tolerance: Micros): number | undefined {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((times[middle] as Micros) < time) low = middle + 1
    else high = middle
  }
  const candidates = [low - 1, low].filter((index) => index >= 0 && index < times.length)
  const [nearest] = candidates.toSorted(
    (left, right) => Math.abs((times[left] as Micros) - time) - Math.abs((times[right] as Micros) - time),
  )
  return nearest !== undefined && Math.abs((times[nearest] as Micros) - time) <= tolerance ? nearest : undefined
}
