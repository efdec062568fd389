/** Indexes behind the packets of a file: Simple Index and Index Object (ASF 1.20, sections 6.1 and 6.2). */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { ASF_GUID, GUID_LENGTH, type Guid, readGuid, writeGuid } from './guid.ts'

/** Entries of an index, times its specifiers; at one a second this is three days of four streams. */
export const MAX_INDEX_ENTRIES = 1_048_576
/** Bytes of a Simple Index before its entries. */
export const SIMPLE_INDEX_HEAD = 56
/** Bytes of one entry. */
export const SIMPLE_INDEX_ENTRY = 6
const OBJECT_HEAD = 24
const MAX_SPECIFIERS = 1024
const MAX_BLOCKS = 65_536
/** `offsets` of an Index Object: there is nothing for that time. */
export const NO_OFFSET = 0xffff_ffff
const TICKS_PER_MS = 10_000

/** The place in an index for each time: entry i is for i times the interval. */
export interface SimpleIndex {
  /** 16 bytes, as in the header. */
  readonly fileId: Uint8Array
  readonly intervalMs: number
  /** Most packets of any key frame. */
  readonly maxPacketCount: number
  /** Of the key frame that is shown at the time (preroll included), or the last before it. */
  readonly entries: readonly SimpleIndexEntry[]
}

export interface SimpleIndexEntry {
  /** Number of the packet in which the key frame begins. */
  readonly packet: number
  /** Packets it lies in, at most 65 535. */
  readonly count: number
}

/** What stands before the entries. */
export interface SimpleIndexHead extends Omit<SimpleIndex, 'entries'> {
  /** As the index says; not checked against what follows. */
  readonly entryCount: number
}

/** Reads the first 56 bytes. Throws FormatError for another object, an interval of 0, or too many entries. */
export function readSimpleIndexHead(bytes: Uint8Array): SimpleIndexHead {
  const reader = new ByteReader(bytes)
  expectObject(reader, ASF_GUID.SIMPLE_INDEX)
  const fileId = reader.view(GUID_LENGTH).slice()
  const intervalMs = reader.u64le() / TICKS_PER_MS
  const maxPacketCount = reader.u32le()
  const entryCount = checkedCount(reader.u32le(), 1)
  if (intervalMs <= 0) throw new FormatError('ERR_ASF_INDEX', 'expected an index with an interval, found 0', 40)
  return { fileId, intervalMs, maxPacketCount, entryCount }
}

/** Reads a whole Simple Index. Throws FormatError, also when it is cut short. */
export function readSimpleIndex(bytes: Uint8Array): SimpleIndex {
  const { entryCount, ...head } = readSimpleIndexHead(bytes)
  const reader = new ByteReader(bytes.subarray(SIMPLE_INDEX_HEAD), SIMPLE_INDEX_HEAD)
  checkRemaining(reader, entryCount * SIMPLE_INDEX_ENTRY)
  const entries: SimpleIndexEntry[] = []
  for (let i = 0; i < entryCount; i++) entries.push({ packet: reader.u32le(), count: reader.u16le() })
  return { ...head, entries }
}

/** A whole object. */
export function writeSimpleIndex({ fileId, intervalMs, maxPacketCount, entries }: SimpleIndex): Uint8Array {
  const size = SIMPLE_INDEX_HEAD + entries.length * SIMPLE_INDEX_ENTRY
  const writer = new ByteWriter(size)
  writeGuid(writer, ASF_GUID.SIMPLE_INDEX)
  writer.u64le(size).bytes(fileId)
  writer.u64le(Math.round(intervalMs * TICKS_PER_MS))
  writer.u32le(maxPacketCount).u32le(entries.length)
  for (const { packet, count } of entries) writer.u32le(packet).u16le(count)
  return writer.toBytes()
}

/** What an entry of an Index Object points at, before its time: a packet, the start of an object, or a key frame. */
export const INDEX_TYPE = { PAST_PACKET: 1, PAST_OBJECT: 2, PAST_KEY_FRAME: 3, FRAME_NUMBER: 0xff } as const

