/** Decode times from presentation times. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DecodeTimes, type Timed } from './decode-times.ts'

/** Presentation times in frames of 40 ms, in decoding order; decode times in the same unit. */
function decodeTimes(shown: readonly number[], settleAfter = shown.length): number[] {
  const times = new DecodeTimes()
  const frames: Timed[] = shown.map((frame) => ({ pts: frame * 40_000, dts: Number.NaN }))
  frames.forEach((frame, at) => {
    times.write(frame)
    if (at === settleAfter - 1) times.settle()
  })
  return frames.map((frame) => frame.dts / 40_000)
}

function check(shown: readonly number[], decoded: readonly number[]): void {
  decoded.forEach((dts, at) => {
    assert.ok(dts <= (shown[at] ?? Number.NaN), `frame ${at}: decoded at ${dts}, shown at ${shown[at]}`)
    assert.ok(at === 0 || dts >= (decoded[at - 1] ?? Number.NaN))
  })
}

describe('decode times', () => {
  test('without reordering are the presentation times', () => {
    const shown = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert.deepEqual(decodeTimes(shown), shown)
  })

  test('with B-frames', () => {
    const shown = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11]
    const decoded = decodeTimes(shown)
    check(shown, decoded)
    assert.deepEqual(decoded.slice(1), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    assert.ok((decoded[0] ?? 0) < 0)
  })

  test('with a pyramid of B-frames', () => {
    const shown = [0, 8, 4, 2, 1, 3, 6, 5, 7, 16, 12, 10, 9, 11, 14, 13, 15]
    const decoded = decodeTimes(shown)
    check(shown, decoded)
    assert.deepEqual(decoded.slice(3), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])
  })

  test('of an open group: frames before the first key frame', () => {
    const shown = [2, 0, 1, 5, 3, 4, 8, 6, 7, 11]
    check(shown, decodeTimes(shown))
  })

  test('of a few frames, when no more come', () => {
    assert.deepEqual(decodeTimes([5]), [5])
    assert.deepEqual(decodeTimes([0, 2, 1]).slice(1), [0, 1])
    assert.ok(Number.isNaN(decodeTimes([0, 1], 3)[0]))
  })

  test('never go back when reordering shows itself late', () => {
    const shown = [...Array(20).keys(), 23, 21, 20, 22, 26, 24, 23.5, 25, 29, 27, 26.5, 28]
    const decoded = decodeTimes(shown)
    decoded.forEach((dts, at) => assert.ok(at === 0 || dts >= (decoded[at - 1] ?? Number.NaN)))
    check(shown.slice(-4), decoded.slice(-4))
  })

  test('start anew after a step back of more than 5 s', () => {
    const before = [1000, 1003, 1001, 1002, 1006, 1004, 1005, 1009]
    const after = [0, 3, 1, 2, 6, 4, 5, 9]
    const decoded = decodeTimes([...before, ...after])
    check(before, decoded.slice(0, 8))
    check(after, decoded.slice(8))
  })

  test('of any order stay finite and never go back within 5 s', () => {
    let seed = 1
    const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647
    for (let round = 0; round < 200; round++) {
      const shown = Array.from({ length: 60 }, () => Math.floor(random() * 100))
      const decoded = decodeTimes(shown)
      decoded.forEach((dts, at) => {
        assert.ok(Number.isFinite(dts))
        assert.ok(at === 0 || dts >= (decoded[at - 1] ?? Number.NaN))
      })
    }
  })
})
