/**
 * A very small H.264 encoder (ITU-T H.264, Constrained Baseline) for pictures of flat squares. Every coded macroblock is Intra16x16 with
 * DC prediction and DC levels only, so that each square is flat in the decoder too; all others are skipped.
 */
import { BitWriter } from '../../media/bytes/bit-writer.ts'
import { MAX_LEVEL, writeLevels } from './cavlc.ts'
import { formatAvcConfig, formatSlice, type VideoFormat, writeSliceHeader } from './h264-syntax.ts'
import { MACROBLOCK_CELLS, MACROBLOCK_SQUARES, type MosaicPicture, SQUARE } from './mosaic-picture.ts'

/** Fine enough that nobody sees it, coarse enough that a key picture stays below 20 kB. */
const QP = 26
/** Section 8.5.9, for the DC position: LevelScale4x4 at QP modulo 6, flat matrix. */
const LEVEL_SCALE = 16 * ([10, 11, 13, 14, 16, 18][QP % 6] as number)
const QP_STEP = 2 ** Math.floor(QP / 6)
/** Sum of the transformed levels for a residual of one, for luma (section 8.5.10) and chroma (8.5.11.2). */
const LUMA_GAIN = (64 * 64) / (LEVEL_SCALE * QP_STEP)
const CHROMA_GAIN = (64 * 32) / (LEVEL_SCALE * QP_STEP)
/** mb_type of Intra16x16 with DC prediction and no luma AC levels; +4 when chroma DC levels follow (table 7-11). */
const I_16X16_DC = 3
const WITH_CHROMA_DC = 4
/** In a P slice the intra types follow the five inter types. */
const INTRA_IN_P = 5
// biome-ignore format: four by four
const ZIGZAG = [
  0, 1, 4, 8,
  5, 2, 3, 6,
  9, 12, 13, 10,
  7, 11, 14, 15,
]

/** What `encode` gives; the data is the caller's. */
export interface EncodedPicture {
  /** One slice as a NAL unit with its length in front. */
  readonly data: Uint8Array
  readonly key: boolean
}

/** Codes one picture after another. The reconstruction is exactly what a decoder shows. */
export class H264MosaicEncoder {
  readonly format: VideoFormat
  /** The decoder configuration record (avcC). */
  readonly config: Uint8Array
  /** What the decoder has, in the layout of MosaicPicture. */
  readonly luma: Uint8Array
  readonly cb: Uint8Array
  readonly cr: Uint8Array
  readonly #picture: MosaicPicture
  /** The picture as it was when each macroblock was last coded. */
  readonly #codedLuma: Uint8Array
  readonly #codedCb: Uint8Array
  readonly #codedCr: Uint8Array
  #frame = 0
  #idrPicId = 0

  readonly #lumaLevels = new Int16Array(16)
  readonly #cbLevels = new Int16Array(4)
  readonly #crLevels = new Int16Array(4)
  readonly #cbPrediction = new Int32Array(4)
  readonly #crPrediction = new Int32Array(4)
  readonly #chromaSums = new Int16Array(4)
  readonly #residual = new Float64Array(16)
  readonly #transformed = new Float64Array(16)

  /** Reads `picture` at every `encode`. */
  constructor(picture: MosaicPicture, frameRate: number) {
    this.#picture = picture
    this.format = {
      width: picture.width / MACROBLOCK_SQUARES,
      height: picture.height / MACROBLOCK_SQUARES,
      frameRate,
      qp: QP,
    }
    this.config = formatAvcConfig(this.format)
    this.luma = new Uint8Array(picture.luma.length)
    this.cb = new Uint8Array(picture.cb.length)
    this.cr = new Uint8Array(picture.cr.length)
    this.#codedLuma = new Uint8Array(picture.luma.length)
    this.#codedCb = new Uint8Array(picture.cb.length)
    this.#codedCr = new Uint8Array(picture.cr.length)
  }

  /** Video pixels. */
  get width(): number {
    return this.#picture.width * SQUARE
  }

  get height(): number {
    return this.#picture.height * SQUARE
  }

