/** What players and packagers compute from a SegmentTemplate: URLs, runs of equal segments, inheritance (ISO/IEC 23009-1 section 5.3.9). */
import { FormatError } from '../../../errors.ts'
import type { AdaptationSet, Period, Representation, SegmentTemplate, TimelineEntry } from './model.ts'

/** What a template may ask for. */
export interface TemplateValues {
  readonly representationId?: string
  readonly bandwidth?: number
  readonly number?: number
  readonly time?: number
}

/** One segment of a timeline, in ticks. */
export interface TimelineSegment {
  readonly time: number
  readonly duration: number
}

/** Padding to more digits than the largest number has is a mistake or an attack. */
const MAX_PADDING = 20

/** Fills `$Number$`, `$Time%09d$`, `$RepresentationID$`, `$Bandwidth$` and `$$`. Throws FormatError for an identifier without a value. */
export function expandTemplate(template: string, values: TemplateValues): string {
  return template.replace(/\$([A-Za-z]*)(?:%0(\d{1,3})d)?\$/g, (_, name: string, padding: string | undefined) => {
    if (name === '' && padding === undefined) return '$'
    const value = valueOf(name, values)
    const width = Number(padding ?? 0)
    if (value === undefined || width > MAX_PADDING) {
      throw new FormatError(
        'ERR_DASH_SYNTAX',
        `expected Number, Time, RepresentationID or Bandwidth in a template, found "${name}"`,
      )
    }
    return String(value).padStart(width, '0')
  })
}

function valueOf(name: string, values: TemplateValues): string | number | undefined {
  switch (name) {
    case 'RepresentationID':
      return values.representationId
    case 'Bandwidth':
      return values.bandwidth
    case 'Number':
      return values.number
    case 'Time':
      return values.time
    default:
      return undefined
  }
}

/** Joins equal neighbours to runs. A start time is given for the first run and where there is a gap or an overlap. */
export function formatTimeline(segments: Iterable<TimelineSegment>): TimelineEntry[] {
  const runs: { time?: number; duration: number; repeat?: number }[] = []
  let last: { time?: number; duration: number; repeat?: number } | undefined
  let end = Number.NaN
  for (const { time, duration } of segments) {
    if (last !== undefined && time === end && duration === last.duration) last.repeat = (last.repeat ?? 0) + 1
    else {
      last = time === end ? { duration } : { time, duration }
      runs.push(last)
    }
    end = time + duration
  }
  return runs
}

/**
 * The segments of a timeline, at most `limit`, the newest when there are more. `end` (ticks) closes a run that repeats up to the end
 * of the period; without it such a run counts once.
 */
export function expandTimeline(
  entries: readonly TimelineEntry[],
  { limit, end }: { readonly limit: number; readonly end?: number },
): TimelineSegment[] {
  const runs: { time: number; duration: number; count: number }[] = []
  let time = 0
  for (const [index, entry] of entries.entries()) {
    time = entry.time ?? time
    const { duration } = entry
    let count = (entry.repeat ?? 0) + 1
    if (count <= 0) {
      const until = entries[index + 1]?.time ?? end ?? time + duration
      count = duration > 0 ? Math.max(1, Math.ceil((until - time) / duration)) : 1
    }
    runs.push({ time, duration, count })
    time += count * duration
    if (!Number.isSafeInteger(time)) {
      throw new FormatError('ERR_DASH_SYNTAX', `expected a timeline that stays below 2^53 ticks, found ${time}`)
    }
  }
  // Backwards, so that of a run with a hostile repeat count only the wanted end is built.
  const segments: TimelineSegment[] = []
  for (const run of runs.toReversed()) {
    for (let i = run.count - 1; i >= 0 && segments.length < limit; i--) {
      segments.push({ time: run.time + i * run.duration, duration: run.duration })
    }
  }
  return segments.toReversed()
}

/** The template in force for a representation: what it says itself, then its adaptation set, then the period. */
export function resolveSegmentTemplate(
  period: Period,
  set: AdaptationSet,
  representation: Representation,
): SegmentTemplate | undefined {
  if (!period.segmentTemplate && !set.segmentTemplate && !representation.segmentTemplate) return undefined
  return { ...period.segmentTemplate, ...set.segmentTemplate, ...representation.segmentTemplate }
}
