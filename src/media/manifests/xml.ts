/** A small XML reader (XML 1.0, Namespaces 1.0) for documents from outside: no DTD, no entities but the built-in ones, fixed limits. */
import { FormatError } from '../../errors.ts'

const MAX_TEXT_LENGTH = 4 * 1024 * 1024
const MAX_DEPTH = 64
const MAX_ATTRIBUTES = 256
const MAX_VALUE_LENGTH = 64 * 1024
/** Bounds the memory of the tree: 4 MiB of `<a/>` would be a million objects. */
const MAX_ELEMENTS = 100_000

/** One element with everything in it. */
export interface XmlElement {
  /** As written, with its prefix: `cenc:pssh`. */
  readonly name: string
  /** Without its prefix: `pssh`. */
  readonly localName: string
  /** By name as written; namespace declarations are among them. */
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly XmlElement[]
  /** All character data directly inside, joined. */
  readonly text: string
}

/** The root element. Throws FormatError for malformed text, any DOCTYPE, unknown entities, and what exceeds the limits. */
export function parseXml(text: string): XmlElement {
  if (text.length > MAX_TEXT_LENGTH) throw tooLarge(`a document of at most ${MAX_TEXT_LENGTH} characters`, text.length)
  return new XmlReader(text).read()
}

/** Text for element content and for attribute values in double quotes; characters that XML cannot carry are left out. */
export function escapeXml(text: string): string {
  if (!SPECIAL.test(text)) return text
  return text.replace(SPECIAL_CHARACTERS, (character) => ESCAPES[character] ?? '')
}

/** The value by its name without a prefix; one without a prefix wins. */
export function xmlAttribute(element: XmlElement, localName: string): string | undefined {
  const plain = element.attributes.get(localName)
  if (plain !== undefined) return plain
  for (const [name, value] of element.attributes) {
    if (!name.startsWith('xmlns:') && withoutPrefix(name) === localName) return value
  }
  return undefined
}

/** Children of that name without a prefix, in order. */
export function xmlChildren(element: XmlElement, localName: string): XmlElement[] {
  return element.children.filter((child) => child.localName === localName)
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
}
const SPECIAL = /[&<>"\u0000-\u001f\ufffe\uffff]|\p{Surrogate}/u
const SPECIAL_CHARACTERS = /[&<>"\u0000-\u001f\ufffe\uffff]|\p{Surrogate}/gu

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
])

/** Longest text between & and ; that can mean something: a padded numeric reference. */
const MAX_REFERENCE_LENGTH = 16

const NAME = /[\p{L}_:][\p{L}\p{N}_:.\-\u00b7]*/uy
const SPACE = /[ \t\r\n]*/y

interface OpenElement {
  readonly name: string
  readonly localName: string
  readonly attributes: Map<string, string>
  readonly children: XmlElement[]
  text: string
}

const NO_ATTRIBUTES = new Map<string, string>()

class XmlReader {
  readonly #text: string
  #at = 0
  readonly #open: OpenElement[] = []
  #root: OpenElement | undefined
  #elements = 0

  constructor(text: string) {
    this.#text = text
    if (text.charCodeAt(0) === 0xfeff) this.#at = 1
  }

