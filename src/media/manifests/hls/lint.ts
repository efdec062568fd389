/** Checks a media playlist, alone and against the one before it, by the rules a server must keep (RFC 8216bis sections 4.4 and 6.2, annex B). */
import type { MediaPlaylist, Segment } from './model.ts'

/** Names of the rules; tests and reports rely on them. */
export type LintRule =
  | 'date-range'
  | 'discontinuity-sequence'
  | 'ended-changed'
  | 'hold-back'
  | 'media-sequence'
  | 'part-duration'
  | 'part-hold-back'
  | 'part-short'
  | 'part-target-changed'
  | 'part-target-missing'
  | 'parts-removed'
  | 'parts-sum'
  | 'preload-hint'
  | 'program-date-time'
  | 'segment-changed'
  | 'segment-duration'
  | 'segment-removed'
  | 'skip-until'
  | 'target-duration-changed'
  | 'version'
  | 'went-back'
  | 'window-short'

/** One rule broken at one place. */
export interface LintViolation {
  readonly rule: LintRule
  /** `error`: a MUST of the specification; `warning`: a SHOULD, or what players are known to dislike. */
  readonly severity: 'error' | 'warning'
  readonly message: string
}

/** Text durations are rounded; smaller differences are not violations. Seconds. */
const ROUNDING = 0.000_51
const SHORTEST_PART = 0.85
const PARTS_SUM_TOLERANCE = 0.1
const DATE_TOLERANCE_MS = 500
/** Enough to see what is wrong with a broken playlist of thousands of segments. */
const MAX_VIOLATIONS = 1_000

/** `previous` is an earlier load of the same playlist. An empty list means nothing was found. */
export function lintMediaPlaylist(playlist: MediaPlaylist, previous?: MediaPlaylist): LintViolation[] {
  const violations: LintViolation[] = []
  const report: Report = (rule, message, severity = 'error') => {
    if (violations.length < MAX_VIOLATIONS) violations.push({ rule, severity, message })
  }
  lintHeader(playlist, report)
  lintSegments(playlist, report)
  lintParts(playlist, report)
  if (previous !== undefined) {
    lintChangedHeader(playlist, previous, report)
    lintChangedSegments(playlist, previous, report)
  }
  return violations
}

type Report = (rule: LintRule, message: string, severity?: 'error' | 'warning') => void

function lintHeader(playlist: MediaPlaylist, report: Report): void {
  const { targetDuration, partTarget, serverControl } = playlist
  const needed = neededVersion(playlist)
  if (playlist.version < needed) report('version', `needs EXT-X-VERSION ${needed}, says ${playlist.version}`)
  if (partTarget !== undefined) {
    const holdBack = serverControl?.partHoldBack
    if (holdBack === undefined) report('part-hold-back', 'PART-HOLD-BACK is missing beside EXT-X-PART-INF')
    else if (holdBack < 2 * partTarget - ROUNDING) {
      report('part-hold-back', `PART-HOLD-BACK ${holdBack} is below twice PART-TARGET ${partTarget}`)
    } else if (holdBack < 3 * partTarget - ROUNDING) {
      report('part-hold-back', `PART-HOLD-BACK ${holdBack} is below three times PART-TARGET ${partTarget}`, 'warning')
    }
  }
  if (serverControl?.holdBack !== undefined && serverControl.holdBack < 3 * targetDuration) {
    report(
      'hold-back',
      `HOLD-BACK ${serverControl.holdBack} is below three times the target duration ${targetDuration}`,
    )
  }
  if (serverControl?.canSkipUntil !== undefined && serverControl.canSkipUntil < 6 * targetDuration) {
    report(
      'skip-until',
      `CAN-SKIP-UNTIL ${serverControl.canSkipUntil} is below six times the target duration ${targetDuration}`,
    )
  }
}

function neededVersion(playlist: MediaPlaylist): number {
  if (playlist.skip?.recentlyRemovedDateRanges !== undefined) return 10
  if (playlist.skip !== undefined) return 9
  if (playlist.segments.some((segment) => segment.gap)) return 8
  if (playlist.segments.some((segment) => segment.map !== undefined)) return playlist.iFramesOnly ? 5 : 6
  if (playlist.iFramesOnly || playlist.segments.some((segment) => segment.byteRange !== undefined)) return 4
  return playlist.segments.some((segment) => !Number.isInteger(segment.duration)) ? 3 : 1
}

function lintSegments(playlist: MediaPlaylist, report: Report): void {
  const { segments, targetDuration } = playlist
  let total = 0
  let expectedDate: number | undefined
  for (const [index, segment] of segments.entries()) {
    const number = firstNumber(playlist) + index
    total += segment.duration
    if (Math.round(segment.duration) > targetDuration) {
      report(
        'segment-duration',
        `segment ${number} lasts ${segment.duration}, the target duration is ${targetDuration}`,
      )
    }
    const date = segment.programDateTime
    if (segment.discontinuity) expectedDate = undefined
    if (date !== undefined && expectedDate !== undefined && Math.abs(date - expectedDate) > DATE_TOLERANCE_MS) {
      report(
        'program-date-time',
        `segment ${number} is dated ${Math.round(date - expectedDate)} ms off the ones before`,
        'warning',
      )
    }
    const start = date ?? expectedDate
    expectedDate = start === undefined ? undefined : start + segment.duration * 1_000
  }
  if (
    !playlist.ended &&
    playlist.skip === undefined &&
    playlist.mediaSequence > 0 &&
    total < 3 * targetDuration - ROUNDING
  ) {
    report(
      'window-short',
      `the segments last ${total.toFixed(3)}, three times the target duration is ${3 * targetDuration}`,
    )
  }
}

