import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AsfInit } from '../../../../media/containers/asf/model.ts'
import { FrameReader } from '../../framing.ts'
import { asChunk, chunkBody, FrameBuffer, SharedFrames } from './data-frames.ts'

const init = {} as AsfInit

function shared(count: number, sequence = 0, keyIndex = -1): SharedFrames {
  const frames = new FrameBuffer()
  const numbers = Array.from({ length: count }, (_, index) => 1000 + index)
  for (const number of numbers)
    frames.add({ number, bytes: Uint8Array.of(0x82, number & 0xff) }, sequence + frames.count, false)
  return new SharedFrames({ ...frames.take(), numbers, sequence, keyIndex, time: 0, init })
}

function read(bytes: Uint8Array) {
  const reader = new FrameReader('wmsp')
  reader.write(bytes)
  const frames = []
  for (let frame = reader.read(); frame !== undefined; frame = reader.read()) frames.push(frame)
  return frames
}

test('SRV-46: the bytes of a $D are those of the specification', () => {
  const frames = new FrameBuffer()
  frames.add({ number: 18, bytes: Uint8Array.of(0x82, 0, 0) }, 7, false)
  frames.add({ number: 432, bytes: Uint8Array.of(0x82, 0, 0) }, 254, true)
  const { chunk, offsets } = frames.take()
  assert.equal(chunkBody(chunk).toString('hex'), '24440b001200000000070b00820000a4440b00b001000000fe0b00820000')
  assert.deepEqual(offsets, [7, 22])
})

test('a buffer of packets is one HTTP chunk', () => {
  const { chunk } = (() => {
    const frames = new FrameBuffer()
    frames.add({ number: 0, bytes: new Uint8Array(300) }, 0, false)
    return frames.take()
  })()
  assert.equal(chunk.toString('latin1', 0, 7), '00138\r\n')
  assert.equal(chunk.toString('latin1', chunk.length - 2), '\r\n')
  assert.equal(asChunk(Buffer.from('abc')).toString('latin1'), '00003\r\nabc\r\n')
})

test('viewers with the same numbering share the bytes; others get them renumbered, and nobody changes anybody else’s', () => {
  const window = shared(5, 250)
  const own = window.bytes(250, false)
  assert.deepEqual(
    read(own).map(({ flags }) => flags),
    [250, 251, 252, 253, 254],
  )
  const late = window.bytes(254, false)
  assert.deepEqual(
    read(late).map(({ flags }) => flags),
    [254, 255, 0, 1, 2],
  )
  assert.deepEqual(
    read(own).map(({ flags }) => flags),
    [250, 251, 252, 253, 254],
  )
  assert.equal(window.bytes(254, false).buffer, late.buffer)
  assert.equal(window.bytes(254, true).byteLength, late.byteLength + 9)
  assert.deepEqual(
    read(late).map(({ locationId, payload }) => [locationId, payload[1]]),
    [
      [1000, 232],
      [1001, 233],
      [1002, 234],
      [1003, 235],
      [1004, 236],
    ],
  )
})

test('there are at most 256 numberings, and none are kept for a window that is not new', () => {
  const window = shared(3)
  for (let sequence = 0; sequence < 600; sequence++) window.bytes(sequence & 0xff, false)
  assert.equal(window.variants, 255)
  window.forgetVariants()
  assert.equal(window.variants, 0)
  assert.deepEqual(
    read(window.bytes(9, false)).map(({ flags }) => flags),
    [9, 10, 11],
  )
})

test('a viewer that starts in the middle gets what lies behind, as a chunk of its own', () => {
  const window = shared(5, 0, 3)
  assert.ok(window.key)
  assert.deepEqual(
    read(window.bytes(0, false, 3)).map(({ flags, locationId }) => [flags, locationId]),
    [
      [0, 1003],
      [1, 1004],
    ],
  )
  const chunk = window.bytes(0, true, 3)
  assert.equal(Number.parseInt(chunk.toString('latin1', 0, 5), 16), chunk.byteLength - 9)
  assert.deepEqual(
    read(chunkBody(chunk)).map(({ flags }) => flags),
    [0, 1],
  )
})
