/**
 * Reads structured field dictionaries as CMCD uses them, and lists as CMSD does (RFC 8941 sections 3.1 and 3.2), in one pass and without
 * backtracking. What breaks the grammar ends with the next comma outside quotes: a log of which one value is broken still tells the others.
 */

/** One value: text of a string or token, a number, true or false. */
export type BareItem =
  | { readonly type: 'integer' | 'decimal'; readonly value: number }
  | { readonly type: 'string' | 'token'; readonly value: string }
  | { readonly type: 'boolean'; readonly value: boolean }

/** A value with the parameters behind it. */
export interface FieldItem {
  readonly bare: BareItem
  /** The last of each name; `undefined`: none. */
  readonly parameters: ReadonlyMap<string, BareItem> | undefined
}

export type FieldValue = FieldItem | { readonly list: readonly FieldItem[] }

/** Items of one inner list. */
export const MAX_LIST_ITEMS = 64
const MAX_PARAMETERS = 16
/** RFC 8941 section 3.3.1 and 3.3.2: digits of an integer, and of a decimal before and behind the point. */
const MAX_INTEGER_DIGITS = 15
const MAX_WHOLE_DIGITS = 12
const MAX_FRACTION_DIGITS = 3

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const EQUALS = 0x3d
const SEMICOLON = 0x3b
const OPEN = 0x28
const CLOSE = 0x29
const SPACE = 0x20
const TAB = 0x09
const MINUS = 0x2d
const DOT = 0x2e
const QUESTION = 0x3f
const STAR = 0x2a

/** What stands behind the end: no character. */
const END = -1
/** In place of characters that no byte has: none of them has a place in the grammar. */
const OTHER = 0x7f
const encoder = new TextEncoder()

/**
 * Keys of a few characters, of seven bits each, by these: nearly all keys are, and come again with each record. A text that is there already is
 * found faster than one that is cut anew.
 */
const shortKeys = new Map<number, string>()
const BITS = 7
const MAX_PACKED = 4
const MAX_SHORT_KEYS = 512

export class DictionaryScanner {
  readonly #text: string
  /** A code for each character of the text: many looks at a part of a longer text would take the way to the whole each time. */
  readonly #codes: Uint8Array
  readonly #end: number
  #at = 0
  #key = ''
  #value: FieldValue | undefined
  #broken = 0

  constructor(text: string) {
    this.#text = text
    this.#codes = codesOf(text)
    this.#end = text.length
  }

  /** Of the entry that `next` found. */
  get key(): string {
    return this.#key
  }

  /** Of the entry that `next` found; `undefined`: it breaks the grammar. */
  get value(): FieldValue | undefined {
    return this.#value
  }

  /** Entries so far that break the grammar. */
  get broken(): number {
    return this.#broken
  }

  /** Goes to the next entry; false at the end. */
  next(): boolean {
    return this.#next(true)
  }

  /** Goes to the next member of a list in place of a dictionary (RFC 8941 section 3.1), an item without a key; false at the end. */
  nextMember(): boolean {
    return this.#next(false)
  }

  #next(keyed: boolean): boolean {
    this.#skipSpaces()
    if (this.#at >= this.#text.length) return false
    const start = this.#at
    this.#value = keyed ? this.#readEntry() : this.#readItem()
    this.#skipSpaces()
    if (this.#value !== undefined && this.#at < this.#text.length && this.#code() !== COMMA) this.#value = undefined
    if (this.#value === undefined) {
      this.#broken++
      // From its start, so that it is known what is within quotes.
      this.#at = start
    }
    this.#skipPastComma()
    return true
  }

  #readEntry(): FieldValue | undefined {
    this.#key = this.#readKey()
    return this.#key === '' ? undefined : this.#readValue()
  }

  #readValue(): FieldValue | undefined {
    if (this.#code() !== EQUALS) return this.#withParameters({ type: 'boolean', value: true })
    this.#at++
    if (this.#code() !== OPEN) return this.#readItem()
    this.#at++
    const list: FieldItem[] = []
    for (;;) {
      this.#skipSpaces()
      if (this.#code() === CLOSE) {
        this.#at++
        // Parameters of the list as a whole say nothing in CMCD.
        return this.#withParameters({ type: 'boolean', value: true }) === undefined ? undefined : { list }
      }
      const item = this.#readItem()
      if (item === undefined || list.length >= MAX_LIST_ITEMS) return undefined
      list.push(item)
      const code = this.#code()
      if (code !== SPACE && code !== CLOSE) return undefined
    }
  }

  #readItem(): FieldItem | undefined {
    const bare = this.#readBare()
    return bare === undefined ? undefined : this.#withParameters(bare)
  }

