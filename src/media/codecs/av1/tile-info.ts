/** How an AV1 frame is divided into tiles: AV1 specification section 5.9.15. */
import type { BitReader } from '../../bytes/bit-reader.ts'
import { readNonSymmetric } from './frame-bits.ts'

const MAX_TILE_WIDTH = 4096
const MAX_TILE_AREA = 4096 * 2304
const MAX_TILE_COLUMNS = 64
const MAX_TILE_ROWS = 64

export interface Av1TileInfo {
  readonly tiles: number
  /** Of tg_start and tg_end. */
  readonly numberBits: number
  /** Bytes of the size before each tile but the last of a group. */
  readonly sizeBytes: number
}

/** `width` and `height`: of the frame as it is coded, in pixels. */
export function readTileInfo(
  bits: BitReader,
  { width, height, largeSuperblocks }: { width: number; height: number; largeSuperblocks: boolean },
): Av1TileInfo {
  const shift = largeSuperblocks ? 7 : 6
  const columns = superblocks(width, shift)
  const rows = superblocks(height, shift)
  const maxWidth = MAX_TILE_WIDTH >> shift
  const maxArea = MAX_TILE_AREA >> (2 * shift)
  const minColumnsLog2 = tileLog2(maxWidth, columns)
  const minLog2 = Math.max(minColumnsLog2, tileLog2(maxArea, rows * columns))
  let tileColumns: number
  let tileRows: number
  let columnsLog2: number
  let rowsLog2: number
  if (bits.flag()) {
    columnsLog2 = readIncrements(bits, minColumnsLog2, tileLog2(1, Math.min(columns, MAX_TILE_COLUMNS)))
    tileColumns = uniformCount(columns, columnsLog2)
    rowsLog2 = readIncrements(bits, Math.max(minLog2 - columnsLog2, 0), tileLog2(1, Math.min(rows, MAX_TILE_ROWS)))
    tileRows = uniformCount(rows, rowsLog2)
  } else {
    const widths = readSizes(bits, columns, maxWidth)
    tileColumns = widths.length
    columnsLog2 = tileLog2(1, tileColumns)
    const area = minLog2 > 0 ? (rows * columns) >> (minLog2 + 1) : rows * columns
    tileRows = readSizes(bits, rows, Math.max(Math.floor(area / Math.max(...widths)), 1)).length
    rowsLog2 = tileLog2(1, tileRows)
  }
  const numberBits = columnsLog2 + rowsLog2
  let sizeBytes = 0
  if (numberBits > 0) {
    bits.skip(numberBits) // context_update_tile_id
    sizeBytes = bits.bits(2) + 1
  }
  return { tiles: tileColumns * tileRows, numberBits, sizeBytes }
}

/** Superblocks over so many pixels: they count in blocks of 4, of which there is an even number. */
function superblocks(pixels: number, shift: number): number {
  const blocks = 2 * ((pixels + 7) >> 3)
  const perSuperblock = 1 << (shift - 2)
  return Math.ceil(blocks / perSuperblock)
}

function readIncrements(bits: BitReader, least: number, most: number): number {
  let value = least
  while (value < most && bits.flag()) value++
  return value
}

function uniformCount(count: number, log2: number): number {
  const size = (count + (1 << log2) - 1) >> log2
  return Math.ceil(count / size)
}

function readSizes(bits: BitReader, total: number, most: number): number[] {
  const sizes: number[] = []
  for (let start = 0; start < total; ) {
    const size = readNonSymmetric(bits, Math.min(total - start, most)) + 1
    sizes.push(size)
    start += size
  }
  return sizes
}

/** The smallest power of two with which `block` reaches `target`. */
function tileLog2(block: number, target: number): number {
  let log2 = 0
  while (block * 2 ** log2 < target) log2++
  return log2
}
