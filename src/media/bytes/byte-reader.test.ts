import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FormatError } from '../../errors.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'

const MAX: readonly (readonly [
  'u8' | 'u16' | 'u24' | 'u32' | 'u64' | 'u16le' | 'u24le' | 'u32le' | 'u64le',
  number,
])[] = [
  ['u8', 2 ** 8],
  ['u16', 2 ** 16],
  ['u24', 2 ** 24],
  ['u32', 2 ** 32],
  ['u64', 2 ** 53],
  ['u16le', 2 ** 16],
  ['u24le', 2 ** 24],
  ['u32le', 2 ** 32],
  ['u64le', 2 ** 53],
]

describe('ByteReader', () => {
  it('reads numbers in network order', () => {
    const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
    const read = (pick: (reader: ByteReader) => number) => pick(new ByteReader(bytes))

    assert.equal(
      read((r) => r.u8()),
      0x01,
    )
    assert.equal(
      read((r) => r.u16()),
      0x0102,
    )
    assert.equal(
      read((r) => r.u24()),
      0x010203,
    )
    assert.equal(
      read((r) => r.u32()),
      0x01020304,
    )
    assert.equal(
      read((r) => r.u16le()),
      0x0201,
    )
    assert.equal(
      read((r) => r.u24le()),
      0x030201,
    )
    assert.equal(
      read((r) => r.u32le()),
      0x04030201,
    )
    assert.equal(new ByteReader(Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 2)).u64(), 2 ** 32 + 2)
    assert.equal(new ByteReader(Uint8Array.of(2, 0, 0, 0, 1, 0, 0, 0)).u64le(), 2 ** 32 + 2)
  })

  it('reads signed numbers', () => {
    const reader = new ByteReader(new Uint8Array(20).fill(0xff))

    assert.deepEqual(
      [reader.i8(), reader.i16(), reader.i24(), reader.i32(), reader.i64(), reader.i16le()],
      [-1, -1, -1, -1, -1, -1],
    )
  })

  it('gives back what a writer wrote', () => {
    for (const [name, limit] of MAX) {
      fc.assert(
        fc.property(
          fc.maxSafeInteger().map((n) => Math.abs(n) % limit),
          (value) => {
            const bytes = new ByteWriter(0)[name](value).toBytes()
            assert.equal(new ByteReader(bytes)[name](), value, name)
          },
        ),
        { seed: 1, numRuns: 50 },
      )
    }
  })

  it('refuses 64-bit numbers that would lose bits', () => {
    const large = Uint8Array.of(0, 0x20, 0, 0, 0, 0, 0, 0)

    for (const bytes of [large, new Uint8Array(8).fill(0xff)]) {
      assert.throws(() => new ByteReader(bytes).u64(), { code: 'ERR_MEDIA_NUMBER_TOO_LARGE' })
      assert.throws(() => new ByteReader(bytes.toReversed()).u64le(), { code: 'ERR_MEDIA_NUMBER_TOO_LARGE' })
    }
    assert.throws(() => new ByteReader(large).i64(), { code: 'ERR_MEDIA_NUMBER_TOO_LARGE' })
  })

  it('says where the bytes ended, in the whole input', () => {
    const outer = new ByteReader(new Uint8Array(10), 100)
    outer.skip(4)
    const inner = outer.sub(3)
    inner.u16()

    assert.throws(
      () => inner.u16(),
      (error) => error instanceof FormatError && error.offset === 106 && error.code === 'ERR_MEDIA_TRUNCATED',
    )
    assert.equal(outer.remaining, 3)
  })

  it('refuses counts that are too large, negative or not numbers, and stays where it is', () => {
    const reader = new ByteReader(new Uint8Array(4))

    for (const count of [5, 2 ** 32, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => reader.view(count), { code: 'ERR_MEDIA_TRUNCATED' })
      assert.throws(() => reader.skip(count), { code: 'ERR_MEDIA_TRUNCATED' })
      assert.throws(() => reader.sub(count), { code: 'ERR_MEDIA_TRUNCATED' })
    }
    assert.equal(reader.position, 0)
    reader.rest()
    assert.throws(() => reader.peekU8(), { code: 'ERR_MEDIA_TRUNCATED' })
  })

  it('reads a part of a larger buffer, sharing its memory', () => {
    const whole = Uint8Array.of(9, 1, 2, 3, 9)
    const view = new ByteReader(whole.subarray(1, 4)).view(3)
    whole[2] = 7

    assert.deepEqual([...view], [1, 7, 3])
  })

  it('never fails on malformed text', () => {
    assert.equal(new ByteReader(Uint8Array.of(0x61, 0xff, 0xc3)).utf8(3), 'a\ufffd\ufffd')
    assert.equal(new ByteReader(Uint8Array.of(0x61, 0xff)).latin1(2), 'aÿ')
  })
})
