import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { commonStarts, nearestTo, segmentSpans } from './spans.ts'

const SECOND = 1_000_000
const every = (step: number, until: number) =>
  Array.from({ length: Math.ceil(until / step) }, (_, index) => index * step * SECOND)
const starts = (spans: readonly { start: number }[]) => spans.map(({ start }) => start / SECOND)

describe('segmentSpans', () => {
  it('begins each segment at the key picture nearest to the target', () => {
    assert.deepEqual(starts(segmentSpans(every(2, 30), 30 * SECOND, 6 * SECOND)), [0, 6, 12, 18, 24])
    assert.deepEqual(starts(segmentSpans(every(4, 30), 30 * SECOND, 6 * SECOND)), [0, 4, 8, 12, 16, 20, 24])
    assert.deepEqual(starts(segmentSpans(every(5, 30), 30 * SECOND, 6 * SECOND)), [0, 5, 10, 15, 20, 25])
    assert.deepEqual(starts(segmentSpans(every(10, 30), 30 * SECOND, 6 * SECOND)), [0, 10, 20])
  })

  it('fills the whole time without a gap', () => {
    const uneven = [0, 1.2, 4.9, 7.4, 7.6, 15.1, 19.9, 22, 29.95].map((second) => second * SECOND)
    const spans = segmentSpans(uneven, 30 * SECOND, 6 * SECOND)

    let end = 0
    for (const { start, duration } of spans) {
      assert.equal(start, end)
      assert.ok(uneven.includes(start))
      end = start + duration
    }
    assert.equal(end, 30 * SECOND)
  })

  it('cuts sound anywhere, and lets a short end belong to the segment before', () => {
    assert.deepEqual(starts(segmentSpans([], 20 * SECOND, 6 * SECOND)), [0, 6, 12, 18])
    assert.deepEqual(starts(segmentSpans([], 19 * SECOND, 6 * SECOND)), [0, 6, 12])
    assert.deepEqual(segmentSpans([], 0, 6 * SECOND), [{ start: 0, duration: 1 }])
  })

  it('cuts where key pictures are too far apart, and says so', () => {
    const spans = segmentSpans([0, 50 * SECOND], 60 * SECOND, 6 * SECOND)

    assert.ok(spans.every(({ duration }) => duration <= 24 * SECOND))
    assert.equal(spans.find(({ start }) => start === 50 * SECOND)?.dependent, undefined)
    assert.ok(spans.some(({ dependent }) => dependent))
  })

  it('has a bounded number of segments whatever a file says', () => {
    const spans = segmentSpans([], 1e15, SECOND)

    assert.ok(spans.length <= 20_000)
  })
})

describe('commonStarts', () => {
  it('keeps what all have, within the tolerance', () => {
    assert.deepEqual(commonStarts([0, 2000, 4000], [[0, 2003, 4010]], 5), [0, 2000])
    assert.equal(nearestTo([0, 10, 20], 14, 5), 1)
    assert.equal(nearestTo([0, 10, 20], 16, 3), undefined)
    assert.equal(nearestTo([], 16, 3), undefined)
  })
})
