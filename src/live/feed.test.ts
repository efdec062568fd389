import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import { audioTrack, packetAt, videoTrack } from '../../test/support/packets.ts'
import { DELTA_TAG, INIT_TAG, KEY_TAG, makeTaggedFormat } from '../../test/support/tagged-format.ts'
import type { FeedCursor } from './feed.ts'
import { Stream } from './stream.ts'

function makeStream(options: { windowMs?: number; maxLogBytes?: number } = {}): Stream {
  const { windowMs = 100, maxLogBytes = 1e6 } = options
  const stream = new Stream('live/a', { windowMs, maxLogBytes, maxLogDuration: 10_000_000 }, () => 0)
  stream.announce([videoTrack])
  return stream
}

function takeAll(cursor: FeedCursor): Uint8Array[] {
  const all: Uint8Array[] = []
  for (let bytes = cursor.take(); bytes !== undefined; bytes = cursor.take()) all.push(bytes)
  return all
}

/** The tags of buffers of packets without bytes. */
const tags = (cursor: FeedCursor) => takeAll(cursor).map((bytes) => [...bytes])

/** A packet without bytes at `ms`. */
const bare = (ms: number, key = false) => packetAt(ms, { key, size: 0 })

describe('Feed', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }))
  afterEach(() => mock.timers.reset())

  it('merges packets of a window into one buffer', () => {
    const stream = makeStream()
    const cursor = stream.feed(makeTaggedFormat()).open()
    stream.write(bare(0, true))
    stream.write(bare(40))
    assert.deepEqual(tags(cursor), [])

    mock.timers.tick(100)
    assert.deepEqual(tags(cursor), [
      [INIT_TAG, 1],
      [KEY_TAG, DELTA_TAG],
    ])
    stream.write(bare(80))
    mock.timers.tick(99)
    assert.deepEqual(tags(cursor), [])
    mock.timers.tick(1)
    assert.deepEqual(tags(cursor), [[DELTA_TAG]])
  })

  it('hands each packet over at once with a window of 0', () => {
    const stream = makeStream({ windowMs: 0 })
    const cursor = stream.feed(makeTaggedFormat()).open()
    stream.write(bare(0, true))
    stream.write(bare(40))

    assert.deepEqual(tags(cursor), [[INIT_TAG, 1], [KEY_TAG], [DELTA_TAG]])
  })

  it('merges a key packet with what came before it, and starts new viewers at the key packet', () => {
    const stream = makeStream()
    const feed = stream.feed(makeTaggedFormat())
    const cursor = feed.open()
    stream.write(bare(0, true))
    mock.timers.tick(100)
    stream.write(bare(40))
    stream.write(bare(80, true))
    stream.write(bare(120))
    mock.timers.tick(100)

    assert.deepEqual(tags(cursor), [[INIT_TAG, 1], [KEY_TAG], [DELTA_TAG, KEY_TAG, DELTA_TAG]])
    assert.deepEqual(tags(feed.open()), [
      [INIT_TAG, 1],
      [KEY_TAG, DELTA_TAG],
    ])
  })

  it('starts a viewer that fell behind at the key packet within a buffer', () => {
    const stream = makeStream({ maxLogBytes: 4 * (2002 + 256) })
    const cursor = stream.feed(makeTaggedFormat()).open()
    stream.write(packetAt(0, { key: true, size: 1000 }))
    mock.timers.tick(100)
    cursor.take()
    cursor.take()
    for (let i = 1; i <= 40; i++) {
      stream.write(packetAt(i * 50, { key: i === 40, size: 1000 }))
      if (i % 2 === 0) mock.timers.tick(100)
    }

    const [caughtUp] = takeAll(cursor)
    assert.equal(caughtUp?.[0], KEY_TAG)
    assert.ok(cursor.skipped > 0)
  })

  it('closes a buffer at 64 KB', () => {
    const stream = makeStream()
    const cursor = stream.feed(makeTaggedFormat()).open()
    stream.write(packetAt(0, { key: true, size: 40_000 }))
    assert.deepEqual(tags(cursor), [])
    stream.write(packetAt(40, { size: 40_000 }))

    assert.deepEqual(
      takeAll(cursor).map((bytes) => bytes.byteLength),
      [2, 80_002],
    )
  })

  it('sends init again when tracks change, before the first packet of the new ones', () => {
    const stream = makeStream()
    const cursor = stream.feed(makeTaggedFormat()).open()
    stream.write(bare(0, true))
    stream.announce([videoTrack, audioTrack])
    stream.write(bare(40))
    mock.timers.tick(100)

    assert.deepEqual(tags(cursor), [[INIT_TAG, 1], [KEY_TAG], [INIT_TAG, 1, 101], [DELTA_TAG]])
  })

  it('gives every viewer the very same buffers, muxed once', () => {
    const stream = makeStream()
    const format = makeTaggedFormat()
    const [first, second] = [stream.feed(format).open(), stream.feed(format).open()]
    stream.write(packetAt(0, { key: true, size: 100 }))
    stream.write(packetAt(40, { size: 100 }))
    mock.timers.tick(100)
    const [ofFirst, ofSecond] = [takeAll(first), takeAll(second)]

    assert.equal(ofFirst.length, 2)
    for (const [at, bytes] of ofFirst.entries()) assert.equal(bytes, ofSecond[at])
    assert.equal(format.muxers, 1)
    assert.equal(stream.readers, 2)
  })

  it('starts a late viewer at the newest buffer with a key packet, init first', () => {
    const stream = makeStream()
    const format = makeTaggedFormat()
    stream.feed(format).open()
    for (const [ms, key] of [
      [0, true],
      [40, false],
      [80, true],
      [120, false],
    ] as const) {
      stream.write(bare(ms, key))
      mock.timers.tick(60)
    }
    mock.timers.tick(100)

    assert.deepEqual(tags(stream.feed(format).open()), [
      [INIT_TAG, 1],
      [KEY_TAG, DELTA_TAG],
    ])
  })

  it('gives the first viewer at once what the stream has kept', () => {
    const stream = makeStream()
    stream.write(bare(0, true))
    stream.write(bare(40))

    assert.deepEqual(tags(stream.feed(makeTaggedFormat()).open()), [
      [INIT_TAG, 1],
      [KEY_TAG, DELTA_TAG],
    ])
  })

  it('moves a slow viewer to the newest key packet and does not slow others', () => {
    const stream = makeStream({ windowMs: 0, maxLogBytes: 4 * (1001 + 256) })
    const format = makeTaggedFormat()
    const [slow, fast] = [stream.feed(format).open(), stream.feed(format).open()]
    stream.write(packetAt(0, { key: true, size: 1000 }))
    slow.take()
    slow.take()
    let fastBuffers = takeAll(fast).length
    for (let i = 1; i <= 20; i++) {
      stream.write(packetAt(i * 40, { key: i % 10 === 0, size: 1000, fill: i }))
      fastBuffers += takeAll(fast).length
    }

    assert.equal(fastBuffers, 22)
    assert.equal(fast.skipped, 0)
    const [caughtUp] = takeAll(slow)
    assert.deepEqual([caughtUp?.[0], caughtUp?.[1]], [KEY_TAG, 20])
    assert.equal(slow.skipped, 19)
  })

  it('ends with its stream: what is merged goes out, then the end', async () => {
    const stream = makeStream()
    const cursor = stream.feed(makeTaggedFormat()).open()
    stream.write(bare(0, true))
    const ready = cursor.ready()
    stream.close()

    assert.equal(await ready, true)
    assert.equal(cursor.ended, false)
    assert.deepEqual(tags(cursor), [[INIT_TAG, 1], [KEY_TAG]])
    assert.equal(cursor.ended, true)
    assert.equal(await cursor.ready(), false)
    assert.equal(stream.feeds.size, 0)
    cursor.close()
  })

  it('is freed when nobody has watched for five seconds', () => {
    const stream = makeStream()
    const format = makeTaggedFormat()
    const cursor = stream.feed(format).open()
    mock.timers.tick(60_000)
    assert.equal(stream.feeds.size, 1)

    cursor.close()
    mock.timers.tick(4_999)
    const again = stream.feed(format).open()
    mock.timers.tick(60_000)
    assert.equal(format.muxers, 1)
    again.close()
    again.close()
    mock.timers.tick(5_000)

    assert.equal(stream.feeds.size, 0)
    assert.equal(stream.log.readers, 0)
    stream.feed(format).open()
    assert.equal(format.muxers, 2)
  })

  it('of a stream that is over gives what is left and is not kept', () => {
    const stream = makeStream()
    stream.write(bare(0, true))
    stream.close()
    const cursor = stream.feed(makeTaggedFormat()).open()

    assert.deepEqual(tags(cursor), [[INIT_TAG, 1], [KEY_TAG]])
    assert.equal(cursor.ended, true)
    assert.equal(stream.feeds.size, 0)
  })
})
