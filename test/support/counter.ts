/** A frame number that survives encoding: blocks of black and white, drawn by ffmpeg and read from decoded frames. */

/*
 * Sixteen blocks of 16 × 16 pixels along the top edge are the bits of the frame number, lowest first; white is one. The row below
 * has the inverse, so that a damaged or foreign picture is told from a number.
 */

const BITS = 16
const BLOCK = 16
const WIDTH = BITS * BLOCK
const HEIGHT = 2 * BLOCK

/** Pictures must have at least this size. */
export const COUNTER_SIZE = { width: WIDTH, height: HEIGHT } as const

/** ffmpeg filter that draws the frame number, modulo 65 536. */
export function counterFilter(): string {
  const boxes = [`drawbox=x=0:y=0:w=${WIDTH}:h=${HEIGHT}:color=black:t=fill`]
  for (let bit = 0; bit < BITS; bit++) {
    const isSet = `mod(floor(n/${2 ** bit}),2)`
    const box = (y: number, when: string) =>
      `drawbox=x=${bit * BLOCK}:y=${y}:w=${BLOCK}:h=${BLOCK}:color=white:t=fill:enable='${when}'`
    boxes.push(box(0, `eq(${isSet},1)`), box(BLOCK, `eq(${isSet},0)`))
  }
  return boxes.join(',')
}

/** Arguments for ffmpeg, after its input, that write what `readCounters` reads to standard output. */
export const counterOutput: readonly string[] = [
  '-map',
  '0:v:0',
  '-vf',
  `crop=${WIDTH}:${HEIGHT}:0:0`,
  '-fps_mode',
  'passthrough',
  '-pix_fmt',
  'gray',
  '-f',
  'rawvideo',
  'pipe:1',
]

/** The number of each frame in raw gray frames; `undefined` where none can be read. */
export function readCounters(raw: Uint8Array): (number | undefined)[] {
  const numbers: (number | undefined)[] = []
  for (let frame = 0; frame + WIDTH * HEIGHT <= raw.byteLength; frame += WIDTH * HEIGHT) {
    numbers.push(readCounter(raw.subarray(frame, frame + WIDTH * HEIGHT)))
  }
  return numbers
}

function readCounter(pixels: Uint8Array): number | undefined {
  let value = 0
  for (let bit = 0; bit < BITS; bit++) {
    const x = bit * BLOCK + BLOCK / 2
    const upper = (pixels[(BLOCK / 2) * WIDTH + x] as number) > 127
    const lower = (pixels[(BLOCK + BLOCK / 2) * WIDTH + x] as number) > 127
    if (upper === lower) return undefined
    if (upper) value += 2 ** bit
  }
  return value
}
