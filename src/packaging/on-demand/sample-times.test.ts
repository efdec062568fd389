import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AUDIO, VIDEO } from '../vectors.ts'
import { fragmentTimes } from './sample-times.ts'

const sample = (dts: number, pts: number, key = false) => ({ size: 1, dts, pts, key })
/** Decoded in the order 0 3 1 2, two pictures before they are shown. */
const REORDERED = [sample(-80, 0, true), sample(-40, 120), sample(0, 40), sample(40, 80), sample(80, 160)].map(
  (one) => ({
    ...one,
    dts: one.dts * 1000,
    pts: one.pts * 1000,
  }),
)

describe('fragmentTimes', () => {
  it('begins with the segment, decodes everything before it is shown, and leaves presentation times alone', () => {
    for (const begin of [0, 6_000_000]) {
      const samples = REORDERED.map((one) => ({ ...one, dts: one.dts + begin, pts: one.pts + begin }))

      const times = fragmentTimes(samples, VIDEO, begin)

      assert.equal(times[0]?.dts, begin)
      assert.deepEqual(
        times.map(({ pts }) => pts),
        samples.map(({ pts }) => pts),
      )
      for (const [index, { dts, pts }] of times.entries()) {
        assert.ok(dts <= pts)
        assert.ok(index === 0 || dts > (times[index - 1]?.dts ?? 0))
      }
      assert.deepEqual(
        times.slice(3).map(({ dts }) => dts),
        samples.slice(3).map(({ dts }) => dts),
      )
    }
  })

  it('begins before pictures that are shown before the key picture', () => {
    const open = [sample(5_900_000, 6_000_000, true), sample(5_940_000, 5_960_000), sample(5_980_000, 6_040_000)]

    const times = fragmentTimes(open, VIDEO, 6_000_000)

    assert.ok((times[0]?.dts ?? 0) < 5_960_000)
    assert.ok(times.every(({ dts, pts }) => dts <= pts))
    assert.deepEqual(
      times.map(({ pts }) => pts),
      open.map(({ pts }) => pts),
    )
  })

  it('gives pictures that are only decoded the first ticks', () => {
    const cut = REORDERED.map((one) => ({ ...one, dts: one.dts - 100_000, pts: one.pts - 100_000 }))

    const times = fragmentTimes(cut, VIDEO, 0)

    const shown = times.filter((_, index) => (cut[index]?.pts ?? 0) >= 0)
    assert.deepEqual(
      shown.map(({ pts }) => pts),
      [20_000, 60_000],
    )
    assert.ok(times.every(({ dts, pts }) => dts >= 0 && dts <= pts))
    const order = (list: readonly { pts: number }[]) =>
      list.map((_, index) => index).sort((a, b) => (list[a]?.pts ?? 0) - (list[b]?.pts ?? 0))
    assert.deepEqual(order(times), order(cut))
    assert.ok(times.filter(({ pts }) => pts < 20_000).every(({ pts }) => pts < 10_000))
  })

  it('begins sound that is a little early at zero', () => {
    const times = fragmentTimes([sample(-3000, -3000, true), sample(18_333, 18_333, true)], AUDIO, 0)

    assert.deepEqual(
      times.map(({ dts, pts }) => [dts, pts]),
      [
        [0, 0],
        [18_333, 18_333],
      ],
    )
  })
})
