/** Steps over the top-level boxes of a source without reading their content. */
import { FormatError } from '../../../errors.ts'
import type { BlockReader } from './block-reader.ts'
import { MAX_BOX_HEADER_BYTES, readBoxHeader } from './box.ts'

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