  /** Codes the picture as it is now. The first is a key picture in any case. */
  encode(key: boolean): EncodedPicture {
    const asKey = key || this.#idrPicId === 0
    if (asKey) {
      this.#frame = 0
      // Neighbouring key pictures must differ in it; 0 says that there was none yet.
      this.#idrPicId = this.#idrPicId === 1 ? 2 : 1
    }
    const writer = new BitWriter()
    writeSliceHeader(writer, this.#frame, this.#idrPicId)
    if (asKey) this.#writeAll(writer)
    else this.#writeChanged(writer)
    this.#picture.touched.fill(0)
    this.#frame++
    return { data: formatSlice(writer, asKey), key: asKey }
  }

  #writeAll(writer: BitWriter): void {
    const { width, height } = this.format
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) this.#writeMacroblock(writer, column, row, I_16X16_DC)
    }
  }

  #writeChanged(writer: BitWriter): void {
    const { width, height } = this.format
    const { touched } = this.#picture
    let next = 0
    for (let index = touched.indexOf(1); index >= 0; index = touched.indexOf(1, index + 1)) {
      const column = index % width
      const row = Math.floor(index / width)
      if (!this.#changed(column, row)) continue
      writer.ue(index - next) // mb_skip_run
      this.#writeMacroblock(writer, column, row, INTRA_IN_P + I_16X16_DC)
      next = index + 1
    }
    if (next < width * height) writer.ue(width * height - next)
  }

  #changed(column: number, row: number): boolean {
    const { width, luma, cb, cr } = this.#picture
    for (let y = 0; y < MACROBLOCK_SQUARES; y++) {
      const at = (row * MACROBLOCK_SQUARES + y) * width + column * MACROBLOCK_SQUARES
      for (let x = at; x < at + MACROBLOCK_SQUARES; x++) if (luma[x] !== this.#codedLuma[x]) return true
    }
    for (let y = 0; y < MACROBLOCK_CELLS; y++) {
      const at = (row * MACROBLOCK_CELLS + y) * (width / 2) + column * MACROBLOCK_CELLS
      for (let x = at; x < at + MACROBLOCK_CELLS; x++) {
        if (cb[x] !== this.#codedCb[x] || cr[x] !== this.#codedCr[x]) return true
      }
    }
    return false
  }

  #writeMacroblock(writer: BitWriter, column: number, row: number, mbType: number): void {
    const lumaCoded = this.#codeLuma(column, row)
    const { cb, cr } = this.#picture
    const cbCoded = this.#codeChroma(column, row, cb, this.cb, this.#codedCb, this.#cbPrediction, this.#cbLevels)
    const crCoded = this.#codeChroma(column, row, cr, this.cr, this.#codedCr, this.#crPrediction, this.#crLevels)
    const chroma = cbCoded || crCoded
    // mb_type in Exp-Golomb, then one bit each: intra_chroma_pred_mode 0 (DC), mb_qp_delta 0, and coeff_token of no luma levels.
    const type = mbType + (chroma ? WITH_CHROMA_DC : 0) + 1
    const typeLength = 63 - 2 * Math.clz32(type)
    if (lumaCoded) {
      writer.bits((type << 2) | 0b11, typeLength + 2)
      writeLevels(writer, this.#lumaLevels)
    } else writer.bits((type << 3) | 0b111, typeLength + 3)
    if (chroma) {
      writeLevels(writer, this.#cbLevels)
      writeLevels(writer, this.#crLevels)
    }
  }

  /** Fills the luma levels and the reconstruction; false when all levels are zero. */
  #codeLuma(column: number, row: number): boolean {
    const { width, luma } = this.#picture
    const start = row * MACROBLOCK_SQUARES * width + column * MACROBLOCK_SQUARES
    const prediction = this.#predictLuma(start, column > 0, row > 0)
    let flat = true
    for (let i = 0; i < 16; i++) {
      const at = start + (i >> 2) * width + (i & 3)
      const value = luma[at] as number
      this.#codedLuma[at] = value
      this.#residual[i] = value - prediction
      if (value !== prediction) flat = false
    }
    if (!flat) this.#quantizeLuma()
    for (let i = 0; i < 16; i++) {
      const at = start + (i >> 2) * width + (i & 3)
      this.luma[at] = flat ? prediction : clip(prediction + this.#lumaResidual(i))
    }
    return !flat
  }

  /** Section 8.3.3.3; each neighbouring square counts four pixels. */
  #predictLuma(start: number, left: boolean, above: boolean): number {
    const { luma } = this
    const { width } = this.#picture
    let sum = 0
    if (left) for (let y = 0; y < 4; y++) sum += luma[start + y * width - 1] as number
    if (above) for (let x = 0; x < 4; x++) sum += luma[start - width + x] as number
    if (left && above) return (4 * sum + 16) >> 5
    return left || above ? (4 * sum + 8) >> 4 : 128
  }

  /** Residuals to levels in scan order, and back to transformed sums as the decoder gets them. */
  #quantizeLuma(): void {
    const transformed = this.#transformed
    hadamard4(this.#residual, transformed)
    for (let i = 0; i < 16; i++) transformed[i] = limit(Math.round(((transformed[i] as number) * LUMA_GAIN) / 16))
    for (let i = 0; i < 16; i++) this.#lumaLevels[i] = transformed[ZIGZAG[i] as number] as number
    hadamard4(transformed, this.#residual)
  }

  /** Sections 8.5.10 and 8.5.12 for a block with nothing but a DC level. */
  #lumaResidual(index: number): number {
    const scaled = this.#residual[index] as number
    const shift = 6 - Math.floor(QP / 6)
    const dc = (scaled * LEVEL_SCALE + (1 << (shift - 1))) >> shift
    return (dc + 32) >> 6
  }

  /** As for luma, for the four cells of one colour difference. */
  #codeChroma(
    column: number,
    row: number,
    source: Uint8Array,
    reconstruction: Uint8Array,
    coded: Uint8Array,
    prediction: Int32Array,
    levels: Int16Array,
  ): boolean {
    const cells = this.#picture.width / 2
    const start = row * MACROBLOCK_CELLS * cells + column * MACROBLOCK_CELLS
    predictChroma(reconstruction, prediction, start, cells, column > 0, row > 0)
    let flat = true
    for (let i = 0; i < 4; i++) {
      const at = start + (i >> 1) * cells + (i & 1)
      const value = source[at] as number
      coded[at] = value
      if (value !== prediction[i]) flat = false
      levels[i] = value - (prediction[i] as number)
    }
    if (flat) {
      for (let i = 0; i < 4; i++) reconstruction[start + (i >> 1) * cells + (i & 1)] = prediction[i] as number
      return false
    }
    hadamard2(levels)
    let nonZero = 0
    for (let i = 0; i < 4; i++) {
      levels[i] = limit(Math.round(((levels[i] as number) * CHROMA_GAIN) / 4))
      if (levels[i] !== 0) nonZero++
      this.#chromaSums[i] = levels[i] as number
    }
    hadamard2(this.#chromaSums)
    for (let i = 0; i < 4; i++) {
      // Section 8.5.11.2, then 8.5.12.
      const dc = ((this.#chromaSums[i] as number) * LEVEL_SCALE * QP_STEP) >> 5
      reconstruction[start + (i >> 1) * cells + (i & 1)] = clip((prediction[i] as number) + ((dc + 32) >> 6))
    }
    return nonZero > 0
  }
}

/** Section 8.3.4, DC mode: the corner cells of the diagonal take both neighbours, the others prefer the nearer one. */
function predictChroma(
  plane: Uint8Array,
  prediction: Int32Array,
  start: number,
  cells: number,
  left: boolean,
  above: boolean,
): void {
  for (let i = 0; i < 4; i++) {
    const fromLeft = left ? (plane[start + (i >> 1) * cells - 1] as number) : undefined
    const fromAbove = above ? (plane[start - cells + (i & 1)] as number) : undefined
    if (fromLeft === undefined || fromAbove === undefined) prediction[i] = fromLeft ?? fromAbove ?? 128
    else if (i === 1) prediction[i] = fromAbove
    else if (i === 2) prediction[i] = fromLeft
    else prediction[i] = (4 * fromLeft + 4 * fromAbove + 4) >> 3
  }
}

/** Rows, then columns; applied twice it gives sixteen times the input. */
function hadamard4(input: Float64Array, output: Float64Array): void {
  for (let i = 0; i < 16; i += 4) butterfly(input, output, i, 1)
  for (let i = 0; i < 4; i++) butterfly(output, output, i, 4)
}

function butterfly(input: Float64Array, output: Float64Array, at: number, step: number): void {
  const a = input[at] as number
  const b = input[at + step] as number
  const c = input[at + 2 * step] as number
  const d = input[at + 3 * step] as number
  output[at] = a + b + c + d
  output[at + step] = a + b - c - d
  output[at + 2 * step] = a - b - c + d
  output[at + 3 * step] = a - b + c - d
}

function hadamard2(levels: Int16Array): void {
  const a = levels[0] as number
  const b = levels[1] as number
  const c = levels[2] as number
  const d = levels[3] as number
  levels[0] = a + b + c + d
  levels[1] = a - b + c - d
  levels[2] = a + b - c - d
  levels[3] = a - b - c + d
}

function clip(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value
}

function limit(level: number): number {
  return Math.max(-MAX_LEVEL, Math.min(MAX_LEVEL, level))
}
