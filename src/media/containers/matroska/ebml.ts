/** Elements of EBML: ids, sizes and values (RFC 8794). */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'

/** An id of four bytes and a size of eight: Matroska has no longer ones. */
export const MAX_HEADER_BYTES = 12
const MAX_ID_BYTES = 4
const MAX_SIZE_BYTES = 8
/** Characters of a text that is kept; names of tracks have some tens. */
const MAX_TEXT = 1024

/** What stands before an element's content. */
export interface ElementHeader {
  /** With the bits that mark its length: `0x1A45DFA3`. */
  readonly id: number
  readonly headerBytes: number
  /** Bytes of the content; `undefined`: until an element that cannot be in it. */
  readonly size: number | undefined
}

/** An element whose bytes are all there. */
export interface Element {
  readonly id: number
  /** Reads the content and nothing else; offsets in errors are those of the whole input. */
  readonly body: ByteReader
}

/** The header at `at`; `undefined` where there is none, or it is cut short. */
export function readElementHeader(bytes: Uint8Array, at = 0): ElementHeader | undefined {
  const idBytes = vintLength(bytes[at])
  if (idBytes === undefined || idBytes > MAX_ID_BYTES || at + idBytes >= bytes.byteLength) return undefined
  let id = 0
  for (let i = 0; i < idBytes; i++) id = id * 256 + (bytes[at + i] as number)
  const size = readVint(bytes, at + idBytes)
  return size === undefined ? undefined : { id, headerBytes: idBytes + size.bytes, size: size.value }
}

/**
 * A variable-size integer without its marker, of one to eight bytes; `value` is `undefined` where all bits are ones, which means unknown.
 * `undefined` for what is none, is cut short, or is 2^53 and above.
 */
export function readVint(bytes: Uint8Array, at: number): { bytes: number; value: number | undefined } | undefined {
  const first = bytes[at]
  const length = vintLength(first)
  if (first === undefined || length === undefined || at + length > bytes.byteLength) return undefined
  const marker = 1 << (MAX_SIZE_BYTES - length)
  let value = first & (marker - 1)
  let ones = value === marker - 1
  for (let i = 1; i < length; i++) {
    const byte = bytes[at + i] as number
    value = value * 256 + byte
    ones &&= byte === 0xff
  }
  if (ones) return { bytes: length, value: undefined }
  return value <= Number.MAX_SAFE_INTEGER ? { bytes: length, value } : undefined
}

function vintLength(first: number | undefined): number | undefined {
  return first === undefined || first === 0 ? undefined : Math.clz32(first) - 23
}

/**
 * The elements in what is left of `parent`, one after the other. Throws ERR_MATROSKA_ELEMENT for what is none, and for one that reaches
 * beyond its parent; one of unknown size reaches to the end of it.
 */
export function* childElements(parent: ByteReader): Generator<Element, void, undefined> {
  while (parent.remaining > 0) {
    const { offset } = parent
    const header = readElementHeader(parent.bytes, parent.position)
    const found = header === undefined ? 'none' : `0x${header.id.toString(16)} of ${header.size} bytes`
    if (header === undefined || header.headerBytes + (header.size ?? 0) > parent.remaining) {
      throw new FormatError(
        'ERR_MATROSKA_ELEMENT',
        `expected an element in the ${parent.remaining} bytes left, found ${found}`,
        offset,
      )
    }
    parent.skip(header.headerBytes)
    yield { id: header.id, body: parent.sub(header.size ?? parent.remaining) }
  }
}

/** An unsigned integer of zero to eight bytes. Throws FormatError for longer ones and for 2^53 and above. */
export function uintOf(body: ByteReader): number {
  const { offset } = body
  const bytes = body.rest()
  let value = 0
  for (const byte of bytes) value = value * 256 + byte
  if (bytes.byteLength <= MAX_SIZE_BYTES && value <= Number.MAX_SAFE_INTEGER) return value
  throw new FormatError(
    'ERR_MATROSKA_VALUE',
    `expected an integer of at most 8 bytes below 2^53, found ${bytes.byteLength} bytes`,
    offset,
  )
}

/** A float of zero, four or eight bytes. Throws FormatError for other lengths. */
export function floatOf(body: ByteReader): number {
  if (body.remaining === 0) return 0
  if (body.remaining === 4) return body.f32()
  if (body.remaining === 8) return body.f64()
  throw new FormatError('ERR_MATROSKA_VALUE', `expected a float of 4 or 8 bytes, found ${body.remaining}`, body.offset)
}

/** Text without the zeros that it may be padded with, cut after 1024 characters. */
export function textOf(body: ByteReader): string {
  const text = body.utf8(Math.min(body.remaining, MAX_TEXT * 4))
  const end = text.indexOf('\0')
  return (end === -1 ? text : text.slice(0, end)).slice(0, MAX_TEXT)
}

/** The number as hexadecimal digits without leading zeros, for ids of 64 bits. */
export function hexOf(body: ByteReader): string {
  const bytes = body.view(Math.min(body.remaining, MAX_SIZE_BYTES))
  return [...bytes]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
    .replace(/^0+/, '')
}
