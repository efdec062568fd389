import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'

describe('ByteWriter', () => {
  it('keeps what is written while the buffer grows', () => {
    const writer = new ByteWriter(1)
    writer
      .u8(1)
      .u16(2)
      .u24(3)
      .u32(4)
      .u64(2 ** 40)
      .f64(0.5)
      .bytes(Uint8Array.of(9, 8))
      .utf8('é')
      .latin1('ab')
      .zeros(1)
      .u32le(7)

    const reader = new ByteReader(writer.toBytes())

    assert.deepEqual(
      [reader.u8(), reader.u16(), reader.u24(), reader.u32(), reader.u64(), reader.f64()],
      [1, 2, 3, 4, 2 ** 40, 0.5],
    )
    assert.deepEqual([...reader.view(2)], [9, 8])
    assert.deepEqual([reader.utf8(2), reader.latin1(2), reader.u8(), reader.u32le()], ['é', 'ab', 0, 7])
    assert.equal(reader.remaining, 0)
  })

  it('writes each kind of number as the first thing that does not fit', () => {
    for (const method of [
      'u8',
      'u16',
      'i16',
      'u24',
      'u32',
      'i32',
      'u64',
      'f32',
      'f64',
      'u16le',
      'u24le',
      'u32le',
      'u64le',
    ] as const) {
      const writer = new ByteWriter(0)
      writer[method](1)

      assert.notEqual(Math.max(...writer.toBytes()), 0, method)
    }
  })
})
