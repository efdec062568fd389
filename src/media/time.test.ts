import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ClockUnwrapper, microsToTicks, ticksToMicros } from './time.ts'

describe('ticks and microseconds', () => {
  it('round to nearest', () => {
    assert.equal(ticksToMicros(3003, 90_000), 33_367)
    assert.equal(ticksToMicros(1024, 48_000), 21_333)
    assert.equal(microsToTicks(33_367, 90_000), 3003)
    assert.equal(ticksToMicros(-1, 1000), -1000)
  })

  it('are exact back and forth up to 500 kHz, for clocks that ran for years too', () => {
    const ticks = fc.oneof(
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 }),
      fc.maxSafeInteger().map((n) => Math.trunc(n / 16)),
    )
    const timescale = fc.oneof(
      fc.constantFrom(1, 1000, 22_050, 44_100, 48_000, 90_000, 500_000),
      fc.integer({ min: 1, max: 500_000 }),
    )
    fc.assert(
      fc.property(ticks, timescale, (value, scale) => {
        const micros = ticksToMicros(value, scale)
        fc.pre(Number.isSafeInteger(micros))
        assert.ok(Number.isInteger(micros))
        assert.equal(microsToTicks(micros, scale), value)
      }),
      { seed: 1 },
    )
  })
})

describe('ClockUnwrapper', () => {
  it('continues at the wrap, in both directions', () => {
    for (const bits of [24, 32, 33]) {
      const clock = new ClockUnwrapper(bits)
      const range = 2 ** bits

      assert.deepEqual(
        [range - 2, 1, range - 1, 3].map((value) => clock.unwrap(value)),
        [range - 2, range + 1, range - 1, range + 3],
      )
    }
  })

  it('counts every wrap of a long run', () => {
    const clock = new ClockUnwrapper(24)
    const step = 2 ** 22 + 1
    for (let value = 0; value < 40 * step; value += step) assert.equal(clock.unwrap(value % 2 ** 24), value)
  })
})
