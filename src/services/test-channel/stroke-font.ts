/** The test picture's own font: letters and digits drawn as strokes with a round pen, at any size. */
import type { Mask } from './mosaic-picture.ts'

/** Lines through points, and arcs of an ellipse: centre, radii, start and end in degrees (0 right, 90 down). */
type Stroke = readonly ['line', ...number[]] | readonly ['arc', number, number, number, number, number, number]

interface Glyph {
  /** Height is 16. */
  readonly width: number
  readonly strokes: readonly Stroke[]
}

const GLYPHS: Readonly<Record<string, Glyph>> = {
  ' ': { width: 3, strokes: [] },
  '-': { width: 5, strokes: [['line', 0, 8.5, 5, 8.5]] },
  '.': { width: 0, strokes: [['line', 0, 16, 0, 16]] },
  ':': {
    width: 0,
    strokes: [
      ['line', 0, 4.5, 0, 4.5],
      ['line', 0, 12, 0, 12],
    ],
  },
  '0': {
    width: 10,
    strokes: [
      ['arc', 5, 5, 5, 5, 180, 360],
      ['line', 10, 5, 10, 11],
      ['arc', 5, 11, 5, 5, 0, 180],
      ['line', 0, 11, 0, 5],
    ],
  },
  '1': {
    width: 10,
    strokes: [
      ['line', 1.5, 3.2, 5.5, 0, 5.5, 16],
      ['line', 1.5, 16, 9.5, 16],
    ],
  },
  '2': {
    width: 10,
    strokes: [
      ['arc', 5, 5, 5, 5, 185, 400],
      ['line', 8.83, 8.21, 0, 16, 10, 16],
    ],
  },
  '3': {
    width: 10,
    strokes: [
      ['arc', 5, 3.9, 4.4, 3.9, 200, 450],
      ['arc', 5, 11.9, 5, 4.1, 270, 520],
    ],
  },
  '4': { width: 10, strokes: [['line', 7.5, 16, 7.5, 0, 0, 11.5, 10, 11.5]] },
  '5': {
    width: 10,
    strokes: [
      ['line', 9.5, 0, 1.2, 0, 0.7, 7.6],
      ['arc', 4.9, 10.8, 5.1, 5.2, 218, 515],
    ],
  },
  '6': {
    width: 10,
    strokes: [
      ['arc', 5, 11, 5, 5, 0, 360],
      ['arc', 9, 11, 9, 11, 180, 262],
    ],
  },
  '7': { width: 10, strokes: [['line', 0, 0, 10, 0, 4, 16]] },
  '8': {
    width: 10,
    strokes: [
      ['arc', 5, 3.9, 4.4, 3.9, 0, 360],
      ['arc', 5, 11.9, 5, 4.1, 0, 360],
    ],
  },
  '9': {
    width: 10,
    strokes: [
      ['arc', 5, 5, 5, 5, 0, 360],
      ['arc', 1, 5, 9, 11, 0, 82],
    ],
  },
  A: {
    width: 11,
    strokes: [
      ['line', 0, 16, 5.5, 0, 11, 16],
      ['line', 2, 10.5, 9, 10.5],
    ],
  },
  C: { width: 10, strokes: [['arc', 6, 8, 6, 8, 48, 312]] },
  D: {
    width: 10,
    strokes: [
      ['line', 4, 0, 0, 0, 0, 16, 4, 16],
      ['arc', 4, 8, 6, 8, 270, 450],
    ],
  },
  E: {
    width: 9,
    strokes: [
      ['line', 9, 0, 0, 0, 0, 16, 9, 16],
      ['line', 0, 7.8, 8, 7.8],
    ],
  },
  F: {
    width: 9,
    strokes: [
      ['line', 9, 0, 0, 0, 0, 16],
      ['line', 0, 7.8, 8, 7.8],
    ],
  },
  H: {
    width: 10,
    strokes: [
      ['line', 0, 0, 0, 16],
      ['line', 10, 0, 10, 16],
      ['line', 0, 8, 10, 8],
    ],
  },
  L: { width: 8, strokes: [['line', 0, 0, 0, 16, 8, 16]] },
  M: { width: 12, strokes: [['line', 0, 16, 0, 0, 6, 10, 12, 0, 12, 16]] },
  N: { width: 10, strokes: [['line', 0, 16, 0, 0, 10, 16, 10, 0]] },
  R: {
    width: 10,
    strokes: [
      ['line', 0, 16, 0, 0, 5, 0],
      ['arc', 5, 4.2, 4.6, 4.2, 270, 450],
      ['line', 0, 8.4, 5, 8.4, 10, 16],
    ],
  },
  S: {
    width: 10,
    strokes: [
      ['arc', 5, 4, 4.6, 4, 330, 90],
      ['arc', 5, 12, 5, 4, 270, 515],
    ],
  },
  T: {
    width: 10,
    strokes: [
      ['line', 0, 0, 10, 0],
      ['line', 5, 0, 5, 16],
    ],
  },
  U: {
    width: 10,
    strokes: [
      ['line', 0, 0, 0, 11],
      ['arc', 5, 11, 5, 5, 180, 0],
      ['line', 10, 11, 10, 0],
    ],
  },
}

