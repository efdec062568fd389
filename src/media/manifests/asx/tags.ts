/** The tags and texts of an ASX file, one after the other, without asking whether they fit together. */
import { FormatError } from '../../../errors.ts'

/** A piece of the file. Names are in lower case; `closed`: it ends with its own tag. */
export type Tag =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'end'; readonly name: string }
  | {
      readonly type: 'start'
      readonly name: string
      readonly attributes: ReadonlyMap<string, string>
      readonly closed: boolean
    }

/** Characters of an attribute or of the text of an element. */
export const MAX_ASX_VALUE_LENGTH = 64 * 1024
const MAX_ATTRIBUTES = 256
const MAX_TAGS = 100_000

const NAME = /[a-z_][\w:.-]*/iy
const SPACE = /[\s\0]*/y
const UNQUOTED = /[^\s\0>]*/y
/** Characters and the five names of XML; all else stays as it is. No reference is longer than what it stands for is in bytes. */
const REFERENCE = /&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([0-9a-f]{1,6}));/gi
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** Throws FormatError ERR_ASX_SYNTAX for a document type definition and a tag without end, ERR_ASX_TOO_LARGE above the limits. */
export function* tagsOf(source: string): IterableIterator<Tag> {
  const scanner = new TagScanner(source)
  for (let count = 1; ; count++) {
    const tag = scanner.next()
    if (tag === undefined) return
    if (count > MAX_TAGS) throw new FormatError('ERR_ASX_TOO_LARGE', `expected at most ${MAX_TAGS} tags, found more`)
    yield tag
  }
}

class TagScanner {
  readonly #source: string
  #at = 0

  constructor(source: string) {
    this.#source = source
  }

  next(): Tag | undefined {
    for (;;) {
      if (this.#at >= this.#source.length) return undefined
      if (this.#accept('<!--')) this.#skipPast('-->')
      else if (this.#accept('<?')) this.#skipPast('>')
      else if (this.#accept('<![CDATA[')) return this.#cdata()
      else if (this.#accept('<!')) throw this.#error('no document type definition')
      else if (this.#accept('</')) return this.#end()
      else if (this.#beginsTag()) return this.#start()
      else return this.#text()
    }
  }

  /** A `<` before anything but a letter is text. */
  #beginsTag(): boolean {
    return this.#source[this.#at] === '<' && /[a-z_]/i.test(this.#source[this.#at + 1] ?? '')
  }

  #text(): Tag {
    const next = this.#source.indexOf('<', this.#at + 1)
    const end = next < 0 ? this.#source.length : next
    const text = resolve(this.#source.slice(this.#at, end))
    this.#at = end
    return { type: 'text', text }
  }

  #cdata(): Tag {
    const start = this.#at
    this.#skipPast(']]>')
    return { type: 'text', text: this.#source.slice(start, this.#at - 3) }
  }

  #end(): Tag {
    const name = this.#match(NAME).toLowerCase()
    this.#skipPast('>')
    return { type: 'end', name }
  }

  #start(): Tag {
    this.#at++
    const name = this.#match(NAME).toLowerCase()
    const attributes = new Map<string, string>()
    for (;;) {
      this.#match(SPACE)
      if (this.#at >= this.#source.length) throw this.#error(`the end of <${name.slice(0, 40)}`)
      if (this.#accept('/>')) return { type: 'start', name, attributes, closed: true }
      if (this.#accept('>')) return { type: 'start', name, attributes, closed: false }
      const attribute = this.#match(NAME).toLowerCase()
      // Stray characters between attributes mean nothing.
      if (attribute === '') this.#at++
      else {
        const value = this.#value()
        if (attributes.size >= MAX_ATTRIBUTES) {
          throw new FormatError(
            'ERR_ASX_TOO_LARGE',
            `expected at most ${MAX_ATTRIBUTES} attributes, found more`,
            this.#at,
          )
        }
        if (!attributes.has(attribute)) attributes.set(attribute, value)
      }
    }
  }

  #value(): string {
    this.#match(SPACE)
    if (!this.#accept('=')) return ''
    this.#match(SPACE)
    const quote = this.#source[this.#at]
    let raw: string
    if (quote === '"' || quote === "'") {
      const end = this.#source.indexOf(quote, this.#at + 1)
      if (end < 0) throw this.#error('the end of an attribute value')
      raw = this.#source.slice(this.#at + 1, end)
      this.#at = end + 1
    } else {
      raw = this.#match(UNQUOTED)
      // Behind an unquoted address the slash closes the tag.
      if (raw.endsWith('/') && this.#source[this.#at] === '>') {
        raw = raw.slice(0, -1)
        this.#at--
      }
    }
    if (raw.length > MAX_ASX_VALUE_LENGTH) {
      throw new FormatError(
        'ERR_ASX_TOO_LARGE',
        `expected values of at most ${MAX_ASX_VALUE_LENGTH} characters, found ${raw.length}`,
        this.#at,
      )
    }
    return resolve(raw)
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const text = pattern.exec(this.#source)?.[0] ?? ''
    this.#at += text.length
    return text
  }

  #accept(token: string): boolean {
    if (!this.#source.startsWith(token, this.#at)) return false
    this.#at += token.length
    return true
  }

  #skipPast(token: string): void {
    const end = this.#source.indexOf(token, this.#at)
    if (end < 0) throw this.#error(token)
    this.#at = end + token.length
  }

  #error(expected: string): FormatError {
    const next = this.#source.slice(this.#at, this.#at + 20)
    const found = next === '' ? 'the end' : JSON.stringify(next)
    return new FormatError('ERR_ASX_SYNTAX', `expected ${expected}, found ${found}`, this.#at)
  }
}

/** Never longer than the text it came from. */
function resolve(raw: string): string {
  if (!raw.includes('&')) return raw
  return raw.replace(REFERENCE, (whole, name?: string, decimal?: string, hexadecimal?: string) => {
    if (name !== undefined) return NAMED[name.toLowerCase()] ?? whole
    const code = decimal === undefined ? Number.parseInt(hexadecimal ?? '', 16) : Number(decimal)
    const allowed = code === 9 || code === 10 || code === 13 || (code >= 0x20 && code < 0xd800) || code > 0xdfff
    return allowed && code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}
