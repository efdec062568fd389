import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../media/byte-source.ts'
import type { SegmentPiece } from './presentation.ts'
import { CHUNK_BYTES, readChunks, readWhole, segmentBody } from './segment-bytes.ts'

const BYTES = Uint8Array.from({ length: 2 * CHUNK_BYTES }, (_, index) => (index * 7 + (index >> 8)) & 0xff)

function source() {
  const reads: number[] = []
  const memory = memorySource(BYTES)
  return {
    reads,
    size: BYTES.byteLength,
    read: memory.read,
    readInto: async (target: Uint8Array, offset: number) => {
      reads.push(target.byteLength)
      target.set(BYTES.subarray(offset, offset + target.byteLength))
      return target.byteLength
    },
  }
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const copies: Buffer[] = []
  for await (const chunk of chunks) copies.push(Buffer.from(chunk))
  return Buffer.concat(copies)
}

describe('bytes of a segment', () => {
  const from = source()
  const pieces: SegmentPiece[] = [Uint8Array.of(1, 2, 3)]
  // Samples of one track with those of another between, then far away, backwards, and one that is larger than a chunk.
  for (let index = 0; index < 60; index++) pieces.push({ source: from, offset: 1000 + index * 900, length: 500 })
  pieces.push({ source: from, offset: 700_000, length: 10 }, { source: from, offset: 5, length: 90 })
  pieces.push(Uint8Array.of(9), { source: from, offset: 100, length: CHUNK_BYTES + 5000 })
  const body = segmentBody(pieces)
  const expected = Buffer.concat(
    pieces.map((piece) =>
      piece instanceof Uint8Array ? piece : BYTES.subarray(piece.offset, piece.offset + piece.length),
    ),
  )

  it('are read in few reads, whole and chunk by chunk', async () => {
    from.reads.length = 0

    assert.deepEqual(await collect(readChunks(body)), expected)
    assert.ok(from.reads.length <= 6, `${from.reads.length} reads`)
    assert.equal(body.byteLength, expected.byteLength)
    const whole = await readWhole(body, 10)
    assert.deepEqual(Buffer.from(whole.subarray(10)), expected)
  })

  it('have any range', async () => {
    for (const [start, end] of [
      [0, 1],
      [2, 4],
      [3, 503],
      [250, 20_000],
      [30_000, expected.byteLength],
      [expected.byteLength - 1, expected.byteLength],
    ] as const) {
      assert.deepEqual(await collect(readChunks(body, start, end)), expected.subarray(start, end), `${start}-${end}`)
    }
  })

  it('are an error where the file is shorter than it was', async () => {
    const cut = { size: 10, read: async () => new Uint8Array(10), readInto: async () => 10 }

    await assert.rejects(collect(readChunks(segmentBody([{ source: cut, offset: 0, length: 11 }]))), {
      code: 'ERR_PACKAGING_FAILED',
    })
  })

  it('that follow each other are one range', () => {
    const joined = segmentBody([
      { source: from, offset: 0, length: 10 },
      { source: from, offset: 10, length: 5 },
    ])

    assert.deepEqual(joined.pieces, [{ source: from, offset: 0, length: 15 }])
  })
})
