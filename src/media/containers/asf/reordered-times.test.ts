/** Times of H.264 frames, of which ASF has one kind or the other. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ReorderedFrame, ReorderedTimes } from './reordered-times.ts'

const FRAME = 40_000

interface Options {
  readonly maxReorder?: number
  /** By which picture order counts grow. */
  readonly step?: number
  /** Frames of each group, which begins with an IDR picture. */
  readonly group?: number
  /** Places in showing order are not told. */
  readonly blind?: boolean
}

/** Runs frames with the times `container` has; `shown` is their order. Results in frames. */
function timesOf(shown: readonly number[], container: readonly number[], options: Options = {}): [number, number][] {
  const { maxReorder, step = 2, group = shown.length, blind = false } = options
  const times = new ReorderedTimes(maxReorder)
  const frames: ReorderedFrame[] = container.map((time) => ({ pts: time * FRAME, dts: Number.NaN }))
  frames.forEach((frame, at) => {
    const idr = at % group === 0
    const count = ((shown[at] ?? 0) - (shown[at - (at % group)] ?? 0)) * step
    times.write(frame, blind ? undefined : { count, idr })
  })
  times.settle()
  return frames.map(({ pts, dts }) => [dts / FRAME, pts / FRAME])
}

const PYRAMID = [0, 4, 2, 1, 3, 8, 6, 5, 7, 12, 10, 9, 11]
const IN_ORDER = PYRAMID.map((_, at) => at)

describe('times of H.264', () => {
  test('decode times in the container: shown by the order of pictures, the depth of reordering later', () => {
    for (const options of [{}, { maxReorder: 2 }, { step: 1 }]) {
      assert.deepEqual(
        timesOf(PYRAMID, IN_ORDER, options),
        PYRAMID.map((shown, at) => [at, shown + 2]),
      )
    }
  })

  test('presentation times in the container: decode times are derived', () => {
    const times = timesOf(PYRAMID, PYRAMID)
    assert.deepEqual(
      times.map(([, pts]) => pts),
      PYRAMID,
    )
    times.forEach(([dts, pts], at) => {
      assert.ok(dts <= pts)
      assert.ok(at === 0 || dts >= (times[at - 1]?.[0] ?? 0))
    })
  })

  test('presentation times that go back late: only the frame before is misjudged', () => {
    const shown = [...Array(12).keys(), 14, 12, 13, 17, 15, 16]
    const times = timesOf(shown, shown)
    shown.forEach((pts, at) => assert.equal(times[at]?.[1] === pts, at !== 12, `frame ${at}`))
  })

  test('without reordering both are the same', () => {
    assert.deepEqual(
      timesOf(IN_ORDER, IN_ORDER),
      IN_ORDER.map((at) => [at, at]),
    )
    assert.deepEqual(
      timesOf(PYRAMID, IN_ORDER, { blind: true }),
      IN_ORDER.map((at) => [at, at]),
    )
  })

  test('each IDR picture counts anew', () => {
    const group = [0, 3, 1, 2]
    const shown = [0, 1, 2].flatMap((start) => group.map((frame) => start * 4 + frame))
    assert.deepEqual(
      timesOf(
        shown,
        shown.map((_, at) => at),
        { group: 4 },
      ),
      shown.map((frame, at) => [at, frame + 1]),
    )
  })

  test('a lost frame does not move the others for ever', () => {
    const shown = [...Array(10).keys(), ...Array.from({ length: 20 }, (_, at) => at + 60)]
    const times = timesOf(shown, shown)
    assert.deepEqual(times.at(-1), [79, 79])
  })

  test('another clock is no reordering', () => {
    const container = [...IN_ORDER.map((at) => at + 1000), ...IN_ORDER]
    const times = timesOf([...IN_ORDER, ...IN_ORDER.map((at) => at + 13)], container)
    assert.deepEqual(times.at(-1), [12, 12])
  })
})
