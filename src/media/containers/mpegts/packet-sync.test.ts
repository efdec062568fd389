import assert from 'node:assert/strict'
import { it } from 'node:test'
import { findPacketSync, isTransportStream, PacketSplitter } from './packet-sync.ts'
import { crc32 } from './section.ts'
import { concat, testStream } from './vectors.ts'

const { packets, bytes } = testStream(4)

it('packets are found at any place within one, for each of the three sizes', () => {
  for (const [before, behind] of [
    [0, 0],
    [4, 0],
    [0, 16],
  ] as const) {
    const stream = concat(packets.flatMap((packet) => [new Uint8Array(before), packet, new Uint8Array(behind)]))
    const stride = before + 188 + behind
    for (const cut of [0, 1, 4, 100, 187]) {
      const sync = findPacketSync(stream.subarray(cut), 0, true)
      assert.deepEqual(sync, { at: cut <= before ? before - cut : before + stride - cut, stride })
    }
  }
})

it('a transport stream is told from other bytes', () => {
  assert.ok(isTransportStream(bytes))
  assert.ok(isTransportStream(bytes.subarray(77)))
  assert.ok(isTransportStream(bytes.subarray(0, 3 * 188)))
  assert.ok(!isTransportStream(bytes.subarray(0, 2 * 188)))
  assert.ok(!isTransportStream(new Uint8Array(0)))
  assert.ok(!isTransportStream(concat([new Uint8Array(300), bytes])))
})

it('a splitter gives each packet once with its place, and counts what lies between', () => {
  const splitter = new PacketSplitter()
  const stream = concat([bytes.subarray(0, 188 * 5), new Uint8Array(333).fill(0x47), bytes.subarray(188 * 5)])
  const places: number[] = []
  for (let at = 0; at < stream.byteLength; at += 101) {
    splitter.write(stream.slice(at, at + 101))
    while (splitter.next()) places.push(splitter.position)
  }
  splitter.end()
  while (splitter.next()) places.push(splitter.position)

  assert.ok(places.length >= packets.length)
  assert.deepEqual(places.slice(0, 5), [0, 188, 376, 564, 752])
  assert.deepEqual(
    places.slice(-3),
    [3, 2, 1].map((i) => stream.byteLength - i * 188),
  )
  assert.equal(splitter.gaps, 1)
})

it('the checksum is that of MPEG-2', () => {
  assert.equal(crc32(Uint8Array.from('123456789', (digit) => digit.charCodeAt(0))), 0x0376e6e7)
})
