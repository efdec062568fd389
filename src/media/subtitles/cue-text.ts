/** Builds the payload of a cue from text with styles that are switched on and off in any order (W3C WebVTT, section 3.2 and 4.2.2). */
import { MAX_CUE_LENGTH } from './cue.ts'

/** Styles that all formats of subtitles and WebVTT share: bold, italic, underlined. Also the names of WebVTT's tags. */
export const CUE_STYLES = ['b', 'i', 'u'] as const
export type CueStyle = (typeof CUE_STYLES)[number]

/** Escapes that WebVTT knows; subtitles of other formats that have been through HTML hold them too. */
const KNOWN_ESCAPE = /&(?!(?:amp|lt|gt|nbsp|lrm|rlm);)/g

/** Tags are nested properly whatever the order of the calls; those that hold no text are left out. */
export class CueText {
  readonly #wanted = new Set<CueStyle>()
  /** Innermost last. */
  #open: CueStyle[] = []
  #payload = ''
  #length = 0

  /** What follows is of this style, or no longer. */
  style(style: CueStyle, on: boolean): void {
    if (on) this.#wanted.add(style)
    else this.#wanted.delete(style)
  }

  /** No style from here on. */
  plain(): void {
    this.#wanted.clear()
  }

  /** Text as it is to be read. What goes beyond `MAX_CUE_LENGTH` is left out. */
  add(text: string): void {
    const kept = text.slice(0, MAX_CUE_LENGTH - this.#length)
    if (kept === '') return
    this.#length += kept.length
    this.#switchTags()
    this.#payload += escapeCueText(kept)
  }

  /** The payload: no space at the ends of lines, no empty lines. */
  finish(): string {
    this.#wanted.clear()
    this.#switchTags()
    return withoutEmptyLines(this.#payload)
  }

  #switchTags(): void {
    const keep = this.#open.findIndex((style) => !this.#wanted.has(style))
    const closed = keep === -1 ? [] : this.#open.splice(keep)
    for (const style of closed.reverse()) this.#payload += `</${style}>`
    for (const style of CUE_STYLES) {
      if (!this.#wanted.has(style) || this.#open.includes(style)) continue
      this.#payload += `<${style}>`
      this.#open.push(style)
    }
  }
}

/** Text as it is to be read, as payload of a cue. Escapes of WebVTT in it stay what they are. */
export function escapeCueText(text: string): string {
  return text.replaceAll('\0', '\ufffd').replace(KNOWN_ESCAPE, '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** Empty lines would end the cue. */
export function withoutEmptyLines(payload: string): string {
  return payload
    .split(/\r\n|\n|\r/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n')
}
