/** From the pieces of a segment to bytes in memory: many small ranges of a file become few large reads. */
import { UnavailableError } from '../../errors.ts'
import type { ByteSource } from '../../media/byte-source.ts'
import type { FileRange, SegmentBody, SegmentPiece } from './presentation.ts'

/*
 * A movie file has pictures and sound in turns, so the samples of one track are ranges of some kilobytes with others between. A read costs as
 * much as copying some hundred kilobytes: what lies between is read too, and the wanted bytes are moved together in the buffer, which is in
 * the processor's cache then.
 */

/** Bytes of a read, and of what is handed out at once; fewer when many are served, so that all together stay in bounds. */
export const CHUNK_BYTES = 1024 * 1024
const SMALL_CHUNK_BYTES = 256 * 1024
const MAX_LARGE = 48
/** What is in memory goes out together with what follows it, up to so many bytes: the head of a fragment. */
const HEAD_ROOM = 64 * 1024
/** Bytes between two ranges up to which they are read together. */
const MAX_GAP = 64 * 1024

/** Buffers of the large size that are used again. */
const MAX_FREE = 16
const free: Uint8Array[] = []
let large = 0

/**
 * The bytes of a body from `start` to `end`, chunk by chunk. A chunk is good until the next one is asked for: its memory is used again.
 * Throws UnavailableError ERR_PACKAGING_FAILED where a file is shorter than it was.
 */
export async function* readChunks(
  body: SegmentBody,
  start = 0,
  end: number = body.byteLength,
): AsyncGenerator<Uint8Array> {
  const isLarge = large < MAX_LARGE && end - start > SMALL_CHUNK_BYTES
  if (isLarge) large++
  const size = isLarge ? CHUNK_BYTES : SMALL_CHUNK_BYTES
  const buffer = (isLarge ? free.pop() : undefined) ?? new Uint8Array(Buffer.allocUnsafeSlow(HEAD_ROOM + size).buffer)
  let head = 0
  try {
    for (const extent of extentsOf(piecesBetween(body.pieces, start, end), size)) {
      if (!('bytes' in extent)) {
        const length = await readExtent(extent, buffer.subarray(head))
        yield buffer.subarray(0, head + length)
        head = 0
      } else if (head + extent.bytes.byteLength <= HEAD_ROOM) {
        buffer.set(extent.bytes, head)
        head += extent.bytes.byteLength
      } else {
        if (head > 0) yield buffer.subarray(0, head)
        head = 0
        yield extent.bytes
      }
    }
    if (head > 0) yield buffer.subarray(0, head)
  } finally {
    if (isLarge) {
      large--
      if (free.length < MAX_FREE) free.push(buffer)
    }
  }
}

/** A buffer that is used again by what comes next: what was taken is good until then. */
export class ReusedBuffer {
  #bytes = new Uint8Array(0)

  take(length: number): Uint8Array {
    if (this.#bytes.byteLength < length) this.#bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
    return this.#bytes.subarray(0, length)
  }
}

/** All bytes of a body, behind `reserve` bytes that the caller fills; in a buffer of their own, or in `into`. */
export async function readWhole(body: SegmentBody, reserve = 0, into = new ReusedBuffer()): Promise<Uint8Array> {
  // The last read may bring bytes that are not wanted: there is room for them.
  const target = into.take(reserve + body.byteLength + SMALL_CHUNK_BYTES)
  let at = reserve
  for (const extent of extentsOf(body.pieces, SMALL_CHUNK_BYTES)) {
    if ('bytes' in extent) {
      target.set(extent.bytes, at)
      at += extent.bytes.byteLength
    } else at += await readExtent(extent, target.subarray(at, at + SMALL_CHUNK_BYTES))
  }
  return target.subarray(0, at)
}

/** Ranges of a source that are read together. */
interface Extent {
  readonly source: ByteSource
  readonly offset: number
  readonly length: number
  readonly ranges: readonly FileRange[]
}

/** Reads an extent and moves what is wanted of it together; returns its length. */
async function readExtent({ source, offset, length, ranges }: Extent, buffer: Uint8Array): Promise<number> {
  const target = buffer.subarray(0, length)
  let read: number
  if (source.readInto === undefined) {
    const bytes = await source.read(offset, length)
    target.set(bytes)
    read = bytes.byteLength
  } else read = await source.readInto(target, offset)
  if (read < length) {
    throw new UnavailableError('ERR_PACKAGING_FAILED', 'the file is shorter than it was when it was opened')
  }
  let at = 0
  for (const range of ranges) {
    const from = range.offset - offset
    if (from !== at) target.copyWithin(at, from, from + range.length)
    at += range.length
  }
  return at
}

function* extentsOf(pieces: Iterable<SegmentPiece>, size: number): Generator<Extent | { readonly bytes: Uint8Array }> {
  let open: { source: ByteSource; offset: number; length: number; ranges: FileRange[] } | undefined
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) {
      if (open !== undefined) yield open
      open = undefined
      yield { bytes: piece }
      continue
    }
    const { source, length } = piece
    for (let done = 0; done < length; ) {
      const offset = piece.offset + done
      const gap: number = open === undefined ? 0 : offset - (open.offset + open.length)
      const joins: boolean =
        open !== undefined && open.source === source && gap >= 0 && gap <= MAX_GAP && open.length + gap < size
      if (open !== undefined && joins) {
        const part = Math.min(length - done, size - open.length - gap)
        open.length += gap + part
        open.ranges.push({ source, offset, length: part })
        done += part
      } else {
        if (open !== undefined) yield open
        const part = Math.min(length - done, size)
        open = { source, offset, length: part, ranges: [{ source, offset, length: part }] }
        done += part
      }
    }
  }
  if (open !== undefined) yield open
}

function* piecesBetween(pieces: readonly SegmentPiece[], start: number, end: number): Generator<SegmentPiece> {
  let at = 0
  for (const piece of pieces) {
    const length = piece instanceof Uint8Array ? piece.byteLength : piece.length
    const from = Math.max(0, start - at)
    const to = Math.min(length, end - at)
    at += length
    if (from >= to) continue
    if (piece instanceof Uint8Array) yield piece.subarray(from, to)
    else yield { source: piece.source, offset: piece.offset + from, length: to - from }
  }
}

/** A body of these pieces; ranges of a file that follow each other become one. */
export function segmentBody(pieces: readonly SegmentPiece[]): SegmentBody {
  const joined: SegmentPiece[] = []
  let byteLength = 0
  for (const piece of pieces) {
    byteLength += piece instanceof Uint8Array ? piece.byteLength : piece.length
    const last = joined.at(-1)
    if (
      last === undefined ||
      last instanceof Uint8Array ||
      piece instanceof Uint8Array ||
      last.source !== piece.source ||
      last.offset + last.length !== piece.offset
    ) {
      joined.push(piece)
    } else joined[joined.length - 1] = { source: last.source, offset: last.offset, length: last.length + piece.length }
  }
  return { pieces: joined, byteLength }
}
