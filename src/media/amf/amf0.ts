/** Reads and writes AMF 0 values: Action Message Format AMF 0, section 2. */
import { FormatError } from '../../errors.ts'
import type { ByteReader } from '../bytes/byte-reader.ts'
import type { ByteWriter } from '../bytes/byte-writer.ts'
import { readAmf3, writeAmf3 } from './amf3.ts'
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

/** The type markers of section 2.1. */
const MARKER = {
  NUMBER: 0x00,
  BOOLEAN: 0x01,
  STRING: 0x02,
  OBJECT: 0x03,
  NULL: 0x05,
  UNDEFINED: 0x06,
  REFERENCE: 0x07,
  ECMA_ARRAY: 0x08,
  OBJECT_END: 0x09,
  STRICT_ARRAY: 0x0a,
  DATE: 0x0b,
  LONG_STRING: 0x0c,
  UNSUPPORTED: 0x0d,
  XML_DOCUMENT: 0x0f,
  TYPED_OBJECT: 0x10,
  AVMPLUS_OBJECT: 0x11,
} as const

const MAX_SHORT_TEXT_BYTES = 0xffff

/** The next value. Throws FormatError for unknown markers, a text or array past the end, and values past the limits of value.ts. */
export function readAmf0(reader: ByteReader): AmfValue {
  return new Amf0Parser(reader).value()
}

/** All values to the end of the reader, as the body of an RTMP command or data message holds them. They share their references. */
export function readAmf0Values(reader: ByteReader): AmfValue[] {
  const parser = new Amf0Parser(reader)
  const values: AmfValue[] = []
  while (reader.remaining > 0) values.push(parser.value())
  return values
}

/** Appends a value. Byte arrays go out as AMF 3 behind the avmplus marker. Throws FormatError for values past the limits of value.ts. */
export function writeAmf0(writer: ByteWriter, value: AmfValue): void {
  writeValue(writer, value, new AmfBudget())
}

class Amf0Parser {
  readonly #reader: ByteReader
  readonly #budget = new AmfBudget()
  readonly #references = new AmfReferences(this.#budget)

  constructor(reader: ByteReader) {
    this.#reader = reader
  }

