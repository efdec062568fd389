import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { childElements, floatOf, hexOf, readElementHeader, readVint, textOf, uintOf } from './ebml.ts'
import { vint } from './vectors.ts'

const reader = (...bytes: readonly number[]) => new ByteReader(Uint8Array.from(bytes))
const isFormatError = (error: unknown) => error instanceof FormatError

describe('variable-size integers', () => {
  it('are read in all lengths', () => {
    for (let length = 1; length <= 8; length++) {
      for (const value of [0, 1, 2 ** Math.min(7 * length, 53) - 2]) {
        assert.deepEqual(readVint(vint(value, length), 0), { bytes: length, value })
      }
    }
  })

  it('are unknown where all bits are ones, and none where they are cut short or too large', () => {
    assert.deepEqual(readVint(Uint8Array.of(0xff), 0), { bytes: 1, value: undefined })
    assert.deepEqual(readVint(Uint8Array.of(1, 255, 255, 255, 255, 255, 255, 255), 0), { bytes: 8, value: undefined })
    assert.equal(readVint(Uint8Array.of(1, 255, 255, 255, 255, 255, 255, 254), 0), undefined)
    assert.equal(readVint(Uint8Array.of(0x40), 0), undefined)
    assert.equal(readVint(Uint8Array.of(0), 0), undefined)
    assert.equal(readVint(Uint8Array.of(), 0), undefined)
  })
})

describe('elements', () => {
  it('have ids of one to four bytes', () => {
    assert.deepEqual(readElementHeader(Uint8Array.of(0xec, 0x82)), { id: 0xec, headerBytes: 2, size: 2 })
    assert.deepEqual(readElementHeader(Uint8Array.of(0x1a, 0x45, 0xdf, 0xa3, 0x40, 0x02)), {
      id: 0x1a45_dfa3,
      headerBytes: 6,
      size: 2,
    })
    assert.deepEqual(readElementHeader(Uint8Array.of(0xec, 0xff))?.size, undefined)
    for (const bytes of [[0x08, 1, 1, 1, 1, 0x80], [0xec], [0x1a, 0x45], []]) {
      assert.equal(readElementHeader(Uint8Array.from(bytes)), undefined)
    }
  })

  it('hold others, which cannot leave them', () => {
    const children = [...childElements(reader(0xec, 0x81, 7, 0xbf, 0xff, 1, 2))]

    assert.deepEqual(
      children.map(({ id, body }) => [id, [...body.rest()]]),
      [
        [0xec, [7]],
        [0xbf, [1, 2]],
      ],
    )
    assert.throws(() => [...childElements(reader(0xec, 0x82, 7))], isFormatError)
    assert.throws(() => [...childElements(reader(0))], isFormatError)
  })

  it('have values', () => {
    assert.equal(uintOf(reader()), 0)
    assert.equal(uintOf(reader(0, 0, 0, 0, 0, 0, 1, 2)), 258)
    assert.throws(() => uintOf(reader(1, 0, 0, 0, 0, 0, 0, 0, 0)), isFormatError)
    assert.throws(() => uintOf(reader(255, 0, 0, 0, 0, 0, 0, 0)), isFormatError)
    assert.equal(floatOf(reader()), 0)
    assert.equal(floatOf(reader(0x3f, 0x80, 0, 0)), 1)
    assert.equal(floatOf(reader(0x3f, 0xf0, 0, 0, 0, 0, 0, 0)), 1)
    assert.throws(() => floatOf(reader(1, 2)), isFormatError)
    assert.equal(textOf(reader(0x61, 0xc3, 0xb6, 0, 0x62)), 'aö')
    assert.equal(hexOf(reader(0, 0xab, 1)), 'ab01')
  })
})
