/** Text of SubStation Alpha events (SSA v4 and ASS v4+) as cues: styles are kept as far as WebVTT has them, places roughly. */
import { placeOfOldAlignment, settingsOfPlace } from './alignment.ts'
import { type CueStyle, CueText } from './cue-text.ts'

/** Fields before the text of an event as Matroska keeps it: ReadOrder, Layer, Style, Name, three margins, Effect. */
const FIELDS_BEFORE_TEXT = 8

/** What an event says. */
export interface AssText {
  /** Payload of a WebVTT cue; empty where the event only draws. */
  readonly text: string
  readonly settings?: string
}

/** The text of an event as Matroska keeps it (S_TEXT/ASS and S_TEXT/SSA): behind its eighth comma. */
export function assTextOfBlock(event: string): AssText {
  let at = 0
  for (let i = 0; i < FIELDS_BEFORE_TEXT; i++) {
    const comma = event.indexOf(',', at)
    if (comma === -1) return assText(event)
    at = comma + 1
  }
  return assText(event.slice(at))
}

/** The text field of an event. Never throws: what is not understood is left out. */
export function assText(source: string): AssText {
  const text = new CueText()
  let place: number | undefined
  let drawing = false
  // Text and overrides in turn: an override without end is text.
  for (const part of source.split(/(\{[^{}]*\})/)) {
    if (!part.startsWith('{') || !part.endsWith('}')) {
      if (!drawing) text.add(unescapeAss(part))
      continue
    }
    for (const [, name, value] of part.matchAll(OVERRIDE)) {
      const number = Number(value)
      if (name === undefined) text.plain()
      else if (name === 'p') drawing = number > 0
      else if (name === 'an') place ??= number
      else if (name === 'a') place ??= placeOfOldAlignment(number)
      // \b takes a weight too.
      else text.style(name as CueStyle, number > 0)
    }
  }
  const settings = place === undefined ? undefined : settingsOfPlace(place)
  return { text: text.finish(), ...(settings !== undefined && { settings }) }
}

/** The overrides that are kept, and \r, which ends them all. Longer names that begin so (\bord, \pos) are others. */
const OVERRIDE = /\\(?:(an|a|b|i|u|p)(\d*)(?![a-z(])|r)/g

function unescapeAss(text: string): string {
  return text.replaceAll('\\N', '\n').replaceAll('\\n', ' ').replaceAll('\\h', '\u00a0')
}
