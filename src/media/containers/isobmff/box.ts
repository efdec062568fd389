/** Boxes of the ISO base media file format: headers, walking and writing (ISO/IEC 14496-12 section 4.2). */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import type { ByteWriter } from '../../bytes/byte-writer.ts'

/** Real files nest about ten deep (moov/trak/mdia/minf/stbl/stsd/entry/sinf/schi/tenc). */
export const MAX_BOX_DEPTH = 16
/** Real parents have tens of children; a fragment of a file with many tracks a few hundred. */
export const MAX_BOXES_IN_PARENT = 4096
/** size, type, largesize, usertype. */
export const MAX_BOX_HEADER_BYTES = 32

/**
 * What stands before a box's content.
 *
 *     0        4        8                16                       32
 *     │ size   │ type   │ (largesize)    │ (usertype)             │ content …
 *                         if size = 1      if type = 'uuid'
 */
export interface BoxHeader {
  /** Four characters, one a byte. */
  readonly type: string
  /** Bytes of the whole box with its header; `undefined`: up to the end of the file. */
  readonly size: number | undefined
  /** Bytes before the content. */
  readonly headerBytes: number
}

/** A box whose bytes are all there. */
export interface Box {
  readonly type: string
  /** Reads the content (without header) and nothing else; offsets in errors are those of the whole input. */
  readonly body: ByteReader
  /** 0 for a top-level box. */
  readonly depth: number
}

/** Version and flags, with which the content of a full box begins. */
export interface FullBoxHeader {
  readonly version: number
  readonly flags: number
}

/** The header that begins at `at`, or `undefined`: more bytes are needed. `offset` is its place in the whole, for errors. */
export function readBoxHeader(bytes: Uint8Array, offset: number, at = 0): BoxHeader | undefined {
  const available = bytes.byteLength - at
  if (available < 8) return undefined
  const shortSize = wordAt(bytes, at)
  const type = typeAt(bytes, at + 4)
  let headerBytes = 8
  let size: number | undefined = shortSize
  if (shortSize === 1) {
    if (available < 16) return undefined
    size = new ByteReader(bytes.subarray(at + 8, at + 16), offset + 8).u64()
    headerBytes += 8
  } else if (shortSize === 0) {
    size = undefined
  }
  if (type === 'uuid') headerBytes += 16
  if (size !== undefined && size < headerBytes) {
    throw new FormatError(
      'ERR_MP4_BOX_SIZE',
      `expected a size of at least ${headerBytes} of box ${printable(type)}, found ${size}`,
      offset,
    )
  }
  if (available < headerBytes) return undefined
  return { type, size, headerBytes }
}

/** Boxes are many, and a reader for each header would cost more than reading it. */
function wordAt(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
  const low = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)
  return high * 2 ** 16 + low
}

function typeAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(
    bytes[at] as number,
    bytes[at + 1] as number,
    bytes[at + 2] as number,
    bytes[at + 3] as number,
  )
}

/** The boxes that make up `bytes`, one after the other. A last box of size 0 reaches to the end. */
export function topLevelBoxes(bytes: Uint8Array, offset = 0): Generator<Box, void, undefined> {
  return boxesOf(new ByteReader(bytes, offset), 0, 'file')
}

/** The boxes in what is left of `parent`'s content: read its own fields first. */
export function childBoxes(parent: Box): Generator<Box, void, undefined> {
  if (parent.depth + 1 >= MAX_BOX_DEPTH) {
    throw new FormatError('ERR_MP4_TOO_DEEP', `expected boxes nested at most ${MAX_BOX_DEPTH} deep`, parent.body.offset)
  }
  return boxesOf(parent.body, parent.depth + 1, parent.type)
}

function* boxesOf(reader: ByteReader, depth: number, parentType: string): Generator<Box, void, undefined> {
  let count = 0
  // QuickTime ends some lists of boxes with four zero bytes: what is too short for a header is no box.
  while (reader.remaining >= 8) {
    if (++count > MAX_BOXES_IN_PARENT) {
      throw new FormatError(
        'ERR_MP4_TOO_MANY_BOXES',
        `expected at most ${MAX_BOXES_IN_PARENT} boxes in ${printable(parentType)}`,
        reader.offset,
      )
    }
    const { bytes, position, offset, remaining } = reader
    const header = readBoxHeader(bytes, offset, position)
    if (header === undefined) {
      throw new FormatError('ERR_MP4_TRUNCATED', `expected a whole box header, found ${remaining} bytes`, offset)
    }
    if (header.size === undefined && depth > 0) {
      throw new FormatError('ERR_MP4_BOX_SIZE', `expected a size of box ${printable(header.type)} inside a box`, offset)
    }
    const size = header.size ?? remaining
    if (size > remaining) {
      throw new FormatError(
        'ERR_MP4_BOX_SIZE',
        `expected at most ${remaining} bytes of box ${printable(header.type)} in ${printable(parentType)}, found size ${size}`,
        offset,
      )
    }
    reader.skip(header.headerBytes)
    yield { type: header.type, body: reader.sub(size - header.headerBytes), depth }
  }
}

/** Version and flags at the start of a full box's content. */
export function readFullBoxHeader(reader: ByteReader): FullBoxHeader {
  return {
    version: reader.u8(),
    flags: reader.u24(),
  }
}

/** A count of entries of `entryBytes` each (at least 1) that follow in `reader`; refused when they cannot all be there. */
export function readEntryCount(reader: ByteReader, entryBytes: number, type: string): number {
  const at = reader.offset
  const count = reader.u32()
  if (count * entryBytes > reader.remaining) {
    throw new FormatError(
      'ERR_MP4_ENTRY_COUNT',
      `expected at most ${Math.floor(reader.remaining / entryBytes)} entries in ${type}, found ${count}`,
      at,
    )
  }
  return count
}

/** Writes a box around what `content` writes; the size is filled in afterwards. */
export function writeBox(writer: ByteWriter, type: string, content: () => void): void {
  const start = writer.length
  writer.u32(0).latin1(type)
  content()
  writer.patchU32(start, writer.length - start)
}

/** As `writeBox`, with version and flags before the content. */
export function writeFullBox(
  writer: ByteWriter,
  type: string,
  { version, flags }: FullBoxHeader,
  content: () => void,
): void {
  writeBox(writer, type, () => {
    writer.u8(version).u24(flags)
    content()
  })
}

function printable(type: string): string {
  return /^[\x20-\x7e]{4}$/.test(type) ? type : JSON.stringify(type)
}
