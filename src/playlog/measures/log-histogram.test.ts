import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { bucketMiddle, bucketOf, LAST_BUCKET, percentile } from './log-histogram.ts'

function histogram(values: readonly number[]) {
  const counts = new Map<number, number>()
  for (const value of values) counts.set(bucketOf(value), (counts.get(bucketOf(value)) ?? 0) + 1)
  return counts
}

describe('histograms of spans', () => {
  it('give any percentile within 4.5 % and the rounding to whole milliseconds', () => {
    const values = fc.array(fc.integer({ min: 1, max: 60_000_000 }), { minLength: 1, maxLength: 200 })

    fc.assert(
      fc.property(values, fc.constantFrom(0.05, 0.5, 0.75, 0.95, 1), (all, fraction) => {
        const sorted = all.toSorted((left, right) => left - right)
        const wanted = sorted[Math.max(1, Math.ceil(all.length * fraction)) - 1] ?? assert.fail()
        const found = percentile(histogram(all), fraction) ?? assert.fail()
        assert.ok(Math.abs(found - wanted) <= wanted * 0.045 + 0.5, `${found} for ${wanted}`)
      }),
    )
  })

  it('have an end on both sides, and none of nothing', () => {
    assert.deepEqual([bucketOf(0), bucketOf(-3), bucketOf(1), bucketOf(1e300)], [0, 0, 0, LAST_BUCKET])
    assert.equal(bucketMiddle(0), 1)
    assert.equal(percentile(new Map([[3, 0]]), 0.5), undefined)
  })
})
