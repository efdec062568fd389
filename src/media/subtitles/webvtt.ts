/** Reads and writes WebVTT (W3C WebVTT, sections 4 and 6.1). */
import { microsToTicks } from '../time.ts'
import { type Cue, type CueSpan, cuesWithin, inOrder, MAX_CUE_LENGTH, MAX_CUES } from './cue.ts'
import { withoutEmptyLines } from './cue-text.ts'
import { formatVttTime, parseTiming, type Timing } from './timing.ts'

/** Settings that mean something without the regions of the file. */
const SETTING = /^(?:vertical|line|position|size|align):[\w%.,-]+$/
/** Ticks a second of the clock of MPEG-TS, and where it wraps. */
const MPEGTS_TIMESCALE = 90_000
const MPEGTS_RANGE = 2 ** 33

/** Whether a text is WebVTT: files of other formats are found under its name, and the other way round. */
export function isWebVtt(text: string): boolean {
  return /^\ufeff?WEBVTT(?:[ \t\r\n]|$)/.test(text)
}

/**
 * The cues of a file. Notes, styles and regions are left out, and so are cues without text and those that end before they begin. Tolerates
 * a missing header, commas in times, and cues that follow without an empty line. At most 50 000 are read. Never throws.
 */
export function parseWebVtt(text: string): readonly Cue[] {
  const cues: Cue[] = []
  let timing: Timing | undefined
  let lines: string[] = []
  const finish = () => {
    if (timing !== undefined && timing.end > timing.start) {
      const payload = withoutEmptyLines(lines.join('\n').replaceAll('\0', '\ufffd')).slice(0, MAX_CUE_LENGTH)
      const settings = knownSettings(timing.rest)
      if (payload !== '') {
        cues.push({ start: timing.start, end: timing.end, text: payload, ...(settings !== '' && { settings }) })
      }
    }
    timing = undefined
    lines = []
  }
  for (const line of text.split(/\r\n|\n|\r/)) {
    const next = parseTiming(line)
    if (next !== undefined) {
      // Without an empty line between: the name of the next cue, as far as it can be told from text.
      if (lines.length > 1 && /^\s*\d+\s*$/.test(lines.at(-1) ?? '')) lines.pop()
      finish()
      if (cues.length === MAX_CUES) return inOrder(cues)
      timing = next
    } else if (line.includes('-->') || line.trim() === '') finish()
    // Outside of a cue: header, note, style, region, or the name of the next cue.
    else if (timing !== undefined) lines.push(line)
  }
  finish()
  return inOrder(cues)
}

function knownSettings(text: string): string {
  return text
    .split(/\s+/)
    .filter((setting) => SETTING.test(setting))
    .join(' ')
}

/** A whole file. */
export function writeWebVtt(cues: readonly Cue[]): Uint8Array {
  return utf8.encode(`WEBVTT\n\n${cues.map(formatCue).join('')}`)
}

export interface WebVttSegmentOptions {
  /** What segments of sound and picture say at the beginning of the film; 0 when left out. */
  readonly mediaStart?: number
}

/**
 * A segment of an HLS subtitle rendition (RFC 8216 section 3.5): every cue that is shown within the span, with its own whole times, so that a
 * cue is in each segment that it touches.
 */
export function writeWebVttSegment(
  cues: readonly Cue[],
  span: CueSpan,
  { mediaStart = 0 }: WebVttSegmentOptions = {},
): Uint8Array {
  const ticks = microsToTicks(mediaStart, MPEGTS_TIMESCALE)
  const map = `X-TIMESTAMP-MAP=MPEGTS:${((ticks % MPEGTS_RANGE) + MPEGTS_RANGE) % MPEGTS_RANGE},LOCAL:00:00:00.000`
  return utf8.encode(`WEBVTT\n${map}\n\n${cuesWithin(cues, span).map(formatCue).join('')}`)
}

function formatCue({ start, end, text, settings }: Cue): string {
  const times = `${formatVttTime(start)} --> ${formatVttTime(end)}`
  return `${times}${settings === undefined ? '' : ` ${settings}`}\n${text}\n\n`
}

// Media code runs in Node and in browsers; both have TextEncoder, but neither's type library is loaded here.
declare const TextEncoder: new () => { encode(text: string): Uint8Array }
const utf8 = new TextEncoder()
