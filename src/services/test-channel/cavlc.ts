/** Context-adaptive variable-length coding of transform coefficients (ITU-T H.264 section 9.2), writing only, for blocks of DC levels. */
import type { BitWriter } from '../../media/bytes/bit-writer.ts'

/**
 * Writes the levels of one block, in scan order (lowest frequency first). 16 levels are an Intra16x16 DC block, 4 a chroma DC block.
 * The context of a luma block is that of neighbours without AC levels, which is all that the mosaic encoder makes.
 */
export function writeLevels(writer: BitWriter, levels: Int16Array): void {
  const chroma = levels.length === 4
  let last = levels.length - 1
  while (last >= 0 && levels[last] === 0) last--
  let total = 0
  for (let i = 0; i <= last; i++) if (levels[i] !== 0) total++
  let trailingOnes = 0
  for (let i = last; i >= 0 && trailingOnes < 3; i--) {
    const level = levels[i] as number
    if (level === 1 || level === -1) trailingOnes++
    else if (level !== 0) break
  }
  code(writer, chroma ? CHROMA_DC_COEFF_TOKEN : COEFF_TOKEN, total * 4 + trailingOnes)
  if (total === 0) return
  writeMagnitudes(writer, levels, last, total, trailingOnes)
  const zeros = last + 1 - total
  if (total < levels.length) {
    code(writer, (chroma ? CHROMA_DC_TOTAL_ZEROS : TOTAL_ZEROS)[total - 1] as Codes, zeros)
  }
  writeRuns(writer, levels, last, zeros)
}

/** Largest magnitude that has a code without the extended escapes, whatever was coded before. */
export const MAX_LEVEL = 2_000

function writeMagnitudes(
  writer: BitWriter,
  levels: Int16Array,
  last: number,
  total: number,
  trailingOnes: number,
): void {
  let suffixLength = total > 10 && trailingOnes < 3 ? 1 : 0
  let seen = 0
  for (let i = last; i >= 0; i--) {
    const level = levels[i] as number
    if (level === 0) continue
    if (seen++ < trailingOnes) {
      writer.bits(level < 0 ? 1 : 0, 1)
      continue
    }
    const magnitude = Math.abs(level)
    let levelCode = 2 * magnitude - (level < 0 ? 1 : 2)
    // After fewer than three trailing ones the first of the others cannot be a one.
    if (seen === trailingOnes + 1 && trailingOnes < 3) levelCode -= 2
    writeLevelCode(writer, levelCode, suffixLength)
    if (suffixLength === 0) suffixLength = 1
    if (magnitude > 3 << (suffixLength - 1) && suffixLength < 6) suffixLength++
  }
}

function writeLevelCode(writer: BitWriter, levelCode: number, suffixLength: number): void {
  const escape = 15 << suffixLength
  if (suffixLength === 0 && levelCode < 14) writer.bits(1, levelCode + 1)
  else if (suffixLength === 0 && levelCode < 30) writer.bits(1, 15).bits(levelCode - 14, 4)
  else if (suffixLength === 0) writer.bits(1, 16).bits(levelCode - 30, 12)
  else if (levelCode < escape) {
    writer.bits(1, (levelCode >> suffixLength) + 1).bits(levelCode & ((1 << suffixLength) - 1), suffixLength)
  } else writer.bits(1, 16).bits(levelCode - escape, 12)
}

function writeRuns(writer: BitWriter, levels: Int16Array, last: number, zeros: number): void {
  let zerosLeft = zeros
  for (let i = last; i > 0 && zerosLeft > 0; ) {
    let before = i - 1
    while (before >= 0 && levels[before] === 0) before--
    // The run before the lowest level is what is left, and has no code.
    if (before < 0) return
    const run = i - 1 - before
    code(writer, RUN_BEFORE[Math.min(zerosLeft, 7) - 1] as Codes, run)
    zerosLeft -= run
    i = before
  }
}

/** Lengths and values of codes; length 0: there is no such code. */
export interface Codes {
  readonly lengths: readonly number[]
  readonly values: readonly number[]
}

function code(writer: BitWriter, codes: Codes, index: number): void {
  writer.bits(codes.values[index] as number, codes.lengths[index] as number)
}

