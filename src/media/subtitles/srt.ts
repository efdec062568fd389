/** Reads SubRip files (.srt), as they are found: there is no specification of them. */
import { type Cue, inOrder, MAX_CUES } from './cue.ts'
import { srtText } from './srt-text.ts'
import { parseTiming, type Timing } from './timing.ts'

/**
 * Only the lines with times are believed: numbers may be wrong or missing, as may empty lines between subtitles, or there may be more of
 * them. Subtitles without text, or that end before they begin, are left out. At most 50 000 are read. Never throws.
 */
export function parseSrt(text: string): readonly Cue[] {
  const cues: Cue[] = []
  let timing: Timing | undefined
  let lines: string[] = []
  const finish = () => {
    if (timing !== undefined && timing.end > timing.start) {
      const cue = srtText(lines.join('\n'))
      if (cue.text !== '') cues.push({ start: timing.start, end: timing.end, ...cue })
    }
    lines = []
  }
  for (const line of text.split(/\r\n|\n|\r/)) {
    const next = parseTiming(line)
    if (next === undefined) {
      lines.push(line)
      continue
    }
    // The line right before the times is the number of the subtitle.
    if (/^\s*\d+\s*$/.test(lines.at(-1) ?? '')) lines.pop()
    finish()
    if (cues.length === MAX_CUES) return inOrder(cues)
    timing = next
  }
  finish()
  return inOrder(cues)
}
