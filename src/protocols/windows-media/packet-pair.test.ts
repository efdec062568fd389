import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameReader } from './framing.ts'
import { PACKET_PAIR_LENGTH, packetPair, pairBitrate } from './packet-pair.ts'

const filled = (count: number) => new Uint8Array(count).fill(0xaa)

test('vectors: heads and lengths for header blocks of 312 bytes and of 504 and more', () => {
  const small = packetPair(312, filled)
  assert.deepEqual(
    small.map((packet) => [Buffer.from(packet.subarray(0, 8)).toString('hex'), packet.byteLength]),
    [
      ['2450f80138010000', 200],
      ['2450f80138010000', 512],
      ['2450180438010000', 1368],
    ],
  )
  for (const size of [504, 600, 16_000]) {
    const lengths = packetPair(size, filled).map(({ byteLength }) => byteLength)
    assert.deepEqual(lengths, [8, 512, 1560])
  }
})

test('the sum never depends on the header block, and a reader finds the three packets', () => {
  for (let size = 0; size <= 520; size += 13) {
    const packets = packetPair(size, filled)
    assert.equal(Buffer.concat(packets).byteLength, PACKET_PAIR_LENGTH)
    const reader = new FrameReader('wmsp')
    reader.write(Buffer.concat(packets))
    const lengths = packets.map(() => 8 + (reader.read()?.payload.byteLength ?? -1))
    assert.deepEqual(
      lengths,
      packets.map(({ byteLength }) => byteLength),
    )
    assert.equal(reader.pending, 0)
  }
})

test('the bit rate is that of the second packet', () => {
  assert.equal(pairBitrate(1_000_000, 1_004_096), 1_000_000)
  assert.equal(pairBitrate(5, 5), undefined)
})
