/** The line that says when a subtitle is shown, of SubRip and WebVTT files: `00:01:02,500 --> 00:01:04,000`. */
import { MICROS_PER_MS, type Micros } from '../time.ts'

/** Hours, minutes, seconds, fraction; hours and fraction may be missing. Files by hand have spaces and single digits in it. */
const TIME = String.raw`(?:(\d{1,4})\s*:\s*)?(\d{1,3})\s*:\s*(\d{1,2})(?:\s*[.,:]\s*(\d{1,9}))?`
const TIMING = new RegExp(String.raw`^\s*${TIME}\s*-{1,2}>\s*${TIME}(?:\s+(.*))?\s*$`)
/** A line with an arrow that is longer is no timing; the limit keeps the search short. */
const MAX_LINE = 1000

export interface Timing {
  readonly start: Micros
  readonly end: Micros
  /** What follows: settings of WebVTT, coordinates of SubRip. */
  readonly rest: string
}

/** `undefined` for any other line. */
export function parseTiming(line: string): Timing | undefined {
  if (line.length > MAX_LINE || !line.includes('>')) return undefined
  const match = TIMING.exec(line)
  if (match === null) return undefined
  return { start: timeOf(match, 1), end: timeOf(match, 5), rest: match[9] ?? '' }
}

function timeOf(match: RegExpExecArray, at: number): Micros {
  const [hours = '0', minutes = '0', seconds = '0', fraction = '0'] = match.slice(at, at + 4)
  const whole = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)
  return whole * 1_000_000 + Math.round(Number(`0.${fraction}`) * 1_000_000)
}

/** `01:02:03.456`, rounded to the millisecond; negative times are zero. */
export function formatVttTime(time: Micros): string {
  const ms = Math.max(0, Math.round(time / MICROS_PER_MS))
  const two = (value: number) => String(value).padStart(2, '0')
  const seconds = Math.floor(ms / 1000)
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(two).join(':')
  return `${clock}.${String(ms % 1000).padStart(3, '0')}`
}