/** Table 9-5, column 0 <= nC < 2; index is total coefficients x 4 + trailing ones. */
// biome-ignore format: four columns, one for each count of trailing ones
export const COEFF_TOKEN: Codes = {
  lengths: [
    1, 0, 0, 0,     6, 2, 0, 0,     8, 6, 3, 0,     9, 8, 7, 5,     10, 9, 8, 6,    11, 10, 9, 7,
    13, 11, 10, 8,  13, 13, 11, 9,  13, 13, 13, 10, 14, 14, 13, 11, 14, 14, 14, 13, 15, 15, 14, 14,
    15, 15, 15, 14, 16, 15, 15, 15, 16, 16, 16, 15, 16, 16, 16, 16, 16, 16, 16, 16,
  ],
  values: [
    1, 0, 0, 0,     5, 1, 0, 0,     7, 4, 1, 0,     7, 6, 5, 3,     7, 6, 5, 3,     7, 6, 5, 4,
    15, 6, 5, 4,    11, 14, 5, 4,   8, 10, 13, 4,   15, 14, 9, 4,   11, 10, 13, 12, 15, 14, 9, 12,
    11, 10, 13, 8,  15, 1, 9, 12,   11, 14, 13, 8,  7, 10, 9, 12,   4, 6, 5, 8,
  ],
}

/** Table 9-5, column nC == -1. */
export const CHROMA_DC_COEFF_TOKEN: Codes = {
  lengths: [2, 0, 0, 0, 6, 1, 0, 0, 6, 6, 3, 0, 6, 7, 7, 6, 6, 8, 8, 7],
  values: [1, 0, 0, 0, 7, 1, 0, 0, 4, 6, 1, 0, 3, 3, 2, 5, 2, 3, 2, 0],
}

/** Tables 9-7 and 9-8: by total coefficients - 1, then by zeros. */
export const TOTAL_ZEROS: readonly Codes[] = [
  {
    lengths: [1, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 9],
    values: [1, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 1],
  },
  { lengths: [3, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 6, 6, 6, 6], values: [7, 6, 5, 4, 3, 5, 4, 3, 2, 3, 2, 3, 2, 1, 0] },
  { lengths: [4, 3, 3, 3, 4, 4, 3, 3, 4, 5, 5, 6, 5, 6], values: [5, 7, 6, 5, 4, 3, 4, 3, 2, 3, 2, 1, 1, 0] },
  { lengths: [5, 3, 4, 4, 3, 3, 3, 4, 3, 4, 5, 5, 5], values: [3, 7, 5, 4, 6, 5, 4, 3, 3, 2, 2, 1, 0] },
  { lengths: [4, 4, 4, 3, 3, 3, 3, 3, 4, 5, 4, 5], values: [5, 4, 3, 7, 6, 5, 4, 3, 2, 1, 1, 0] },
  { lengths: [6, 5, 3, 3, 3, 3, 3, 3, 4, 3, 6], values: [1, 1, 7, 6, 5, 4, 3, 2, 1, 1, 0] },
  { lengths: [6, 5, 3, 3, 3, 2, 3, 4, 3, 6], values: [1, 1, 5, 4, 3, 3, 2, 1, 1, 0] },
  { lengths: [6, 4, 5, 3, 2, 2, 3, 3, 6], values: [1, 1, 1, 3, 3, 2, 2, 1, 0] },
  { lengths: [6, 6, 4, 2, 2, 3, 2, 5], values: [1, 0, 1, 3, 2, 1, 1, 1] },
  { lengths: [5, 5, 3, 2, 2, 2, 4], values: [1, 0, 1, 3, 2, 1, 1] },
  { lengths: [4, 4, 3, 3, 1, 3], values: [0, 1, 1, 2, 1, 3] },
  { lengths: [4, 4, 2, 1, 3], values: [0, 1, 1, 1, 1] },
  { lengths: [3, 3, 1, 2], values: [0, 1, 1, 1] },
  { lengths: [2, 2, 1], values: [0, 1, 1] },
  { lengths: [1, 1], values: [0, 1] },
]

/** Table 9-9 (a). */
export const CHROMA_DC_TOTAL_ZEROS: readonly Codes[] = [
  { lengths: [1, 2, 3, 3], values: [1, 1, 1, 0] },
  { lengths: [1, 2, 2], values: [1, 1, 0] },
  { lengths: [1, 1], values: [1, 0] },
]

/** Table 9-10: by zeros left - 1 (7 and more share one), then by run. */
export const RUN_BEFORE: readonly Codes[] = [
  { lengths: [1, 1], values: [1, 0] },
  { lengths: [1, 2, 2], values: [1, 1, 0] },
  { lengths: [2, 2, 2, 2], values: [3, 2, 1, 0] },
  { lengths: [2, 2, 2, 3, 3], values: [3, 2, 1, 1, 0] },
  { lengths: [2, 2, 3, 3, 3, 3], values: [3, 2, 3, 2, 1, 0] },
  { lengths: [2, 3, 3, 3, 3, 3, 3], values: [3, 0, 1, 3, 2, 5, 4] },
  { lengths: [3, 3, 3, 3, 3, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11], values: [7, 6, 5, 4, 3, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1] },
]
