import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { BitReader } from './bit-reader.ts'
import { BitWriter } from './bit-writer.ts'

describe('BitReader and BitWriter', () => {
  it('use the most significant bit first', () => {
    const reader = new BitReader(Uint8Array.of(0b1011_0001, 0x80))

    assert.deepEqual([reader.bits(1), reader.bits(3), reader.bits(5), reader.position], [1, 3, 3, 9])
  })

  it('know the first Exp-Golomb codes', () => {
    // ITU-T H.264 table 9-2: 1, 010, 011, 00100, 00101.
    const bytes = new BitWriter().ue(0).ue(1).ue(2).ue(3).ue(4).alignToByte().toBytes()

    assert.deepEqual([...bytes], [0b1010_0110, 0b0100_0010, 0b1000_0000])
    const signed = new BitReader(new BitWriter().se(0).se(1).se(-1).se(2).se(-2).alignToByte().toBytes())
    assert.deepEqual([signed.se(), signed.se(), signed.se(), signed.se(), signed.se()], [0, 1, -1, 2, -2])
  })

  it('give back what was written', () => {
    const field = fc.oneof(
      fc
        .integer({ min: 0, max: 32 })
        .chain((count) =>
          fc.integer({ min: 0, max: 2 ** count - 1 }).map((value) => ({ kind: 'bits' as const, count, value })),
        ),
      fc.integer({ min: 0, max: 2 ** 31 - 1 }).map((value) => ({ kind: 'ue' as const, count: 0, value })),
      fc.integer({ min: -(2 ** 30) + 1, max: 2 ** 30 }).map((value) => ({ kind: 'se' as const, count: 0, value })),
    )
    fc.assert(
      fc.property(fc.array(field, { maxLength: 60 }), (fields) => {
        const writer = new BitWriter()
        for (const { kind, count, value } of fields) {
          if (kind === 'bits') writer.bits(value, count)
          else writer[kind](value)
        }
        writer.trailing()
        const reader = new BitReader(writer.toBytes())
        for (const { kind, count, value } of fields) {
          assert.equal(kind === 'bits' ? reader.bits(count) : reader[kind](), value)
        }
        assert.equal(reader.bits(1), 1)
        reader.alignToByte()
        assert.equal(reader.remaining, 0)
      }),
      { seed: 1 },
    )
  })

  it('refuse to read past the end, and Exp-Golomb codes without end', () => {
    assert.throws(() => new BitReader(Uint8Array.of(1)).bits(9), { code: 'ERR_MEDIA_TRUNCATED' })
    assert.throws(() => new BitReader(Uint8Array.of(1)).skip(9), { code: 'ERR_MEDIA_TRUNCATED' })
    assert.throws(() => new BitReader(new Uint8Array(2)).ue(), { code: 'ERR_MEDIA_TRUNCATED' })
    assert.throws(() => new BitReader(new Uint8Array(20)).ue(), { code: 'ERR_MEDIA_NUMBER_TOO_LARGE' })
  })
})