  #withParameters(bare: BareItem): FieldItem | undefined {
    let parameters: Map<string, BareItem> | undefined
    while (this.#code() === SEMICOLON) {
      this.#at++
      this.#skipSpaces()
      const name = this.#readKey()
      if (name === '') return undefined
      let value: BareItem | undefined = { type: 'boolean', value: true }
      if (this.#code() === EQUALS) {
        this.#at++
        value = this.#readBare()
      }
      if (value === undefined) return undefined
      parameters ??= new Map()
      if (parameters.size >= MAX_PARAMETERS) return undefined
      parameters.set(name, value)
    }
    return { bare, parameters }
  }

  #readBare(): BareItem | undefined {
    const code = this.#code()
    if (code === QUOTE) return this.#readString()
    if (code === QUESTION) return this.#readBoolean()
    if (code === MINUS || isDigit(code)) return this.#readNumber()
    if (code === STAR || isAlpha(code)) return this.#readToken()
    return undefined
  }

  #readString(): BareItem | undefined {
    let start = ++this.#at
    let value = ''
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#code()
      if (code === QUOTE) {
        value += this.#text.slice(start, this.#at++)
        return { type: 'string', value }
      }
      if (code === BACKSLASH) {
        value += this.#text.slice(start, this.#at)
        start = ++this.#at
        const escaped = this.#code()
        if (escaped !== QUOTE && escaped !== BACKSLASH) return undefined
      }
    }
    return undefined
  }

  #readBoolean(): BareItem | undefined {
    const digit = this.#text[this.#at + 1]
    if (digit !== '0' && digit !== '1') return undefined
    this.#at += 2
    return { type: 'boolean', value: digit === '1' }
  }

  #readNumber(): BareItem | undefined {
    const start = this.#at
    if (this.#code() === MINUS) this.#at++
    const whole = this.#skipDigits()
    if (whole === 0) return undefined
    if (this.#code() !== DOT) {
      if (whole > MAX_INTEGER_DIGITS) return undefined
      return { type: 'integer', value: Number(this.#text.slice(start, this.#at)) + 0 }
    }
    this.#at++
    const fraction = this.#skipDigits()
    if (whole > MAX_WHOLE_DIGITS || fraction === 0 || fraction > MAX_FRACTION_DIGITS) return undefined
    return { type: 'decimal', value: Number(this.#text.slice(start, this.#at)) + 0 }
  }

  #skipDigits(): number {
    const start = this.#at
    while (isDigit(this.#code())) this.#at++
    return this.#at - start
  }

  #readToken(): BareItem {
    const start = this.#at++
    while (isTokenCode(this.#code())) this.#at++
    return { type: 'token', value: this.#text.slice(start, this.#at) }
  }

  #readKey(): string {
    const start = this.#at
    const first = this.#code()
    if (first !== STAR && !isLower(first)) return ''
    let packed = first
    this.#at++
    for (let code = this.#code(); isKeyCode(code); code = this.#code()) {
      packed = (packed << BITS) | code
      this.#at++
    }
    return this.#at - start > MAX_PACKED ? this.#text.slice(start, this.#at) : this.#shortKey(packed, start)
  }

  #shortKey(packed: number, start: number): string {
    const known = shortKeys.get(packed)
    if (known !== undefined) return known
    const key = this.#text.slice(start, this.#at)
    if (shortKeys.size < MAX_SHORT_KEYS) shortKeys.set(packed, key)
    return key
  }

  #skipSpaces(): void {
    while (this.#code() === SPACE || this.#code() === TAB) this.#at++
  }

  #skipPastComma(): void {
    let quoted = false
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#code()
      if (code === QUOTE) quoted = !quoted
      else if (quoted && code === BACKSLASH) this.#at++
      else if (!quoted && code === COMMA) {
        this.#at++
        return
      }
    }
  }

  #code(): number {
    return this.#at < this.#end ? (this.#codes[this.#at] as number) : END
  }
}

function codesOf(text: string): Uint8Array {
  const codes = new Uint8Array(text.length)
  // Of ASCII, which it nearly always is, the encoding has as many bytes as characters.
  if (encoder.encodeInto(text, codes).read === text.length) return codes
  for (let at = 0; at < codes.length; at++) {
    const code = text.charCodeAt(at)
    codes[at] = code > 0xff ? OTHER : code
  }
  return codes
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

function isLower(code: number): boolean {
  return code >= 0x61 && code <= 0x7a
}

function isAlpha(code: number): boolean {
  return isLower(code) || (code >= 0x41 && code <= 0x5a)
}

function isKeyCode(code: number): boolean {
  return isLower(code) || isDigit(code) || code === 0x5f || code === MINUS || code === DOT || code === STAR
}

/** RFC 8941 section 3.3.4: characters of HTTP tokens, colon and slash. */
function isTokenCode(code: number): boolean {
  if (isAlpha(code) || isDigit(code)) return true
  return (
    code === 0x21 ||
    (code >= 0x23 && code <= 0x27) ||
    (code >= 0x2a && code <= 0x2b) ||
    (code >= 0x2d && code <= 0x2f) ||
    code === 0x3a ||
    (code >= 0x5e && code <= 0x60) ||
    code === 0x7c ||
    code === 0x7e
  )
}