/** Places for several streams, as offsets in bytes. */
export interface IndexObject {
  readonly intervalMs: number
  readonly specifiers: readonly { readonly stream: number; readonly type: number }[]
  /** Their entries follow one another in time. */
  readonly blocks: readonly IndexBlock[]
}

export interface IndexBlock {
  /** For each specifier: added to its offsets. */
  readonly positions: readonly number[]
  /** For each time, for each specifier: bytes from the first data packet, or NO_OFFSET. */
  readonly offsets: readonly (readonly number[])[]
}

/** Reads a whole Index Object. Throws FormatError for another object, too many entries, or when it is cut short. */
export function readIndexObject(bytes: Uint8Array): IndexObject {
  const reader = new ByteReader(bytes)
  expectObject(reader, ASF_GUID.INDEX)
  const intervalMs = reader.u32le()
  const specifierCount = reader.u16le()
  const blockCount = reader.u32le()
  if (specifierCount > MAX_SPECIFIERS || blockCount > MAX_BLOCKS) {
    throw new FormatError(
      'ERR_ASF_INDEX',
      `expected at most ${MAX_SPECIFIERS} specifiers and ${MAX_BLOCKS} blocks, found ${specifierCount} and ${blockCount}`,
    )
  }
  checkRemaining(reader, specifierCount * 4)
  const specifiers = Array.from({ length: specifierCount }, () => ({ stream: reader.u16le(), type: reader.u16le() }))
  const blocks: IndexBlock[] = []
  let total = 0
  for (let i = 0; i < blockCount; i++) {
    const block = readBlock(reader, specifierCount)
    total = checkedCount(total + block.offsets.length, specifierCount)
    blocks.push(block)
  }
  return { intervalMs, specifiers, blocks }
}

/** A whole object. */
export function writeIndexObject({ intervalMs, specifiers, blocks }: IndexObject): Uint8Array {
  const writer = new ByteWriter(1024)
  writeGuid(writer, ASF_GUID.INDEX)
  const sizeAt = writer.reserve(8)
  writer.u32le(intervalMs).u16le(specifiers.length).u32le(blocks.length)
  for (const { stream, type } of specifiers) writer.u16le(stream).u16le(type)
  for (const { positions, offsets } of blocks) {
    writer.u32le(offsets.length)
    for (const position of positions) writer.u64le(position)
    for (const row of offsets) for (const offset of row) writer.u32le(offset)
  }
  writer.patchU32le(sizeAt, writer.length)
  writer.patchU32le(sizeAt + 4, 0)
  return writer.toBytes()
}

function readBlock(reader: ByteReader, specifierCount: number): IndexBlock {
  const count = checkedCount(reader.u32le(), specifierCount)
  checkRemaining(reader, specifierCount * 8 + count * specifierCount * 4)
  const positions = Array.from({ length: specifierCount }, () => reader.u64le())
  // Without specifiers an entry has no bytes, so that a count alone could ask for any number of them.
  if (specifierCount === 0) return { positions, offsets: [] }
  const offsets = Array.from({ length: count }, () => Array.from({ length: specifierCount }, () => reader.u32le()))
  return { positions, offsets }
}

function expectObject(reader: ByteReader, wanted: Guid): void {
  const found = readGuid(reader)
  if (found !== wanted) throw new FormatError('ERR_ASF_INDEX', `expected an index ${wanted}, found ${found}`, 0)
  const size = reader.u64le()
  if (size < OBJECT_HEAD)
    throw new FormatError('ERR_ASF_INDEX', `expected an index of ${OBJECT_HEAD} bytes or more, found ${size}`, 16)
}

function checkedCount(count: number, specifiers: number): number {
  if (count * Math.max(1, specifiers) > MAX_INDEX_ENTRIES) {
    throw new FormatError(
      'ERR_ASF_INDEX',
      `expected at most ${MAX_INDEX_ENTRIES} index entries, found ${count} of ${specifiers}`,
    )
  }
  return count
}

function checkRemaining(reader: ByteReader, wanted: number): void {
  if (reader.remaining < wanted) {
    throw new FormatError(
      'ERR_ASF_INDEX',
      `expected ${wanted} more bytes of an index, found ${reader.remaining}`,
      reader.offset,
    )
  }
}
