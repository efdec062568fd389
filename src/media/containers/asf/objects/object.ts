/** What every object of an ASF header has in common, and the fields they are made of (ASF 1.20 section 2.2 and 2.6). */
import { FormatError } from '../../../../errors.ts'
import type { ByteReader } from '../../../bytes/byte-reader.ts'
import type { ByteWriter } from '../../../bytes/byte-writer.ts'
import type { Guid } from '../guid.ts'

/** GUID and size before each object's body. */
export const OBJECT_HEADER_LENGTH = 24
/** Entries of one list (codecs, commands, markers, attributes, …); real headers have at most some hundreds. */
export const MAX_LIST_ENTRIES = 16_384

/** One object, read. Bytes are views of the header, and everything that was in the object is in it: writing gives the same bytes. */
export interface ObjectBase {
  readonly type: string
  /** What stands behind the fields of the specification. */
  readonly trailing?: Uint8Array
}

/** Reads and writes the body of one kind of object. */
export interface ObjectCodec<T extends ObjectBase = ObjectBase> {
  readonly guid: Guid
  readonly type: T['type']
  /** Takes the fields from the body; what is left is `trailing`. Throws FormatError when they leave the body. */
  read(body: ByteReader): T
  write(writer: ByteWriter, object: T): void
}

/** An object that no codec here knows, or whose content breaks its format: kept as it came. */
export interface OpaqueObject extends ObjectBase {
  readonly type: 'opaque'
  readonly guid: Guid
  readonly data: Uint8Array
  /** What is wrong with an object of a known kind. */
  readonly fault?: FormatError
}

/** Reads `count` entries that have at least `minimumBytes` each. Throws ERR_ASF_ENTRIES for more than fit or are allowed. */
export function readList<T>(body: ByteReader, count: number, minimumBytes: number, read: () => T): T[] {
  if (count > MAX_LIST_ENTRIES || count * minimumBytes > body.remaining) {
    throw new FormatError(
      'ERR_ASF_ENTRIES',
      `expected at most ${MAX_LIST_ENTRIES} entries in the ${body.remaining} bytes left, found a count of ${count}`,
      body.offset,
    )
  }
  const entries: T[] = []
  for (let i = 0; i < count; i++) entries.push(read())
  return entries
}

/** `byteCount` bytes of UTF-16LE as they are, terminators and lone surrogates included. Throws ERR_ASF_TEXT for an odd count. */
export function readText(body: ByteReader, byteCount: number): string {
  if (byteCount % 2 !== 0) {
    throw new FormatError('ERR_ASF_TEXT', `expected an even number of bytes of UTF-16, found ${byteCount}`, body.offset)
  }
  const bytes = body.view(byteCount)
  let text = ''
  for (let at = 0; at < byteCount; at += 2) {
    text += String.fromCharCode((bytes[at] as number) | ((bytes[at + 1] as number) << 8))
  }
  return text
}

/** UTF-16LE; adds no terminator. */
export function writeText(writer: ByteWriter, text: string): void {
  for (let at = 0; at < text.length; at++) writer.u16le(text.charCodeAt(at))
}

/** Bytes that `writeText` writes. */
export function textLength(text: string): number {
  return text.length * 2
}

/**
 * A text as people read it: up to its terminator, and without control characters (line ends and tabs stay) and lone surrogates, so that
 * it can go into logs and answers.
 */
export function plainText(text: string): string {
  let plain = ''
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    if (code === 0) break
    const control = code < 0x20 ? code !== 0x09 && code !== 0x0a && code !== 0x0d : code >= 0x7f && code < 0xa0
    if (!control && (code < 0xd800 || code > 0xdfff)) plain += character
  }
  return plain
}

/** 64 bits in full: fields that are not valid in a live header may hold anything. */
export function readU64(body: ByteReader): bigint {
  const low = body.u32le()
  return (BigInt(body.u32le()) << 32n) | BigInt(low)
}

export function writeU64(writer: ByteWriter, value: bigint): void {
  writer.u32le(Number(value & 0xffff_ffffn)).u32le(Number(BigInt.asUintN(64, value) >> 32n))
}
