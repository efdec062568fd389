/** Reads and writes AMF 3 values: Action Message Format AMF 3, section 3. */
import { FormatError } from '../../errors.ts'
import type { ByteReader } from '../bytes/byte-reader.ts'
import type { ByteWriter } from '../bytes/byte-writer.ts'
import {
  AmfBudget,
  AmfEcmaArray,
  type AmfObject,
  AmfReferences,
  AmfTypedObject,
  type AmfValue,
  AmfXml,
  amfText,
  newAmfObject,
} from './value.ts'

/** The type markers of section 3.1. */
const MARKER = {
  UNDEFINED: 0x00,
  NULL: 0x01,
  FALSE: 0x02,
  TRUE: 0x03,
  INTEGER: 0x04,
  DOUBLE: 0x05,
  STRING: 0x06,
  XML_DOCUMENT: 0x07,
  DATE: 0x08,
  ARRAY: 0x09,
  OBJECT: 0x0a,
  XML: 0x0b,
  BYTE_ARRAY: 0x0c,
  VECTOR_INT: 0x0d,
  VECTOR_UINT: 0x0e,
  VECTOR_DOUBLE: 0x0f,
  VECTOR_OBJECT: 0x10,
} as const

/** An integer marker holds 29 bits, signed. */
const MIN_INTEGER = -(2 ** 28)
const MAX_INTEGER = 2 ** 28 - 1
/** Names a class may declare. */
const MAX_SEALED_NAMES = 1024
/** An object written by us: traits inline, dynamic, no sealed names (section 3.12). */
const DYNAMIC_TRAITS = 0x0b

/**
 * The next value. Throws FormatError for unknown markers, externalizable classes and dictionaries (their content has no self-told
 * length), what leaves the reader, and values past the limits of value.ts. `budget` goes on counting for a message in AMF 0.
 */
export function readAmf3(reader: ByteReader, budget: AmfBudget = new AmfBudget()): AmfValue {
  return new Amf3Parser(reader, budget).value()
}

/** Appends a value, without references. Throws FormatError for values past the limits of value.ts and for empty names. */
export function writeAmf3(writer: ByteWriter, value: AmfValue, budget: AmfBudget = new AmfBudget()): void {
  budget.spend(1, 0)
  if (typeof value === 'number') writeNumber(writer, value)
  else if (typeof value === 'boolean') writer.u8(value ? MARKER.TRUE : MARKER.FALSE)
  else if (typeof value === 'string') writeText(writer.u8(MARKER.STRING), value, budget)
  else if (value === undefined) writer.u8(MARKER.UNDEFINED)
  else if (value === null) writer.u8(MARKER.NULL)
  else if (value instanceof Date) writer.u8(MARKER.DATE).u8(1).f64(value.getTime())
  else if (value instanceof AmfXml) writeText(writer.u8(MARKER.XML), value.text, budget)
  else if (value instanceof Uint8Array) writeBytes(writer.u8(MARKER.BYTE_ARRAY), value, budget)
  else writeContainer(writer, value, budget)
}

interface Traits {
  readonly className: string
  readonly sealed: readonly string[]
  readonly dynamic: boolean
}

class Amf3Parser {
  readonly #reader: ByteReader
  readonly #budget: AmfBudget
  readonly #references: AmfReferences
  readonly #texts: { readonly text: string; readonly byteLength: number }[] = []
  readonly #traits: Traits[] = []

  constructor(reader: ByteReader, budget: AmfBudget) {
    this.#reader = reader
    this.#budget = budget
    this.#references = new AmfReferences(budget)
  }

