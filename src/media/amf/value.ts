/** The values of Action Message Format: AMF 0 specification section 2 and AMF 3 specification section 3, as TypeScript values. */
import { FormatError } from '../../errors.ts'

/** Containers inside containers. */
export const MAX_AMF_DEPTH = 16
/** Values of one message, with everything a reference stands for counted again. */
export const MAX_AMF_VALUES = 65_536
/** Bytes of all strings and byte arrays of one message, counted like the values. */
export const MAX_AMF_TEXT_BYTES = 4 * 1024 * 1024

/** An object read from the wire has no prototype, so every name is an ordinary property, `__proto__` too. */
export interface AmfObject {
  readonly [name: string]: AmfValue
}

/** `undefined` also stands for the markers "undefined" and "unsupported". A `Uint8Array` is an AMF 3 byte array. */
export type AmfValue =
  | number
  | string
  | boolean
  | null
  | undefined
  | Date
  | Uint8Array
  | AmfObject
  | AmfEcmaArray
  | AmfTypedObject
  | AmfXml
  | readonly AmfValue[]

/** An array with names as keys: what `onMetaData` is made of. */
export class AmfEcmaArray {
  readonly entries: AmfObject

  constructor(entries: AmfObject) {
    this.entries = entries
  }
}

/** An object with the name of its class. */
export class AmfTypedObject {
  readonly className: string
  readonly properties: AmfObject

  constructor(className: string, properties: AmfObject) {
    this.className = className
    this.properties = properties
  }
}

/** An XML document as text; it is passed on and never parsed. */
export class AmfXml {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** The named values of an object, typed object or ECMA array; `undefined` for every other value. */
export function amfProperties(value: AmfValue): AmfObject | undefined {
  if (value instanceof AmfEcmaArray) return value.entries
  if (value instanceof AmfTypedObject) return value.properties
  return isAmfObject(value) ? value : undefined
}

/** Whether a value is an object without a class: not an array, date, byte array, ECMA array, typed object or XML. */
export function isAmfObject(value: AmfValue): value is AmfObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    !(value instanceof Uint8Array) &&
    !(value instanceof AmfEcmaArray) &&
    !(value instanceof AmfTypedObject) &&
    !(value instanceof AmfXml)
  )
}

/** An object without prototype to read properties into. */
export function newAmfObject(): Record<string, AmfValue> {
  return Object.create(null) as Record<string, AmfValue>
}

/** UTF-8 bytes of a text, so that their count can be written before them. */
export function amfText(text: string): Uint8Array {
  return utf8.encode(text)
}

/** Counts depth, values and text while a message is read or written, and refuses what passes the limits. */
export class AmfBudget {
  #depth = 0
  #values = 0
  #textBytes = 0

  get values(): number {
    return this.#values
  }

  get textBytes(): number {
    return this.#textBytes
  }

  spend(values: number, textBytes: number, offset?: number): void {
    this.#values += values
    this.#textBytes += textBytes
    if (this.#values > MAX_AMF_VALUES) {
      throw new FormatError('ERR_AMF_TOO_LARGE', `expected at most ${MAX_AMF_VALUES} values`, offset)
    }
    if (this.#textBytes > MAX_AMF_TEXT_BYTES) {
      throw new FormatError('ERR_AMF_TOO_LARGE', `expected at most ${MAX_AMF_TEXT_BYTES} bytes of text`, offset)
    }
  }

  enter(offset?: number): void {
    if (++this.#depth > MAX_AMF_DEPTH) {
      throw new FormatError('ERR_AMF_TOO_DEEP', `expected at most ${MAX_AMF_DEPTH} levels of objects`, offset)
    }
  }

  leave(): void {
    this.#depth--
  }
}

/**
 * The values a message may refer back to by number. A reference costs as much as what it stands for, so that a small message
 * cannot unfold into a large tree, and an object that contains itself is refused.
 */
export class AmfReferences {
  readonly #budget: AmfBudget
  readonly #entries: { value: AmfValue; open: boolean; values: number; textBytes: number }[] = []

  constructor(budget: AmfBudget) {
    this.#budget = budget
  }

  /** Takes the next number for a value of which the content is read next. */
  open(offset: number): number {
    this.#budget.enter(offset)
    const { values, textBytes } = this.#budget
    return this.#entries.push({ value: undefined, open: true, values, textBytes }) - 1
  }

  /** Completes what `open` began, and returns the value. */
  close<T extends AmfValue>(index: number, value: T): T {
    const entry = this.#entries[index]
    if (entry !== undefined) {
      entry.value = value
      entry.open = false
      entry.values = this.#budget.values - entry.values
      entry.textBytes = this.#budget.textBytes - entry.textBytes
    }
    this.#budget.leave()
    return value
  }

  get(index: number, offset: number): AmfValue {
    const entry = this.#entries[index]
    if (entry === undefined || entry.open) {
      const found = entry === undefined ? `${index} of ${this.#entries.length}` : 'a reference to its own container'
      throw new FormatError('ERR_AMF_REFERENCE', `expected a reference to an earlier value, found ${found}`, offset)
    }
    this.#budget.spend(entry.values, entry.textBytes, offset)
    return entry.value
  }
}

// Media code runs in Node and in browsers; both have TextEncoder, but neither's type library is loaded here.
declare const TextEncoder: new () => { encode(text: string): Uint8Array }
const utf8 = new TextEncoder()
