/** The test channel's picture: name, wall clock, frame counter, a sweeping marker, a flash at each second, colour bars. */
import { type Color, type Mask, MosaicPicture, rgb } from './mosaic-picture.ts'
import { drawText } from './stroke-font.ts'

/** Frames a second, and milliseconds of one. */
export const FRAME_RATE = 25
export const FRAME_MS = 1_000 / FRAME_RATE
/** Frames from the turn of a second for which the flash is lit; the beep lasts as long. */
export const FLASH_FRAMES = 3

const WIDTH = 320
const HEIGHT = 180
const MARGIN = 16

const BACKGROUND = rgb(14, 17, 22)
const INK = rgb(245, 247, 250)
const MUTED = rgb(140, 150, 165)
const LINE = rgb(44, 51, 62)
const ACCENT = rgb(56, 189, 180)
const BARS: readonly Color[] = [
  rgb(191, 191, 191),
  rgb(191, 191, 0),
  rgb(0, 191, 191),
  rgb(0, 191, 0),
  rgb(191, 0, 191),
  rgb(191, 0, 0),
  rgb(0, 0, 191),
  rgb(64, 64, 64),
]
const BAR_WIDTH = (WIDTH - 2 * MARGIN) / BARS.length

const CLOCK = { y: 48, height: 40, pen: 5, digit: 33, mark: 14 } as const
const SMALL = { height: 10, pen: 1.5 } as const
const SMALL_ROW = 96
const SWEEP = { x: MARGIN, y: 120, width: 240, marker: 6 } as const
const FLASH = { x: 272, y: 116, width: 32, height: 16 } as const
/** The marker goes there and back in this many frames. */
const SWEEP_FRAMES = 4 * FRAME_RATE
const FRAME_DIGITS = 6

/** Draws frame after frame on one picture; only what changes is drawn again. */
export class TestPicture {
  readonly picture = new MosaicPicture(WIDTH, HEIGHT, BACKGROUND)
  readonly #masks = new Map<string, Mask>()
  #clock = ''
  #date = ''
  #counter = ''
  #markerX: number = SWEEP.x
  #lit = false

  constructor() {
    const { picture } = this
    const name = drawText('HEADEND', { height: 14, pen: 2.4 })
    picture.stamp(MARGIN, 14, name, INK.y, BACKGROUND.y)
    const purpose = drawText('TEST CHANNEL', SMALL)
    picture.stamp(WIDTH - MARGIN - purpose.width, 17, purpose, MUTED.y, BACKGROUND.y)
    const unit = drawText('FRAME', SMALL)
    picture.stamp(this.#counterX(0) - unit.width - 6, SMALL_ROW, unit, MUTED.y, BACKGROUND.y)
    picture.fill(MARGIN, 34, WIDTH - 2 * MARGIN, 2, LINE)
    for (const [index, bar] of BARS.entries()) picture.fill(MARGIN + index * BAR_WIDTH, 140, BAR_WIDTH, 20, bar)
    for (let step = 0; step < BARS.length; step++) {
      picture.fill(MARGIN + step * BAR_WIDTH, 160, BAR_WIDTH, 8, {
        y: 16 + Math.round((step * 219) / 7),
        cb: 128,
        cr: 128,
      })
    }
    this.#drawSweep(0)
    this.#drawFlash(false)
  }

  /** `frame` counts from 1970, 25 a second: it says the time that is shown. */
  draw(frame: number): void {
    const iso = new Date(frame * FRAME_MS).toISOString()
    this.#drawClock(iso.slice(11, 21))
    this.#drawDate(`${iso.slice(0, 10)} UTC`)
    this.#drawCounter(String(frame % 10 ** FRAME_DIGITS).padStart(FRAME_DIGITS, '0'))
    this.#drawSweep(frame % SWEEP_FRAMES)
    this.#drawFlash(frame % FRAME_RATE < FLASH_FRAMES)
  }

  #drawClock(text: string): void {
    const widthOf = (character: string) => (character === ':' || character === '.' ? CLOCK.mark : CLOCK.digit)
    const total = Array.from(text).reduce((sum, character) => sum + widthOf(character), 0)
    // The last digit's cell ends with empty space.
    let x = Math.round((WIDTH - total + 4) / 2)
    for (const [index, character] of Array.from(text).entries()) {
      if (this.#clock[index] !== character) {
        const mask = this.#mask(character, CLOCK.height, CLOCK.pen)
        this.picture.stamp(x, CLOCK.y, mask, INK.y, BACKGROUND.y)
      }
      x += widthOf(character)
    }
    this.#clock = text
  }

  #drawDate(text: string): void {
    if (text === this.#date) return
    this.#date = text
    this.picture.stamp(MARGIN + 2, SMALL_ROW, drawText(text, SMALL), MUTED.y, BACKGROUND.y)
  }

  #drawCounter(text: string): void {
    for (const [index, character] of Array.from(text).entries()) {
      if (this.#counter[index] === character) continue
      const mask = this.#mask(character, SMALL.height, SMALL.pen)
      this.picture.stamp(this.#counterX(index), SMALL_ROW, mask, MUTED.y, BACKGROUND.y)
    }
    this.#counter = text
  }

  #counterX(index: number): number {
    return WIDTH - MARGIN - 2 - 9 * (FRAME_DIGITS - index)
  }

  #drawSweep(step: number): void {
    const { x, y, width, marker } = SWEEP
    const half = SWEEP_FRAMES / 2
    const way = (step < half ? step : SWEEP_FRAMES - step) / half
    const next = x + 2 * Math.round((way * (width - marker)) / 2)
    this.picture.fill(this.#markerX, y, marker, marker, BACKGROUND)
    this.picture.fill(x, y + 2, width, 2, LINE)
    this.picture.fill(next, y, marker, marker, ACCENT)
    this.#markerX = next
  }

  #drawFlash(lit: boolean): void {
    if (lit === this.#lit && this.#clock !== '') return
    this.#lit = lit
    this.picture.fill(FLASH.x, FLASH.y, FLASH.width, FLASH.height, lit ? INK : LINE)
  }

  #mask(character: string, height: number, pen: number): Mask {
    const name = `${character}${height}`
    let mask = this.#masks.get(name)
    if (mask === undefined) this.#masks.set(name, (mask = drawText(character, { height, pen })))
    return mask
  }
}
