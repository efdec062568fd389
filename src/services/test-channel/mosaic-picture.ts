/** A picture of flat squares: what the mosaic encoder codes and the test picture is drawn on. */

/** Video pixels on each side of a square. */
export const SQUARE = 4
/** Squares on each side of a macroblock, and cells (colour is half as fine). */
export const MACROBLOCK_SQUARES = 4
export const MACROBLOCK_CELLS = 2

/** BT.709 with limited range, as 8-bit Y, Cb, Cr. */
export interface Color {
  readonly y: number
  readonly cb: number
  readonly cr: number
}

/** Red, green and blue 0 to 255. */
export function rgb(red: number, green: number, blue: number): Color {
  const y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
  return {
    y: Math.round(16 + (y * 219) / 255),
    cb: Math.round(128 + ((blue - y) / 1.8556) * (224 / 255)),
    cr: Math.round(128 + ((red - y) / 1.5748) * (224 / 255)),
  }
}

/** How much of each square a shape covers, 0 to 255, row by row. */
export interface Mask {
  readonly width: number
  readonly height: number
  readonly coverage: Uint8Array
}

/** Sizes are in squares. Brightness is kept for each square, colour for each cell of two by two squares. */
export class MosaicPicture {
  readonly width: number
  readonly height: number
  readonly luma: Uint8Array
  readonly cb: Uint8Array
  readonly cr: Uint8Array
  /** One byte a macroblock, row by row: 1 where something was drawn since the encoder last looked. */
  readonly touched: Uint8Array

  /** `width` and `height` are multiples of four. */
  constructor(width: number, height: number, background: Color) {
    this.width = width
    this.height = height
    this.luma = new Uint8Array(width * height).fill(background.y)
    this.cb = new Uint8Array((width * height) / 4).fill(background.cb)
    this.cr = new Uint8Array((width * height) / 4).fill(background.cr)
    this.touched = new Uint8Array((width * height) / 16).fill(1)
  }

  /** Position and size are even, so that colour cells are not shared with the surroundings. */
  fill(x: number, y: number, width: number, height: number, color: Color): void {
    for (let row = y; row < y + height; row++)
      this.luma.fill(color.y, row * this.width + x, row * this.width + x + width)
    const cells = this.width / 2
    for (let row = y / 2; row < (y + height) / 2; row++) {
      this.cb.fill(color.cb, row * cells + x / 2, row * cells + (x + width) / 2)
      this.cr.fill(color.cr, row * cells + x / 2, row * cells + (x + width) / 2)
    }
    this.#touch(x, y, width, height)
  }

  /** Brightness from `outside` to `inside` as the mask covers; colour stays. */
  stamp(x: number, y: number, mask: Mask, inside: number, outside: number): void {
    for (let row = 0; row < mask.height; row++) {
      const at = (y + row) * this.width + x
      for (let column = 0; column < mask.width; column++) {
        const coverage = mask.coverage[row * mask.width + column] as number
        this.luma[at + column] = outside + Math.round(((inside - outside) * coverage) / 255)
      }
    }
    this.#touch(x, y, mask.width, mask.height)
  }

  #touch(x: number, y: number, width: number, height: number): void {
    const perRow = this.width / MACROBLOCK_SQUARES
    const right = Math.floor((x + width - 1) / MACROBLOCK_SQUARES)
    const bottom = Math.floor((y + height - 1) / MACROBLOCK_SQUARES)
    for (let row = Math.floor(y / MACROBLOCK_SQUARES); row <= bottom; row++) {
      this.touched.fill(1, row * perRow + Math.floor(x / MACROBLOCK_SQUARES), row * perRow + right + 1)
    }
  }
}