function lintParts(playlist: MediaPlaylist, report: Report): void {
  const { partTarget } = playlist
  const open = playlist.openSegment === undefined ? [] : [playlist.openSegment]
  const uris = new Set<string>()
  for (const [index, segment] of [...playlist.segments, ...open].entries()) {
    if (segment.parts.length === 0) continue
    const number = firstNumber(playlist) + index
    if (partTarget === undefined) {
      report('part-target-missing', 'there are parts but no EXT-X-PART-INF')
      return
    }
    let sum = 0
    for (const [place, part] of segment.parts.entries()) {
      sum += part.duration
      if (part.byteRange === undefined) uris.add(part.uri)
      if (part.duration > partTarget + ROUNDING) {
        report('part-duration', `part ${number}.${place} lasts ${part.duration}, PART-TARGET is ${partTarget}`)
      }
      const last = place === segment.parts.length - 1
      if (!last && !part.gap && part.duration < SHORTEST_PART * partTarget - ROUNDING) {
        report('part-short', `part ${number}.${place} lasts ${part.duration}, below 85 % of PART-TARGET ${partTarget}`)
      }
    }
    if ('duration' in segment && Math.abs(sum - (segment as Segment).duration) > PARTS_SUM_TOLERANCE) {
      report(
        'parts-sum',
        `the parts of segment ${number} last ${sum.toFixed(3)}, the segment ${(segment as Segment).duration}`,
        'warning',
      )
    }
  }
  for (const hint of playlist.preloadHints) {
    if (hint.type === 'PART' && hint.byteRangeStart === undefined && uris.has(hint.uri)) {
      report('preload-hint', `the hinted part ${hint.uri} is already listed`)
    }
  }
  if (uris.size > 0 && !playlist.ended && playlist.preloadHints.length === 0) {
    report('preload-hint', 'a live playlist with parts has no preload hint', 'warning')
  }
}

function lintChangedHeader(playlist: MediaPlaylist, previous: MediaPlaylist, report: Report): void {
  if (playlist.targetDuration !== previous.targetDuration) {
    report(
      'target-duration-changed',
      `the target duration was ${previous.targetDuration}, is ${playlist.targetDuration}`,
    )
  }
  if (playlist.partTarget !== previous.partTarget) {
    report(
      'part-target-changed',
      `PART-TARGET was ${previous.partTarget ?? 'absent'}, is ${playlist.partTarget ?? 'absent'}`,
    )
  }
  if (playlist.mediaSequence < previous.mediaSequence) {
    report('media-sequence', `the media sequence went from ${previous.mediaSequence} back to ${playlist.mediaSequence}`)
  }
  if (playlist.mediaSequence > previous.mediaSequence && playlist.playlistType !== undefined) {
    report('segment-removed', `a playlist of type ${playlist.playlistType} lost its first segment`)
  }
  if (previous.ended && !playlist.ended) report('ended-changed', 'EXT-X-ENDLIST went away')
  const was = position(previous)
  const is = position(playlist)
  if (is.number < was.number || (is.number === was.number && is.part < was.part)) {
    report('went-back', `the playlist ended at ${was.number}.${was.part} and now at ${is.number}.${is.part}`)
  } else if (previous.ended && (is.number > was.number || is.part > was.part)) {
    report('ended-changed', 'something was added after EXT-X-ENDLIST')
  }
  const removed = playlist.mediaSequence - previous.mediaSequence
  // Tags that a delta update left out, or that came and went unseen, cannot be counted.
  if (removed < 0 || previous.skip !== undefined || removed > previous.segments.length) return
  const gone = previous.segments.slice(0, removed).filter((segment) => segment.discontinuity).length
  const expected = previous.discontinuitySequence + gone
  if (playlist.discontinuitySequence !== expected) {
    report(
      'discontinuity-sequence',
      `expected discontinuity sequence ${expected}, found ${playlist.discontinuitySequence}`,
    )
  }
}

function lintChangedSegments(playlist: MediaPlaylist, previous: MediaPlaylist, report: Report): void {
  const offset = firstNumber(playlist) - firstNumber(previous)
  const keepParts = 3 * playlist.targetDuration
  let fromEnd = (playlist.openSegment?.parts ?? []).reduce((sum, part) => sum + part.duration, 0)
  for (let index = playlist.segments.length - 1; index >= 0; index--) {
    const segment = playlist.segments[index]
    const before =
      previous.segments[index + offset] ??
      (index + offset === previous.segments.length ? previous.openSegment : undefined)
    if (segment === undefined) continue
    fromEnd += segment.duration
    if (before === undefined) continue
    const number = firstNumber(playlist) + index
    if ('uri' in before) {
      const old = before as Segment
      if (old.uri !== segment.uri || Math.abs(old.duration - segment.duration) > ROUNDING) {
        report(
          'segment-changed',
          `segment ${number} was ${old.uri} (${old.duration}), is ${segment.uri} (${segment.duration})`,
        )
      }
    }
    // A delta update may leave out the tag at its beginning together with the segments before.
    if (before.discontinuity !== segment.discontinuity)
      report('segment-changed', `segment ${number} changed its discontinuity`)
    if (segment.parts.length < before.parts.length && (segment.parts.length > 0 || fromEnd <= keepParts)) {
      report(
        'parts-removed',
        `segment ${number} lost parts while it ends within three target durations of the live edge`,
      )
    }
  }
}

/** Number of the first listed segment. */
function firstNumber(playlist: MediaPlaylist): number {
  return playlist.mediaSequence + (playlist.skip?.skippedSegments ?? 0)
}

/** The segment being made, and how many parts of it are listed. */
function position(playlist: MediaPlaylist): { number: number; part: number } {
  return { number: firstNumber(playlist) + playlist.segments.length, part: playlist.openSegment?.parts.length ?? 0 }
}