const GLYPH_HEIGHT = 16
const ARC_STEPS = 24

/** Size and weight of a text. */
export interface PenOptions {
  /** Of the letters including the pen, in squares. */
  readonly height: number
  /** Thickness of the pen, in squares. */
  readonly pen: number
  /** Space between letters, in squares. Default: the pen's thickness and one more. */
  readonly gap?: number
}

/** One line of text. Throws for a character that the font does not have. */
export function drawText(text: string, options: PenOptions): Mask {
  const { height, pen, gap = pen + 1 } = options
  const scale = (height - pen) / GLYPH_HEIGHT
  const glyphs = Array.from(text, (character) => {
    const glyph = GLYPHS[character]
    if (glyph === undefined) throw new Error(`the test picture's font has no "${character}"`)
    return glyph
  })
  let width = 0
  const segments: Segment[] = []
  for (const glyph of glyphs) {
    if (width > 0) width += gap
    const left = width + pen / 2
    for (const stroke of glyph.strokes) segments.push(...flatten(stroke, left, pen / 2, scale))
    width += glyph.width * scale + pen
  }
  return paint(segments, Math.ceil(width), height, pen)
}

interface Segment {
  readonly x1: number
  readonly y1: number
  readonly x2: number
  readonly y2: number
}

function flatten(stroke: Stroke, left: number, top: number, scale: number): Segment[] {
  const points: number[] = []
  if (stroke[0] === 'line') points.push(...(stroke.slice(1) as number[]))
  else {
    const [, x, y, radiusX, radiusY, from, to] = stroke
    for (let step = 0; step <= ARC_STEPS; step++) {
      const angle = ((from + ((to - from) * step) / ARC_STEPS) * Math.PI) / 180
      points.push(x + radiusX * Math.cos(angle), y + radiusY * Math.sin(angle))
    }
  }
  const at = (index: number) => (index % 2 === 0 ? left : top) + (points[index] as number) * scale
  const segments: Segment[] = []
  for (let i = 0; i + 3 < points.length; i += 2)
    segments.push({ x1: at(i), y1: at(i + 1), x2: at(i + 2), y2: at(i + 3) })
  return segments
}

function paint(segments: readonly Segment[], width: number, height: number, pen: number): Mask {
  const coverage = new Uint8Array(width * height)
  const reach = pen / 2 + 0.5
  for (const segment of segments) {
    const { x1, y1, x2, y2 } = segment
    const right = Math.min(width, Math.ceil(Math.max(x1, x2) + reach))
    const bottom = Math.min(height, Math.ceil(Math.max(y1, y2) + reach))
    for (let y = Math.max(0, Math.floor(Math.min(y1, y2) - reach)); y < bottom; y++) {
      for (let x = Math.max(0, Math.floor(Math.min(x1, x2) - reach)); x < right; x++) {
        const inside = Math.min(1, reach - distance(x + 0.5, y + 0.5, segment))
        const at = y * width + x
        coverage[at] = Math.max(coverage[at] as number, Math.round(255 * Math.max(0, inside)))
      }
    }
  }
  return { width, height, coverage }
}

function distance(x: number, y: number, { x1, y1, x2, y2 }: Segment): number {
  const length = (x2 - x1) ** 2 + (y2 - y1) ** 2
  const along = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length))
  return Math.sqrt((x - x1 - along * (x2 - x1)) ** 2 + (y - y1 - along * (y2 - y1)) ** 2)
}