  value(): AmfValue {
    const reader = this.#reader
    const at = reader.offset
    this.#budget.spend(1, 0, at)
    const marker = reader.u8()
    switch (marker) {
      case MARKER.UNDEFINED:
        return undefined
      case MARKER.NULL:
        return null
      case MARKER.FALSE:
        return false
      case MARKER.TRUE:
        return true
      case MARKER.INTEGER:
        return (readU29(reader) << 3) >> 3
      case MARKER.DOUBLE:
        return reader.f64()
      case MARKER.STRING:
        return this.#text()
      case MARKER.XML_DOCUMENT:
      case MARKER.XML:
        return this.#complex((byteLength) => new AmfXml(this.#newText(byteLength)))
      case MARKER.DATE:
        return this.#complex(() => new Date(reader.f64()))
      case MARKER.ARRAY:
        return this.#complex((count) => this.#array(count))
      case MARKER.OBJECT:
        return this.#complex((traits) => this.#object(traits))
      case MARKER.BYTE_ARRAY:
        return this.#complex((byteLength) => this.#bytes(byteLength))
      case MARKER.VECTOR_INT:
        return this.#complex((count) => this.#vector(count, 4, () => reader.i32()))
      case MARKER.VECTOR_UINT:
        return this.#complex((count) => this.#vector(count, 4, () => reader.u32()))
      case MARKER.VECTOR_DOUBLE:
        return this.#complex((count) => this.#vector(count, 8, () => reader.f64()))
      case MARKER.VECTOR_OBJECT:
        return this.#complex((count) => this.#objectVector(count))
      default:
        throw new FormatError('ERR_AMF_MARKER', `expected an AMF 3 type marker, found ${marker}`, at)
    }
  }

  /** A value that may be a reference; `read` gets the bits that follow the reference bit. */
  #complex(read: (bits: number) => AmfValue): AmfValue {
    const at = this.#reader.offset
    const header = readU29(this.#reader)
    if ((header & 1) === 0) return this.#references.get(header >> 1, at)
    const index = this.#references.open(at)
    return this.#references.close(index, read(header >> 1))
  }

  #text(): string {
    const at = this.#reader.offset
    const header = readU29(this.#reader)
    if ((header & 1) === 1) {
      const byteLength = header >> 1
      const text = this.#newText(byteLength)
      // The empty string is never sent by reference.
      if (byteLength > 0) this.#texts.push({ text, byteLength })
      return text
    }
    const entry = this.#texts[header >> 1]
    if (entry === undefined) {
      const message = `expected a reference to one of ${this.#texts.length} strings, found ${header >> 1}`
      throw new FormatError('ERR_AMF_REFERENCE', message, at)
    }
    this.#budget.spend(0, entry.byteLength, at)
    return entry.text
  }

  #newText(byteLength: number): string {
    this.#budget.spend(0, byteLength, this.#reader.offset)
    return this.#reader.utf8(byteLength)
  }

  #bytes(byteLength: number): Uint8Array {
    this.#budget.spend(0, byteLength, this.#reader.offset)
    return this.#reader.view(byteLength)
  }

  #array(count: number): AmfValue {
    const named = newAmfObject()
    const empty = this.#namedValues(named)
    this.#checkCount(count, 1)
    if (empty) return this.#elements(count)
    for (let i = 0; i < count; i++) named[i] = this.value()
    return new AmfEcmaArray(named)
  }

  #elements(count: number): AmfValue[] {
    const elements: AmfValue[] = []
    for (let i = 0; i < count; i++) elements.push(this.value())
    return elements
  }

  #object(bits: number): AmfValue {
    const traits = this.#readTraits(bits)
    const properties = newAmfObject()
    for (const name of traits.sealed) properties[name] = this.value()
    if (traits.dynamic) this.#namedValues(properties)
    return traits.className === '' ? properties : new AmfTypedObject(traits.className, properties)
  }

  #readTraits(bits: number): Traits {
    const at = this.#reader.offset
    if ((bits & 1) === 0) {
      const traits = this.#traits[bits >> 1]
      if (traits === undefined) {
        const message = `expected a reference to one of ${this.#traits.length} classes, found ${bits >> 1}`
        throw new FormatError('ERR_AMF_REFERENCE', message, at)
      }
      return traits
    }
    if ((bits & 2) !== 0) {
      throw new FormatError(
        'ERR_AMF_EXTERNALIZABLE',
        'expected an object that describes itself, found an externalizable class',
        at,
      )
    }
    const count = bits >> 3
    this.#checkCount(count, 1)
    if (count > MAX_SEALED_NAMES) {
      throw new FormatError(
        'ERR_AMF_TOO_LARGE',
        `expected at most ${MAX_SEALED_NAMES} names of a class, found ${count}`,
        at,
      )
    }
    const className = this.#text()
    const sealed: string[] = []
    for (let i = 0; i < count; i++) sealed.push(this.#text())
    const traits = { className, sealed, dynamic: (bits & 4) !== 0 }
    this.#traits.push(traits)
    return traits
  }

  /** Names and values up to the empty name; tells whether there were none. */
  #namedValues(target: Record<string, AmfValue>): boolean {
    let empty = true
    for (;;) {
      const name = this.#text()
      if (name === '') return empty
      target[name] = this.value()
      empty = false
    }
  }

  #vector(count: number, elementBytes: number, read: () => number): AmfValue[] {
    this.#reader.skip(1) // Whether its length is fixed matters to Flash only.
    this.#checkCount(count, elementBytes)
    this.#budget.spend(count, 0, this.#reader.offset)
    return Array.from({ length: count }, read)
  }

  #objectVector(count: number): AmfValue[] {
    this.#reader.skip(1)
    this.#text() // The class of its elements.
    this.#checkCount(count, 1)
    return this.#elements(count)
  }

  #checkCount(count: number, elementBytes: number): void {
    const { remaining, offset } = this.#reader
    if (count * elementBytes > remaining) {
      throw new FormatError('ERR_MEDIA_TRUNCATED', `expected ${count} elements, found ${remaining} bytes`, offset)
    }
  }
}