  read(): XmlElement {
    while (this.#at < this.#text.length) {
      if (this.#text[this.#at] !== '<') this.#readText()
      else if (this.#accept('<!--')) this.#skipPast('-->')
      else if (this.#accept('<![CDATA[')) this.#readCdata()
      else if (this.#accept('<?')) this.#skipPast('?>')
      else if (this.#accept('<!')) throw this.#error('no document type definition')
      else if (this.#accept('</')) this.#readEndTag()
      else this.#readStartTag()
    }
    const unfinished = this.#open.at(-1)
    if (unfinished !== undefined) throw this.#error(`</${unfinished.name}>`)
    if (this.#root === undefined) throw this.#error('an element')
    return this.#root
  }

  #readText(): void {
    const next = this.#text.indexOf('<', this.#at)
    const end = next < 0 ? this.#text.length : next
    const raw = this.#text.slice(this.#at, end)
    const parent = this.#open.at(-1)
    if (parent === undefined) {
      if (raw.trim() !== '') throw this.#error('no text outside the root element')
    } else {
      // Indentation between elements means nothing here and is not kept.
      this.#addText(parent, raw.trim() === '' ? '' : this.#resolve(raw))
    }
    this.#at = end
  }

  #readCdata(): void {
    const start = this.#at
    this.#skipPast(']]>')
    const parent = this.#open.at(-1)
    if (parent === undefined) throw this.#error('no text outside the root element')
    this.#addText(parent, this.#text.slice(start, this.#at - 3))
  }

  #addText(parent: OpenElement, text: string): void {
    if (parent.text.length + text.length > MAX_VALUE_LENGTH) {
      throw tooLarge(`text of at most ${MAX_VALUE_LENGTH} characters in one element`, parent.text.length + text.length)
    }
    parent.text += text
  }

  #readStartTag(): void {
    this.#at++
    const name = this.#name()
    if (this.#open.length === 0 && this.#root !== undefined) throw this.#error('one root element')
    if (this.#open.length >= MAX_DEPTH) throw tooLarge(`elements nested at most ${MAX_DEPTH} deep`, MAX_DEPTH + 1)
    if (++this.#elements > MAX_ELEMENTS) throw tooLarge(`at most ${MAX_ELEMENTS} elements`, this.#elements)
    const attributes = this.#readAttributes()
    const element: OpenElement = { name, localName: withoutPrefix(name), attributes, children: [], text: '' }
    const parent = this.#open.at(-1)
    if (parent === undefined) this.#root = element
    else parent.children.push(element)
    if (this.#accept('/>')) return
    if (!this.#accept('>')) throw this.#error('> or />')
    this.#open.push(element)
  }

  #readAttributes(): Map<string, string> {
    let attributes = NO_ATTRIBUTES
    for (;;) {
      this.#skipSpace()
      const next = this.#text[this.#at]
      if (next === '>' || next === '/') return attributes
      const name = this.#name()
      this.#skipSpace()
      if (!this.#accept('=')) throw this.#error('= after an attribute name')
      this.#skipSpace()
      const quote = this.#text[this.#at]
      if (quote !== '"' && quote !== "'") throw this.#error('a quoted attribute value')
      const end = this.#text.indexOf(quote, this.#at + 1)
      if (end < 0) throw this.#error('the end of an attribute value')
      const raw = this.#text.slice(this.#at + 1, end)
      if (raw.length > MAX_VALUE_LENGTH)
        throw tooLarge(`attribute values of at most ${MAX_VALUE_LENGTH} characters`, raw.length)
      if (raw.includes('<')) throw this.#error('no < in an attribute value')
      if (attributes === NO_ATTRIBUTES) attributes = new Map()
      if (attributes.has(name)) throw this.#error('no repeated attribute')
      if (attributes.size >= MAX_ATTRIBUTES) throw tooLarge(`at most ${MAX_ATTRIBUTES} attributes`, attributes.size + 1)
      attributes.set(name, this.#resolve(raw))
      this.#at = end + 1
    }
  }

  #readEndTag(): void {
    const name = this.#name()
    this.#skipSpace()
    const element = this.#open.pop()
    if (element?.name !== name || !this.#accept('>'))
      throw this.#error(element === undefined ? 'a start tag' : `</${element.name}>`)
  }

  /** Replaces references. The result is never longer than the raw text. */
  #resolve(raw: string): string {
    let ampersand = raw.indexOf('&')
    if (ampersand < 0) return raw
    let text = ''
    let at = 0
    while (ampersand >= 0) {
      const end = raw.indexOf(';', ampersand)
      if (end < 0 || end - ampersand > MAX_REFERENCE_LENGTH) throw this.#error('a reference such as &amp;')
      text += raw.slice(at, ampersand) + this.#reference(raw.slice(ampersand + 1, end))
      at = end + 1
      ampersand = raw.indexOf('&', at)
    }
    return text + raw.slice(at)
  }

  #reference(name: string): string {
    const known = ENTITIES.get(name)
    if (known !== undefined) return known
    const digits = /^#(?:x([0-9a-fA-F]{1,8})|(\d{1,9}))$/.exec(name)
    const code = digits === null ? -1 : digits[1] === undefined ? Number(digits[2]) : Number.parseInt(digits[1], 16)
    const allowed =
      code === 9 || code === 10 || code === 13 || (code >= 0x20 && code < 0xd800) || (code > 0xdfff && code <= 0x10ffff)
    if (!allowed || code === 0xfffe || code === 0xffff) throw this.#error('a built-in entity or a character reference')
    return String.fromCodePoint(code)
  }

  #name(): string {
    NAME.lastIndex = this.#at
    const name = NAME.exec(this.#text)?.[0]
    if (name === undefined) throw this.#error('a name')
    this.#at += name.length
    return name
  }

  #skipSpace(): void {
    SPACE.lastIndex = this.#at
    this.#at += SPACE.exec(this.#text)?.[0].length ?? 0
  }

  #accept(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false
    this.#at += token.length
    return true
  }

  #skipPast(token: string): void {
    const end = this.#text.indexOf(token, this.#at)
    if (end < 0) throw this.#error(token)
    this.#at = end + token.length
  }

  #error(expected: string): FormatError {
    const next = this.#text.slice(this.#at, this.#at + 20)
    const found = next === '' ? 'the end' : `"${next}"`
    return new FormatError('ERR_XML_SYNTAX', `expected ${expected}, found ${found}`, this.#at)
  }
}

function withoutPrefix(name: string): string {
  return name.slice(name.indexOf(':') + 1)
}

function tooLarge(expected: string, found: number): FormatError {
  return new FormatError('ERR_XML_TOO_LARGE', `expected ${expected}, found ${found}`)
}
