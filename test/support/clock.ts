/** Reads the test channel's clock from its picture, by comparing each place with the digits it can be. */
import { drawText } from '../../src/services/test-channel/stroke-font.ts'

/** Size the picture must have been brought to: one pixel for each of its squares. */
export const CLOCK_PICTURE = { width: 320, height: 180 } as const

/** Where the ten characters stand, in squares. */
const PLACES = [26, 59, 92, 106, 139, 172, 186, 219, 252, 266] as const
const TOP = 48
const HEIGHT = 40
/** A digit is believed when at most this share of its pixels is dark where it should be light or the reverse. */
const MAX_DIFFERENCE = 0.06
/** And when the second likest differs by that much more. */
const MIN_LEAD = 0.04
/** Of 255: pixels on the edge of a stroke, nearer to neither, do not count. */
const EDGE = { from: 64, to: 192 } as const

const CANDIDATES = Array.from('0123456789:.', (character) => {
  const { width, coverage } = drawText(character, { height: HEIGHT, pen: 5 })
  return { character, isMark: character === ':' || character === '.', width, coverage }
})

/** The clock as text, `12:34:56.7`; `undefined` when the picture does not show one clearly. `luma` is row by row, of any range. */
export function readClockFrom(luma: Uint8Array): string | undefined {
  const { width } = CLOCK_PICTURE
  const rows = luma.subarray(TOP * width, (TOP + HEIGHT) * width)
  const dark = rows.reduce((least, value) => Math.min(least, value), 255)
  const light = rows.reduce((most, value) => Math.max(most, value), 0)
  if (light - dark < 100) return undefined
  const middle = (dark + light) / 2

  let text = ''
  for (const [place, left] of PLACES.entries()) {
    const isMark = place === 2 || place === 5 || place === 8
    const scores = CANDIDATES.filter((candidate) => candidate.isMark === isMark)
      .map((candidate) => {
        let [counted, wrong] = [0, 0]
        for (const [index, coverage] of candidate.coverage.entries()) {
          if (coverage > EDGE.from && coverage < EDGE.to) continue
          const at = Math.floor(index / candidate.width) * width + left + (index % candidate.width)
          counted++
          if ((rows[at] as number) > middle !== coverage >= EDGE.to) wrong++
        }
        return { character: candidate.character, difference: wrong / counted }
      })
      .sort((a, b) => a.difference - b.difference)
    const [best, second] = scores
    if (best === undefined || second === undefined) return undefined
    if (best.difference > MAX_DIFFERENCE || second.difference - best.difference < MIN_LEAD) return undefined
    text += best.character
  }
  return text
}
