import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readClockFrom } from '../../../test/support/clock.ts'
import { H264MosaicEncoder } from './h264-mosaic-encoder.ts'
import { drawText } from './stroke-font.ts'
import { FLASH_FRAMES, FRAME_MS, TestPicture } from './test-picture.ts'

const NOON = Date.UTC(2026, 0, 31, 12, 34, 56) / FRAME_MS

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

    assert.equal(readClockFrom(encoder.luma), expected)
  }
})

test('a picture without a clock, or with a damaged one, is not read as a time', () => {
  const test = new TestPicture()
  test.draw(NOON)
  const { luma, width } = test.picture

  assert.equal(readClockFrom(new Uint8Array(luma.length).fill(128)), undefined)
  assert.equal(readClockFrom(luma.map((_, index) => (index * 7919) & 255)), undefined)
  assert.equal(
    readClockFrom(luma.map((value, index) => (index % width >= 139 && index % width < 152 ? 16 : value))),
    undefined,
  )
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
