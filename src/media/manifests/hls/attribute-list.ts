/** Attribute lists of HLS tags (RFC 8216bis section 4.2): reading with checks, and the text forms of values. */
import { FormatError } from '../../../errors.ts'
import type { ByteRange, Resolution } from './model.ts'

/** Longest time span taken from a playlist, in seconds: a month. Longer ones are nonsense or an attack. */
export const MAX_DURATION = 31 * 86_400

/** Most attributes of one tag; real tags have fewer than 30. */
const MAX_ATTRIBUTES = 256

const INTEGER = /^\d{1,20}$/
const DECIMAL = /^\d{1,20}(?:\.\d{0,20})?$/
const SIGNED_DECIMAL = /^-?\d{1,20}(?:\.\d{0,20})?$/
const RESOLUTION = /^(\d{1,6})x(\d{1,6})$/
const BYTE_RANGE = /^(\d{1,20})(?:@(\d{1,20}))?$/

/** The attributes of one tag. Getters return `undefined` for an absent attribute and throw FormatError for a malformed one. */
export class AttributeList {
  readonly #tag: string
  readonly #values: ReadonlyMap<string, string>

  /** `tag` is for messages; `text` is what follows the colon. A repeated name: the last one counts. */
  constructor(tag: string, text: string) {
    this.#tag = tag
    this.#values = parsePairs(tag, text)
  }

  /** Names and raw values (quotes removed), in the order of the text. */
  entries(): Iterable<[string, string]> {
    return this.#values.entries()
  }

  /** A quoted or an enumerated string. */
  text(name: string): string | undefined {
    return this.#values.get(name)
  }

  requiredText(name: string): string {
    return this.#values.get(name) ?? this.#missing(name)
  }

  integer(name: string): number | undefined {
    const value = this.#values.get(name)
    return value === undefined ? undefined : parseInteger(`${this.#tag} ${name}`, value)
  }

  requiredInteger(name: string): number {
    return this.integer(name) ?? this.#missing(name)
  }

  /** A time span in seconds. */
  duration(name: string): number | undefined {
    const value = this.#values.get(name)
    return value === undefined ? undefined : parseSeconds(`${this.#tag} ${name}`, value)
  }

  requiredDuration(name: string): number {
    return this.duration(name) ?? this.#missing(name)
  }

  /** A number that may be negative. */
  decimal(name: string): number | undefined {
    const value = this.#values.get(name)
    if (value === undefined) return undefined
    if (!SIGNED_DECIMAL.test(value)) throw invalid(`${this.#tag} ${name}`, 'a decimal number', value)
    return Number(value)
  }

  /** `true` for YES, otherwise `undefined`: the models carry flags only when set. */
  yes(name: string): true | undefined {
    return this.#values.get(name) === 'YES' ? true : undefined
  }

  resolution(name: string): Resolution | undefined {
    const value = this.#values.get(name)
    if (value === undefined) return undefined
    const match = RESOLUTION.exec(value)
    if (match === null) throw invalid(`${this.#tag} ${name}`, 'WIDTHxHEIGHT', value)
    return { width: Number(match[1]), height: Number(match[2]) }
  }

  #missing(name: string): never {
    throw new FormatError('ERR_HLS_ATTRIBUTE_MISSING', `expected attribute ${name} in ${this.#tag}, found none`)
  }
}

/** A decimal integer up to 2^53 - 1. `what` names it in the FormatError. */
export function parseInteger(what: string, text: string): number {
  const value = INTEGER.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value)) throw invalid(what, 'an integer below 2^53', text)
  return value
}

/** Seconds, 0 to MAX_DURATION. `what` names it in the FormatError. */
export function parseSeconds(what: string, text: string): number {
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN
  if (!(value <= MAX_DURATION)) throw invalid(what, `seconds from 0 to ${MAX_DURATION}`, text)
  return value
}

/** `LENGTH[@OFFSET]`; without an offset the range begins at `next`, the end of the range before it in the same resource. */
export function parseByteRange(what: string, text: string, next: number | undefined): ByteRange {
  const match = BYTE_RANGE.exec(text)
  if (match === null) throw invalid(what, 'LENGTH@OFFSET', text)
  const length = parseInteger(what, match[1] ?? '')
  const offset = match[2] === undefined ? next : parseInteger(what, match[2])
  if (offset === undefined || !Number.isSafeInteger(offset + length))
    throw invalid(what, 'a range with an offset', text)
  return { length, offset }
}

/** A quoted string. Quotes and control characters cannot be written in one: they become ” and a space. */
export function quoted(text: string): string {
  return UNQUOTABLE.test(text) ? `"${oneLine(text).replaceAll('"', '”')}"` : `"${text}"`
}

/** Text that cannot end its line: control characters become spaces. */
export function oneLine(text: string): string {
  return text.replace(CONTROL, ' ')
}

/** A URI as a line of its own or inside quotes: what would break either is percent-encoded. */
export function safeUri(uri: string): string {
  if (!UNSAFE_URI.test(uri)) return uri
  return uri.replace(UNSAFE_URI_CHARACTER, (character) => encodeURIComponent(character))
}

/** Seconds rounded to the microsecond, in the shortest form. */
export function seconds(value: number): string {
  return String(Math.round(value * 1e6) / 1e6)
}

/** `LENGTH@OFFSET`. */
export function byteRange(range: ByteRange): string {
  return `${range.length}@${range.offset}`
}

const UNQUOTABLE = /["\u0000-\u001f\u007f]/
const CONTROL = /[\u0000-\u001f\u007f]/g
const UNSAFE_URI = /^#|["\s\u0000-\u001f\u007f]/

const UNSAFE_URI_CHARACTER = /^#|["\s\u0000-\u001f\u007f]/gu

declare const encodeURIComponent: (text: string) => string

function parsePairs(tag: string, text: string): Map<string, string> {
  const values = new Map<string, string>()
  let at = 0
  while (at < text.length) {
    const equals = text.indexOf('=', at)
    if (equals < 0) {
      if (text.slice(at).trim() === '') break
      throw invalid(tag, 'NAME=VALUE', text.slice(at))
    }
    const name = text.slice(at, equals).trim()
    let end: number
    let value: string
    if (text[equals + 1] === '"') {
      const closing = text.indexOf('"', equals + 2)
      if (closing < 0) throw invalid(`${tag} ${name}`, 'a closing quote', text.slice(equals + 1))
      value = text.slice(equals + 2, closing)
      end = text.indexOf(',', closing)
    } else {
      end = text.indexOf(',', equals)
      value = text.slice(equals + 1, end < 0 ? text.length : end).trim()
    }
    if (values.size >= MAX_ATTRIBUTES) {
      throw new FormatError('ERR_HLS_TOO_LARGE', `expected at most ${MAX_ATTRIBUTES} attributes in ${tag}`)
    }
    values.set(name, value)
    if (end < 0) break
    at = end + 1
  }
  return values
}

function invalid(what: string, expected: string, found: string): FormatError {
  const shown = found.length > 60 ? `${found.slice(0, 60)}…` : found
  return new FormatError('ERR_HLS_SYNTAX', `expected ${expected} in ${what}, found "${shown}"`)
}
