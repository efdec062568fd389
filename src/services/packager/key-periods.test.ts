import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MICROS_PER_SECOND } from '../../media/time.ts'
import { KeyPeriods, MAX_KEY_PERIODS } from './key-periods.ts'

describe('key periods', () => {
  it('change at the first segment that begins at or after each multiple', () => {
    const periods = new KeyPeriods(spans(4, 6), { rotateSeconds: 6 })

    assert.deepEqual(
      periods.starts.map((start) => start / MICROS_PER_SECOND),
      [0, 8, 12, 20],
    )
    assert.deepEqual(
      spans(4, 6).map((span) => periods.periodOf(span)),
      [0, 0, 1, 2, 2, 3],
    )
  })

  it('are the same for sound that begins a little before or after the picture', () => {
    const periods = new KeyPeriods(spans(4, 6), { rotateSeconds: 8 })

    for (const shift of [-21_333, 21_333]) {
      const sounds = spans(4, 6).map(({ start, duration }) => ({ start: start + shift, duration }))
      assert.deepEqual(
        sounds.map((span) => periods.periodOf(span)),
        [0, 0, 1, 1, 2, 2],
      )
    }
  })

  it('are one without rotation, and leave the beginning in the clear up to the end of a segment', () => {
    const periods = new KeyPeriods(spans(4, 6), { clearLeadSeconds: 5 })

    assert.equal(periods.count, 1)
    assert.deepEqual(
      spans(4, 6).map((span) => periods.isClear(span)),
      [true, true, false, false, false, false],
    )
    assert.equal(
      spans(4, 6).every((span) => new KeyPeriods(spans(4, 6), { clearLeadSeconds: 60 }).isClear(span)),
      true,
    )
  })

  it('refuse lengths that are none, and more periods than there may be', () => {
    for (const rotateSeconds of [0, -1, Number.NaN]) {
      assert.throws(() => new KeyPeriods(spans(4, 6), { rotateSeconds }), { code: 'ERR_PACKAGE_INPUT' })
    }
    for (const clearLeadSeconds of [-1, Number.NaN]) {
      assert.throws(() => new KeyPeriods(spans(4, 6), { clearLeadSeconds }), { code: 'ERR_PACKAGE_INPUT' })
    }
    assert.throws(() => new KeyPeriods(spans(1, MAX_KEY_PERIODS + 1), { rotateSeconds: 1 }), /at most 1024 key periods/)
  })
})

function spans(seconds: number, count: number) {
  const duration = seconds * MICROS_PER_SECOND
  return Array.from({ length: count }, (_, index) => ({ start: index * duration, duration }))
}
