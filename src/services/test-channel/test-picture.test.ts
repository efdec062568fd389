import assert from 'node:assert/strict'
import { test } from 'node:test'
import { H264MosaicEncoder } from './h264-mosaic-encoder.ts'
import { drawText } from './stroke-font.ts'
import { FLASH_FRAMES, FRAME_MS, TestPicture } from './test-picture.ts'

const NOON = Date.UTC(2026, 0, 31, 12, 34, 56) / FRAME_MS
/** Where the ten characters of the clock stand, in squares. */
const CLOCK_X = [24, 57, 90, 104, 137, 170, 184, 217, 250, 264]
const CLOCK_Y = 48

test('the decoded clock can be read, digit by digit', () => {
  const test = new TestPicture()
  const encoder = new H264MosaicEncoder(test.picture, 25)

  for (const [frame, expected] of [
    [NOON, '12:34:56.0'],
    [NOON + 2, '12:34:56.0'],
    [NOON + 3, '12:34:56.1'],
    [NOON + 24, '12:34:56.9'],
    [NOON + 25, '12:34:57.0'],
    [NOON + 90_000 * 7 + 100, '19:35:00.0'],
  ] as const) {
    test.draw(frame)
    encoder.encode(false)

    assert.equal(readClock(encoder.luma, test.picture.width), expected)
  }
})

test('something moves in every frame, and the flash is lit at the turn of a second', () => {
  const test = new TestPicture()
  const encoder = new H264MosaicEncoder(test.picture, 25)
  for (let frame = NOON; frame < NOON + 200; frame++) {
    test.draw(frame)
    const { data } = encoder.encode(false)

    assert.ok(data.byteLength > 20)
    const flash = encoder.luma[124 * test.picture.width + 288] ?? 0
    assert.equal(flash > 200, frame % 25 < FLASH_FRAMES)
  }
})

test('a picture drawn from the start and one drawn over are the same', () => {
  const over = new TestPicture()
  for (let frame = NOON - 130; frame <= NOON; frame++) over.draw(frame)
  const fresh = new TestPicture()
  fresh.draw(NOON)

  assert.deepEqual(over.picture.luma, fresh.picture.luma)
  assert.deepEqual(over.picture.cb, fresh.picture.cb)
})

test('a character the font lacks is an error', () => {
  assert.throws(() => drawText('Ω', { height: 10, pen: 2 }), /no "Ω"/)
})

/** Compares each place with all digits and takes the likest. */
function readClock(luma: Uint8Array, width: number): string {
  const candidates = Array.from('0123456789:.', (character) => ({
    character,
    mask: drawText(character, { height: 40, pen: 5 }),
  }))
  return CLOCK_X.map((x, place) => {
    const marks = place === 2 || place === 5 || place === 8
    const scores = candidates
      .filter(({ character }) => marks === (character === ':' || character === '.'))
      .map(({ character, mask }) => {
        let difference = 0
        for (const [index, coverage] of mask.coverage.entries()) {
          const value = luma[(CLOCK_Y + Math.floor(index / mask.width)) * width + x + (index % mask.width)] ?? 0
          difference += Math.abs(value - (28 + coverage * 0.79))
        }
        return { character, difference }
      })
    return scores.reduce((best, score) => (score.difference < best.difference ? score : best)).character
  }).join('')
}
