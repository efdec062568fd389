import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../byte-source.ts'
import { BlockReader } from './block-reader.ts'

const BLOCK = 256 * 1024
const BYTES = Uint8Array.from({ length: 20 * BLOCK + 17 }, (_, i) => (i * 31 + (i >> 11)) & 0xff)

describe('block reader', () => {
  it('reads within a block, across blocks, whole blocks and up to the end', async () => {
    const reader = new BlockReader(memorySource(BYTES))
    for (const [offset, length] of [
      [0, 0],
      [5, 100],
      [BLOCK - 3, 7],
      [3 * BLOCK - 1, BLOCK],
      [7 * BLOCK + 1, 3 * BLOCK],
      [20 * BLOCK - 5, 22],
      [0, BYTES.byteLength],
    ] as const) {
      assert.deepEqual(await reader.read(offset, length), BYTES.subarray(offset, offset + length))
    }
  })

  it('asks the source once for a block that it keeps, and keeps few', async () => {
    const asked: number[] = []
    const source = memorySource(BYTES)
    const reader = new BlockReader({
      size: source.size,
      read: (offset, length) => {
        asked.push(offset / BLOCK)
        return source.read(offset, length)
      },
    })
    for (let i = 0; i < 100; i++) await reader.read(i * 7, 7)
    assert.deepEqual(asked, [0])
    for (let block = 1; block <= 16; block++) await reader.read(block * BLOCK, 1)
    await reader.read(16 * BLOCK, 1)
    assert.equal(asked.length, 17)
    await reader.read(0, 1)
    assert.equal(asked.length, 18)
  })

  it('refuses what is not there', async () => {
    await assert.rejects(new BlockReader(memorySource(BYTES)).read(BYTES.byteLength - 1, 2), {
      code: 'ERR_MP4_TRUNCATED',
    })
    const lying = new BlockReader({ size: 100, read: () => Promise.resolve(new Uint8Array(99)) })
    await assert.rejects(lying.read(0, 10), { code: 'ERR_MP4_TRUNCATED' })
  })
})
