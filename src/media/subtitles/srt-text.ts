/** Text of SubRip subtitles as payload of cues: the tags of HTML and of SubStation Alpha that files hold. */
import { assText } from './ass-text.ts'
import { CUE_STYLES, type CueStyle, CueText } from './cue-text.ts'

/** Tags that are left out but for the three styles; a `<` that begins no tag is text. In braces: what MicroDVD and SubStation Alpha know. */
const TAG = /(<\/?[a-z][^<>\n]{0,500}>|\{\/?[biu]\}|\{\\[^{}\n]{0,500}\})/i
const STYLE_TAG = /^[<{](\/?)\s*([biu])\s*[>}]$/i

export interface SrtText {
  /** Payload of a WebVTT cue. */
  readonly text: string
  readonly settings?: string
}

/** `source`: the lines of one subtitle. Never throws. */
export function srtText(source: string): SrtText {
  const text = new CueText()
  let settings: string | undefined
  for (const part of source.split(TAG)) {
    const style = STYLE_TAG.exec(part)
    if (style !== null) text.style(styleNamed(style[2]), style[1] === '')
    else if (part.startsWith('{\\') && part.endsWith('}')) settings ??= assText(part).settings
    else if (!isTag(part)) text.add(part)
  }
  return { text: text.finish(), ...(settings !== undefined && { settings }) }
}

function isTag(part: string): boolean {
  return part.startsWith('<') && part.endsWith('>') && /^<\/?[a-z]/i.test(part) && !part.slice(1).includes('<')
}

function styleNamed(letter: string | undefined): CueStyle {
  const name = letter?.toLowerCase()
  return CUE_STYLES.find((style) => style === name) ?? 'b'
}
