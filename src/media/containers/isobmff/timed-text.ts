/** Subtitles in MP4 and MOV as cues of WebVTT: `tx3g` and QuickTime `text` (3GPP TS 26.245), `wvtt` (ISO/IEC 14496-30 section 7). */
import { ByteReader } from '../../bytes/byte-reader.ts'
import { CueText } from '../../subtitles/cue-text.ts'
import { topLevelBoxes } from './box.ts'

/** How the samples of a text track are written. */
export type TextForm = 'tx3g' | 'wvtt'

/** Cues that one sample shows; nobody reads more. */
const MAX_CUES_IN_SAMPLE = 32
/** Of one sample: styles that change. */
const MAX_STYLE_RECORDS = 256
/** face-style-flags. */
const STYLE_FLAGS = { b: 1, i: 2, u: 4 } as const
const BYTE_ORDER_MARK = 0xfeff

/** What a sample shows: payloads of cues, empty when it shows nothing. Throws FormatError for lengths that leave the sample. */
export function cuesOfSample(sample: Uint8Array, form: TextForm): readonly string[] {
  const cues = form === 'wvtt' ? webVttCues(sample) : [styledText(sample)]
  return cues.filter((cue) => cue !== '')
}

function webVttCues(sample: Uint8Array): string[] {
  const cues: string[] = []
  for (const cue of topLevelBoxes(sample)) {
    if (cue.type !== 'vttc' || cues.length >= MAX_CUES_IN_SAMPLE) continue
    for (const { type, body } of topLevelBoxes(cue.body.rest())) {
      if (type === 'payl') cues.push(body.utf8(body.remaining).replaceAll('\0', '').trim())
    }
  }
  return cues
}

interface StyleRecord {
  /** Characters. */
  readonly start: number
  readonly end: number
  readonly flags: number
}

function styledText(sample: Uint8Array): string {
  const reader = new ByteReader(sample)
  // QuickTime has empty samples where nothing is shown.
  if (reader.remaining < 2) return ''
  const text = decodeText(reader.sub(reader.u16()))
  const styles: StyleRecord[] = []
  for (const { type, body } of topLevelBoxes(reader.rest())) if (type === 'styl') styles.push(...readStyles(body))
  const cue = new CueText()
  let at = 0
  for (const { start, end, flags } of styles) {
    if (start < at || end <= start) continue
    cue.plain()
    cue.add(text.slice(at, start).join(''))
    for (const style of ['b', 'i', 'u'] as const) cue.style(style, (flags & STYLE_FLAGS[style]) !== 0)
    cue.add(text.slice(start, end).join(''))
    at = end
  }
  cue.plain()
  cue.add(text.slice(at).join(''))
  return cue.finish()
}

/** By characters, as style records count. UTF-8, or UTF-16 with a byte order mark. */
function decodeText(reader: ByteReader): string[] {
  const { bytes } = reader
  if (bytes.byteLength < 2 || (((bytes[0] as number) << 8) | (bytes[1] as number)) !== BYTE_ORDER_MARK) {
    return Array.from(reader.utf8(reader.remaining))
  }
  reader.skip(2)
  let text = ''
  while (reader.remaining >= 2) text += String.fromCharCode(reader.u16())
  return Array.from(text.toWellFormed())
}

/** `styl`: count, then start, end, font, flags, size and colour of each. */
function readStyles(body: ByteReader): StyleRecord[] {
  const count = Math.min(body.u16(), MAX_STYLE_RECORDS)
  const styles: StyleRecord[] = []
  for (let i = 0; i < count; i++) {
    const start = body.u16()
    const end = body.u16()
    body.skip(2)
    styles.push({ start, end, flags: body.u8() })
    body.skip(5)
  }
  return styles
}