  value(): AmfValue {
    const reader = this.#reader
    const at = reader.offset
    this.#budget.spend(1, 0, at)
    const marker = reader.u8()
    switch (marker) {
      case MARKER.NUMBER:
        return reader.f64()
      case MARKER.BOOLEAN:
        return reader.u8() !== 0
      case MARKER.STRING:
        return this.#text(reader.u16())
      case MARKER.LONG_STRING:
        return this.#text(reader.u32())
      case MARKER.NULL:
        return null
      case MARKER.UNDEFINED:
      case MARKER.UNSUPPORTED:
        return undefined
      case MARKER.DATE: {
        const date = new Date(reader.f64())
        reader.skip(2) // The time zone: reserved, must not be used.
        return date
      }
      case MARKER.XML_DOCUMENT:
        return new AmfXml(this.#text(reader.u32()))
      case MARKER.OBJECT: {
        const index = this.#references.open(at)
        return this.#references.close(index, this.#properties())
      }
      case MARKER.TYPED_OBJECT: {
        const index = this.#references.open(at)
        const className = this.#text(reader.u16())
        return this.#references.close(index, new AmfTypedObject(className, this.#properties()))
      }
      case MARKER.ECMA_ARRAY: {
        const index = this.#references.open(at)
        return this.#references.close(index, new AmfEcmaArray(this.#properties(reader.u32())))
      }
      case MARKER.STRICT_ARRAY: {
        const index = this.#references.open(at)
        return this.#references.close(index, this.#array(reader.u32()))
      }
      case MARKER.REFERENCE:
        return this.#references.get(reader.u16(), at)
      case MARKER.AVMPLUS_OBJECT: {
        this.#budget.enter(at)
        const value = readAmf3(reader, this.#budget)
        this.#budget.leave()
        return value
      }
      default:
        throw new FormatError('ERR_AMF_MARKER', `expected an AMF 0 type marker, found ${marker}`, at)
    }
  }

  #text(byteLength: number): string {
    this.#budget.spend(0, byteLength, this.#reader.offset)
    return this.#reader.utf8(byteLength)
  }

  /** `count` is what an ECMA array announces: a hint that is often wrong, so the end marker decides. */
  #properties(count?: number): AmfObject {
    const properties = newAmfObject()
    for (let found = 0; ; found++) {
      // Some live encoders leave out the end marker of an ECMA array that closes the message.
      if (this.#reader.remaining === 0 && count !== undefined && found >= count) return properties
      const name = this.#text(this.#reader.u16())
      if (name === '' && this.#reader.peekU8() === MARKER.OBJECT_END) {
        this.#reader.skip(1)
        return properties
      }
      properties[name] = this.value()
    }
  }

  #array(count: number): AmfValue[] {
    if (count > this.#reader.remaining) {
      const message = `expected ${count} array elements, found ${this.#reader.remaining} bytes`
      throw new FormatError('ERR_MEDIA_TRUNCATED', message, this.#reader.offset)
    }
    const elements: AmfValue[] = []
    for (let i = 0; i < count; i++) elements.push(this.value())
    return elements
  }
}

function writeValue(writer: ByteWriter, value: AmfValue, budget: AmfBudget): void {
  budget.spend(1, 0)
  if (typeof value === 'number') writer.u8(MARKER.NUMBER).f64(value)
  else if (typeof value === 'boolean') writer.u8(MARKER.BOOLEAN).u8(value ? 1 : 0)
  else if (typeof value === 'string') writeText(writer, value, budget)
  else if (value === undefined) writer.u8(MARKER.UNDEFINED)
  else if (value === null) writer.u8(MARKER.NULL)
  else if (value instanceof Date) writer.u8(MARKER.DATE).f64(value.getTime()).u16(0)
  else if (value instanceof AmfXml) writeLongText(writer, MARKER.XML_DOCUMENT, amfText(value.text), budget)
  else if (value instanceof Uint8Array) writeAmf3(writer.u8(MARKER.AVMPLUS_OBJECT), value, budget)
  else writeContainer(writer, value, budget)
}

function writeContainer(
  writer: ByteWriter,
  value: AmfObject | AmfEcmaArray | AmfTypedObject | readonly AmfValue[],
  budget: AmfBudget,
): void {
  budget.enter()
  if (isArray(value)) {
    writer.u8(MARKER.STRICT_ARRAY).u32(value.length)
    for (const element of value) writeValue(writer, element, budget)
  } else if (value instanceof AmfEcmaArray) {
    writer.u8(MARKER.ECMA_ARRAY).u32(Object.keys(value.entries).length)
    writeProperties(writer, value.entries, budget)
  } else if (value instanceof AmfTypedObject) {
    writeShortText(writer.u8(MARKER.TYPED_OBJECT), value.className, budget)
    writeProperties(writer, value.properties, budget)
  } else {
    writeProperties(writer.u8(MARKER.OBJECT), value, budget)
  }
  budget.leave()
}

function writeProperties(writer: ByteWriter, properties: AmfObject, budget: AmfBudget): void {
  for (const name of Object.keys(properties)) {
    writeShortText(writer, name, budget)
    writeValue(writer, properties[name], budget)
  }
  writer.u16(0).u8(MARKER.OBJECT_END)
}

function writeText(writer: ByteWriter, text: string, budget: AmfBudget): void {
  const bytes = amfText(text)
  if (bytes.byteLength > MAX_SHORT_TEXT_BYTES) {
    writeLongText(writer, MARKER.LONG_STRING, bytes, budget)
    return
  }
  budget.spend(0, bytes.byteLength)
  writer.u8(MARKER.STRING).u16(bytes.byteLength).bytes(bytes)
}

function writeLongText(writer: ByteWriter, marker: number, bytes: Uint8Array, budget: AmfBudget): void {
  budget.spend(0, bytes.byteLength)
  writer.u8(marker).u32(bytes.byteLength).bytes(bytes)
}

function writeShortText(writer: ByteWriter, text: string, budget: AmfBudget): void {
  const bytes = amfText(text)
  if (bytes.byteLength > MAX_SHORT_TEXT_BYTES) {
    const message = `expected a name of at most ${MAX_SHORT_TEXT_BYTES} bytes, found ${bytes.byteLength}`
    throw new FormatError('ERR_AMF_TOO_LARGE', message)
  }
  budget.spend(0, bytes.byteLength)
  writer.u16(bytes.byteLength).bytes(bytes)
}

/** `Array.isArray` does not narrow away readonly arrays. */
function isArray(value: AmfValue): value is readonly AmfValue[] {
  return Array.isArray(value)
}