function writeContainer(
  writer: ByteWriter,
  value: AmfObject | AmfEcmaArray | AmfTypedObject | readonly AmfValue[],
  budget: AmfBudget,
): void {
  budget.enter()
  if (Array.isArray(value)) {
    writeU29(writer.u8(MARKER.ARRAY), value.length * 2 + 1)
    writer.u8(1) // The empty name: nothing named.
    for (const element of value as readonly AmfValue[]) writeAmf3(writer, element, budget)
  } else if (value instanceof AmfEcmaArray) {
    writer.u8(MARKER.ARRAY).u8(1) // No elements by position.
    writeNamedValues(writer, value.entries, budget)
  } else {
    const typed = value instanceof AmfTypedObject
    writer.u8(MARKER.OBJECT).u8(DYNAMIC_TRAITS)
    writeText(writer, typed ? value.className : '', budget)
    writeNamedValues(writer, typed ? value.properties : (value as AmfObject), budget)
  }
  budget.leave()
}

function writeNamedValues(writer: ByteWriter, properties: AmfObject, budget: AmfBudget): void {
  for (const name of Object.keys(properties)) {
    if (name === '')
      throw new FormatError(
        'ERR_AMF_EMPTY_NAME',
        'expected a property name, found an empty one, which AMF 3 cannot carry',
      )
    writeText(writer, name, budget)
    writeAmf3(writer, properties[name], budget)
  }
  writer.u8(1)
}

function writeNumber(writer: ByteWriter, value: number): void {
  if (Number.isInteger(value) && value >= MIN_INTEGER && value <= MAX_INTEGER && !Object.is(value, -0)) {
    writeU29(writer.u8(MARKER.INTEGER), value & 0x1fff_ffff)
  } else {
    writer.u8(MARKER.DOUBLE).f64(value)
  }
}

function writeText(writer: ByteWriter, text: string, budget: AmfBudget): void {
  writeBytes(writer, amfText(text), budget)
}

function writeBytes(writer: ByteWriter, bytes: Uint8Array, budget: AmfBudget): void {
  // The budget also keeps the length within 28 bits.
  budget.spend(0, bytes.byteLength)
  writeU29(writer, bytes.byteLength * 2 + 1)
  writer.bytes(bytes)
}

/** An unsigned integer of 29 bits in one to four bytes (section 1.3.1). */
function readU29(reader: ByteReader): number {
  let value = 0
  for (let i = 0; i < 3; i++) {
    const byte = reader.u8()
    value = (value << 7) | (byte & 0x7f)
    if (byte < 0x80) return value
  }
  return (value << 8) | reader.u8()
}

function writeU29(writer: ByteWriter, value: number): void {
  if (value < 0x80) writer.u8(value)
  else if (value < 0x4000) writer.u8((value >> 7) | 0x80).u8(value & 0x7f)
  else if (value < 0x20_0000)
    writer
      .u8((value >> 14) | 0x80)
      .u8(((value >> 7) & 0x7f) | 0x80)
      .u8(value & 0x7f)
  else {
    writer
      .u8((value >> 22) | 0x80)
      .u8(((value >> 15) & 0x7f) | 0x80)
      .u8(((value >> 8) & 0x7f) | 0x80)
      .u8(value & 0xff)
  }
}
