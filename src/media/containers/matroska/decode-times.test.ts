import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { GroupDecodeTimes, type GroupFrame, reorderingDepth, usualInterval } from './decode-times.ts'
import { TimeGrid } from './time-grid.ts'

/** Frames in decoding order from their places in the order of showing. */
function framesOf(places: readonly number[], first = 0): GroupFrame[] {
  return places.map((place, i) => ({ pts: (first + place) * 40, key: i === 0, dts: Number.NaN }))
}

function decodeTimes(depth: number, frames: readonly GroupFrame[]): number[] {
  const times = new GroupDecodeTimes(depth, 40)
  for (const frame of frames) times.write(frame)
  times.settle()
  return frames.map(({ dts }) => dts)
}

describe('GroupDecodeTimes', () => {
  const PYRAMID = [0, 4, 2, 1, 3, 8, 6, 5, 7]

  it('steps evenly through groups with reordered frames, closed and open ones', () => {
    const closed = [...framesOf(PYRAMID), ...framesOf(PYRAMID, 9)]
    // Two frames behind the second key frame are shown before it.
    const open = [...framesOf([0, 3, 1, 2]), ...framesOf([2, 0, 1, 5, 3, 4], 4)]

    assert.deepEqual(
      decodeTimes(2, closed),
      Array.from({ length: 18 }, (_, i) => (i - 2) * 40),
    )
    assert.deepEqual(
      decodeTimes(1, open),
      Array.from({ length: 10 }, (_, i) => (i - 1) * 40),
    )
  })

  it('gives the same times wherever it begins', () => {
    const groups = [framesOf(PYRAMID), framesOf(PYRAMID, 9), framesOf([0, 2, 1], 18)]
    const whole = decodeTimes(2, groups.flat())

    const alone = groups.map((group) =>
      decodeTimes(
        2,
        group.map((frame) => ({ ...frame })),
      ),
    )

    assert.deepEqual(alone.flat(), whole)
  })

  it('does not go back where frames are reordered deeper than was said', () => {
    const times = decodeTimes(0, framesOf([...PYRAMID, ...PYRAMID.map((place) => place + 9)]))

    times.slice(1).forEach((time, i) => assert.ok(time >= (times[i] as number)))
  })

  it('begins anew with another clock', () => {
    assert.deepEqual(
      decodeTimes(1, [...framesOf([200_000, 200_002, 200_001]), ...framesOf([0, 2, 1])]).slice(3),
      [-40, 0, 40],
    )
  })

  it('never goes back, whatever the times', () => {
    const frame = fc.record({ pts: fc.integer({ min: -2e6, max: 2e6 }), key: fc.boolean() })
    fc.assert(
      fc.property(fc.nat(20), fc.array(frame), (depth, list) => {
        const times = decodeTimes(
          depth,
          list.map(({ pts, key }) => ({ pts, key, dts: Number.NaN })),
        )

        times.forEach((time, i) => assert.ok(Number.isFinite(time) && (i === 0 || time >= (times[i - 1] as number))))
      }),
      { seed: 1 },
    )
  })

  it('is told its depth and distance by the first frames', () => {
    const times = framesOf(PYRAMID).map(({ pts }) => pts)

    assert.equal(reorderingDepth(times), 2)
    assert.equal(usualInterval(times), 40)
    assert.equal(reorderingDepth([]), 0)
    assert.equal(usualInterval([5]), 0)
  })
})

describe('TimeGrid', () => {
  it('gives exact times back that were rounded to milliseconds', () => {
    const period = 1_024_000_000 / 44_100
    const grid = new TimeGrid(23_000, period, 1000)

    for (let n = 0; n < 100_000; n += 37) {
      const exact = 23_000 + n * period

      assert.equal(grid.exact(Math.round(exact / 1000) * 1000), Math.round(exact))
    }
  })

  it('leaves alone what lies elsewhere, and what is too fine for it', () => {
    assert.equal(new TimeGrid(0, 40_000, 1000).exact(60_000), 60_000)
    assert.equal(new TimeGrid(0, 2500, 1000).exact(3000), 3000)
    assert.equal(new TimeGrid(0, 0, 1000).exact(3000), 3000)
  })
})
