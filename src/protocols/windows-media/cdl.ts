/** Content description lists and the `$M` packet that carries them (MS-WMSP 2.2.4 and 2.2.3.6). */
import { FormatError } from '../../errors.ts'

/** Bytes of all descriptions of one message. */
export const MAX_CDL_LENGTH = 64 * 1024
/** Items of one description. */
export const MAX_CDL_ITEMS = 256
export const MAX_DESCRIPTIONS = 64

/** What a value is; it is written as text in any case. */
export const CDL_TYPE = {
  I2: 2,
  I4: 3,
  CY: 6,
  BSTR: 8,
  ERROR: 10,
  BOOL: 11,
  I1: 16,
  UI1: 17,
  UI2: 18,
  UI4: 19,
  INT: 22,
  UINT: 23,
  LPWSTR: 31,
} as const

export interface CdlItem {
  readonly name: string
  /** One of CDL_TYPE; others are carried and have no meaning. */
  readonly type: number
  readonly value: string
}

/** One description: its items in order, of `$M` the first is `language`. */
export type ContentDescription = readonly CdlItem[]

const COMMA = 0x2c
const CR = 0x0d
const LF = 0x0a
const MAX_DIGITS = 10

/** All descriptions of a body. Throws FormatError ERR_WMS_CDL_INVALID or ERR_WMS_CDL_LIMIT. */
export function readDescriptions(bytes: Uint8Array): readonly ContentDescription[] {
  if (bytes.byteLength > MAX_CDL_LENGTH) throw tooMany(`${MAX_CDL_LENGTH} bytes of descriptions`)
  const cursor = { bytes, at: 0 }
  const descriptions: ContentDescription[] = []
  while (cursor.at < bytes.byteLength) {
    if (descriptions.length === MAX_DESCRIPTIONS) throw tooMany(`${MAX_DESCRIPTIONS} descriptions`)
    descriptions.push(readDescription(cursor))
  }
  return descriptions
}

/** Lengths count bytes of UTF-8. */
export function writeDescriptions(descriptions: readonly ContentDescription[]): Uint8Array {
  const text = descriptions.map((items) => `${items.map(formatItem).join(',')}\r\n`).join('')
  return Buffer.from(text, 'utf8')
}

/** A text item, as most are. */
export function textItem(name: string, value: string): CdlItem {
  return { name, type: CDL_TYPE.LPWSTR, value }
}

/** A number item of 32 bits. */
export function numberItem(name: string, value: number): CdlItem {
  return { name, type: CDL_TYPE.I4, value: String(value) }
}

/** Value of the first item of that name. */
export function itemValue(description: ContentDescription, name: string): string | undefined {
  return description.find((item) => item.name === name)?.value
}

/** Payload of a `$M`. */
export interface MetadataPacket {
  /** Value of a Pragma header: playlist-gen-id, broadcast-id, features. */
  readonly pragma: string
  readonly descriptions: readonly ContentDescription[]
}

/** Throws FormatError ERR_WMS_METADATA_INVALID without the NUL behind the tokens, and what `readDescriptions` throws. */
export function readMetadata(payload: Uint8Array): MetadataPacket {
  const end = payload.indexOf(0)
  if (end < 0) throw new FormatError('ERR_WMS_METADATA_INVALID', 'expected a NUL behind the tokens of $M, found none')
  const pragma = Buffer.from(payload.subarray(0, end)).toString('latin1').trim()
  return { pragma, descriptions: readDescriptions(payload.subarray(end + 1)) }
}

/** Payload of a `$M`, to be framed. */
export function writeMetadata({ pragma, descriptions }: MetadataPacket): Uint8Array {
  return Buffer.concat([Buffer.from(`${pragma}\0`, 'latin1'), writeDescriptions(descriptions)])
}

interface Cursor {
  readonly bytes: Uint8Array
  at: number
}

function readDescription(cursor: Cursor): ContentDescription {
  const items: CdlItem[] = []
  for (;;) {
    if (items.length === MAX_CDL_ITEMS) throw tooMany(`${MAX_CDL_ITEMS} items in a description`)
    const name = readText(cursor, readNumber(cursor))
    expectByte(cursor, COMMA)
    const type = readNumber(cursor)
    const value = readText(cursor, readNumber(cursor))
    items.push({ name, type, value })
    if (cursor.bytes[cursor.at] === CR) {
      cursor.at++
      expectByte(cursor, LF)
      return items
    }
    expectByte(cursor, COMMA)
  }
}

/** Digits and the comma behind them. */
function readNumber(cursor: Cursor): number {
  const { bytes, at } = cursor
  let value = 0
  let end = at
  for (; end - at < MAX_DIGITS; end++) {
    const digit = (bytes[end] ?? 0) - 0x30
    if (digit < 0 || digit > 9) break
    value = value * 10 + digit
  }
  if (end === at) throw invalid('a number', cursor)
  cursor.at = end
  expectByte(cursor, COMMA)
  return value
}

function readText(cursor: Cursor, length: number): string {
  const { bytes, at } = cursor
  if (length > bytes.byteLength - at) throw invalid(`${length} bytes of text`, cursor)
  cursor.at = at + length
  return Buffer.from(bytes.subarray(at, at + length)).toString('utf8')
}

function expectByte(cursor: Cursor, byte: number): void {
  if (cursor.bytes[cursor.at] !== byte) throw invalid(JSON.stringify(String.fromCharCode(byte)), cursor)
  cursor.at++
}

function formatItem({ name, type, value }: CdlItem): string {
  return `${Buffer.byteLength(name)},${name},${type},${Buffer.byteLength(value)},${value}`
}

function invalid(expected: string, { bytes, at }: Cursor): FormatError {
  const found = JSON.stringify(Buffer.from(bytes.subarray(at, at + 20)).toString('latin1'))
  return new FormatError('ERR_WMS_CDL_INVALID', `expected ${expected}, found ${found}`, at)
}

function tooMany(limit: string): FormatError {
  return new FormatError('ERR_WMS_CDL_LIMIT', `expected at most ${limit}`)
}
