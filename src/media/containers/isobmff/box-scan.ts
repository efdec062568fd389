/** Steps over the top-level boxes of a source without reading their content. */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import type { BlockReader } from './block-reader.ts'
import { type Box, MAX_BOX_HEADER_BYTES, readBoxHeader } from './box.ts'
import { MAX_MOOV_BYTES } from './movie.ts'

/** Boxes that are passed over in search of one: two for each fragment of a second make nine hours. */
export const MAX_SCANNED_BOXES = 65_536

/** A top-level box; `start` and `end` bound its content. */
export interface BoxRange {
  readonly type: string
  readonly start: number
  readonly end: number
}

/** The box whose header is at `position`, or `undefined` where the source ends. Throws when the box is larger than the source. */
export async function readTopLevelHeader(blocks: BlockReader, position: number): Promise<BoxRange | undefined> {
  const available = blocks.size - position
  // Less than a header at the end is what a cut-off recording leaves.
  if (available < 8) return undefined
  const header = readBoxHeader(await blocks.read(position, Math.min(MAX_BOX_HEADER_BYTES, available)), position)
  if (header === undefined) return undefined
  const size = header.size ?? available
  if (size > available) {
    throw new FormatError(
      'ERR_MP4_BOX_SIZE',
      `expected at most ${available} bytes of a box, found size ${size}`,
      position,
    )
  }
  return { type: header.type, start: position + header.headerBytes, end: position + size }
}

/** Finds and reads `moov`, wherever it is; the first where there are several. Throws FormatError. */
export async function findMoov(blocks: BlockReader): Promise<Box> {
  let position = 0
  for (let count = 0; count < MAX_SCANNED_BOXES; count++) {
    const header = await nextHeader(blocks, position)
    if (header === undefined) break
    const { type, start, end } = header
    if (type === 'moov') {
      const bytes = end - start
      if (bytes > MAX_MOOV_BYTES) {
        throw new FormatError(
          'ERR_MP4_BOX_TOO_LARGE',
          `expected moov of at most ${MAX_MOOV_BYTES} bytes, found ${bytes}`,
          position,
        )
      }
      return { type, body: new ByteReader(await blocks.read(start, bytes), start), depth: 0 }
    }
    position = end
  }
  throw new FormatError('ERR_MP4_NO_MOOV', `expected moov among the first ${MAX_SCANNED_BOXES} boxes, found none`)
}

/** What most often stands before a missing `moov` is an `mdat` that was not finished. */
async function nextHeader(blocks: BlockReader, position: number): Promise<BoxRange | undefined> {
  try {
    return await readTopLevelHeader(blocks, position)
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new FormatError(
      'ERR_MP4_NO_MOOV',
      'expected moov, found a box that goes beyond the end: the file was cut off, or its recording was not finished',
      position,
      { cause },
    )
  }
}
