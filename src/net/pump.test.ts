import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import { packetAt, videoTrack } from '../../test/support/packets.ts'
import { makeTaggedFormat } from '../../test/support/tagged-format.ts'
import { Stream } from '../live/stream.ts'
import { type PumpSource, pump } from './pump.ts'

const KB = 1024
const LOG_BYTES = 1024 * KB

/** A socket whose peer reads when told to. */
class FakeSocket extends EventEmitter {
  readonly written: Uint8Array[] = []
  writableLength = 0
  /** Most bytes that ever waited. */
  highest = 0
  writes = 0
  corks = 0

  write(bytes: Uint8Array): boolean {
    this.writes++
    this.written.push(bytes)
    this.writableLength += bytes.byteLength
    this.highest = Math.max(this.highest, this.writableLength)
    return this.writableLength < 16 * KB
  }

  cork(): void {
    this.corks++
  }

  uncork(): void {}

  timeout = 0

  setTimeout(milliseconds: number): void {
    this.timeout = milliseconds
    clearTimeout(this.#timer)
    if (milliseconds > 0) this.#timer = setTimeout(() => this.emit('timeout'), milliseconds)
  }

  /** The peer reads some of what waits: a socket's timer starts anew. */
  takeSome(count: number): void {
    this.writableLength -= count
    this.setTimeout(this.timeout)
  }

  #timer: NodeJS.Timeout | undefined

  /** The peer reads everything that waits. */
  drain(): void {
    const blocked = this.writableLength >= 16 * KB
    this.writableLength = 0
    if (blocked) this.emit('drain')
  }
}

function start(stream: Stream, format = makeTaggedFormat()) {
  const socket = new FakeSocket()
  const cursor = stream.feed(format).open()
  const seen = { bytesOut: 0, skipped: 0, ended: 0, stalled: 0 }
  const stop = pump(cursor, socket as unknown as Socket, {
    counters: seen,
    onEnd: () => seen.ended++,
    onStall: () => seen.stalled++,
  })
  return { socket, cursor, seen, stop }
}

function makeStream(): Stream {
  const stream = new Stream('live/a', { windowMs: 0, maxLogBytes: LOG_BYTES, maxLogDuration: 60_000_000 }, () => 0)
  stream.announce([videoTrack])
  return stream
}

/** 25 packets a second of 16 KB: 3.2 Mb/s. A key packet each second. */
function publish(stream: Stream, from: number, count: number, each?: (index: number) => void): void {
  for (let i = from; i < from + count; i++) {
    stream.write(packetAt(i * 40, { key: i % 25 === 0, size: 16 * KB - 1, fill: i }))
    each?.(i)
  }
}

describe('pump', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }))
  afterEach(() => mock.timers.reset())

  it('writes each buffer once, as it is, to a peer that keeps up', () => {
    const stream = makeStream()
    const format = makeTaggedFormat()
    const [first, second] = [start(stream, format), start(stream, format)]
    publish(stream, 0, 50, () => {
      first.socket.drain()
      second.socket.drain()
    })

    assert.equal(first.socket.writes, 51)
    for (const [at, bytes] of first.socket.written.entries()) assert.equal(bytes, second.socket.written[at])
    assert.equal(first.seen.bytesOut, 50 * 16 * KB + 2)
    assert.equal(first.cursor.skipped, 0)
  })

  it('queues a bounded amount for a peer that never reads, and calls it dead after 10 s', () => {
    const stream = makeStream()
    const dead = start(stream)
    publish(stream, 0, 1000)

    assert.ok(dead.socket.highest < 128 * KB + 16 * KB, `${dead.socket.highest} bytes queued`)
    assert.ok(stream.log.bytes <= LOG_BYTES)
    mock.timers.tick(9_999)
    assert.equal(dead.seen.stalled, 0)
    mock.timers.tick(1)
    assert.equal(dead.seen.stalled, 1)
    assert.deepEqual([dead.socket.listenerCount('drain'), dead.socket.listenerCount('timeout')], [0, 0])
    assert.deepEqual([stream.readers, dead.socket.timeout], [0, 0])
  })

  it('takes a peer that reads a little of one large write for slow, not for dead', () => {
    const stream = makeStream()
    const slow = start(stream)
    stream.write(packetAt(0, { key: true, size: 600 * KB }))
    for (let second = 0; second < 50; second++) {
      mock.timers.tick(1_000)
      slow.socket.takeSome(10 * KB)
    }
    assert.equal(slow.seen.stalled, 0)
    slow.socket.drain()
    assert.equal(slow.socket.timeout, 0)
    mock.timers.tick(100_000)
    assert.equal(slow.seen.stalled, 0)
  })

  it('calls a peer dead that only talks', () => {
    const stream = makeStream()
    const dead = start(stream)
    publish(stream, 0, 100)
    for (let second = 0; second < 60; second++) {
      mock.timers.tick(1_000)
      dead.socket.takeSome(0)
    }
    assert.equal(dead.seen.stalled, 1)
  })

  it('leaves a timeout of the owner as it is', () => {
    const stream = makeStream()
    const dead = start(stream)
    dead.socket.setTimeout(15_000)
    publish(stream, 0, 100)
    assert.equal(dead.socket.timeout, 15_000)
    dead.socket.drain()
    assert.equal(dead.socket.timeout, 15_000)
  })

  it('adds nothing to a socket that is full already', () => {
    const stream = makeStream()
    publish(stream, 0, 100)
    const first = start(stream)
    const { highest } = first.socket
    for (let round = 0; round < 50; round++) {
      first.stop()
      first.stop = pump(stream.feed(makeTaggedFormat()).open(), first.socket as unknown as Socket, {
        counters: { bytesOut: 0, skipped: 0 },
        onEnd: () => {},
        onStall: () => {},
      })
    }
    assert.equal(first.socket.highest, highest)
    const { writes } = first.socket
    first.socket.drain()
    assert.ok(first.socket.writes > writes)
  })

  it('keeps the order when one buffer fills the socket', () => {
    const stream = makeStream()
    for (let i = 0; i < 6; i++) stream.write(packetAt(i * 40, { key: i === 0, size: 100 * KB, fill: i }))
    const { socket } = start(stream)
    assert.ok(socket.highest < 128 * KB + 101 * KB, `${socket.highest} bytes queued`)
    for (let round = 0; round < 6; round++) socket.drain()
    assert.deepEqual(
      socket.written.slice(1).map((bytes) => bytes[1]),
      [0, 1, 2, 3, 4, 5],
    )
  })

  it('calls a peer dead that stops reading although the stream is over', () => {
    const stream = makeStream()
    const dead = start(stream)
    publish(stream, 0, 20)
    stream.close()
    mock.timers.tick(10_000)

    assert.deepEqual([dead.seen.stalled, dead.seen.ended], [1, 0])
  })

  it('skips to key packets for a peer that reads a tenth, while the other misses nothing', () => {
    const stream = makeStream()
    const format = makeTaggedFormat()
    const [slow, fast] = [start(stream, format), start(stream, format)]
    let gaps = 0
    let expected = 0
    publish(stream, 0, 1000, (index) => {
      fast.socket.drain()
      const newest = fast.socket.written.at(-1)
      if (newest?.[1] !== expected++ % 256) gaps++
      // It takes what is queued (8 packets) in the time of 80.
      if (index % 80 === 79) slow.socket.drain()
    })

    assert.deepEqual([gaps, fast.cursor.skipped], [0, 0])
    assert.ok(slow.cursor.skipped > 800, `${slow.cursor.skipped} skipped`)
    assert.ok(slow.socket.highest <= 256 * KB)
    const media = slow.socket.written.slice(1)
    for (const [at, bytes] of media.entries()) {
      const before = media[at - 1]?.[1] ?? -1
      const continues = bytes[1] === (before + 1) % 256
      assert.ok(continues || bytes[0] === 0xf1, `packet ${at} follows a gap and is not a key packet`)
    }
    assert.equal(slow.seen.stalled, 0)
  })

  it('ends after the last bytes of a stream that is over', () => {
    const stream = makeStream()
    const { socket, seen } = start(stream)
    publish(stream, 0, 3)
    stream.close()

    assert.deepEqual([seen.ended, socket.writes], [1, 4])
    assert.equal(socket.listenerCount('drain'), 0)
  })

  it('ends after the peer has taken what was left in the log', () => {
    const stream = makeStream()
    const { socket, seen } = start(stream)
    publish(stream, 0, 20)
    stream.close()
    assert.equal(seen.ended, 0)
    for (let round = 0; round < 5; round++) socket.drain()

    assert.deepEqual([seen.ended, seen.stalled, socket.writes], [1, 0, 21])
    mock.timers.tick(60_000)
    assert.equal(seen.stalled, 0)
  })

  it('writes nothing after it was stopped', () => {
    const stream = makeStream()
    const { socket, seen, stop } = start(stream)
    publish(stream, 0, 2)
    stop()
    stop()
    publish(stream, 2, 5)
    socket.drain()

    assert.equal(socket.writes, 3)
    assert.deepEqual([seen.ended, stream.readers], [0, 0])
  })

  it('loses nothing of a source with more to give a moment after it had nothing', () => {
    const socket = new FakeSocket()
    const [a, b, c] = [1, 2, 3].map((value) => Uint8Array.of(value)) as [Uint8Array, Uint8Array, Uint8Array]
    const answers = [a, b, undefined, c]
    const source: PumpSource = {
      skipped: 0,
      ended: false,
      onWake: undefined,
      take: () => answers.shift(),
      close: () => {},
    }
    pump(source, socket as unknown as Socket, {
      counters: { bytesOut: 0, skipped: 0 },
      onEnd: () => {},
      onStall: () => {},
    })
    source.onWake?.()

    assert.deepEqual(socket.written, [a, b, c])
  })

  it('writes a burst at the start in one go', () => {
    const stream = makeStream()
    for (let i = 0; i < 5; i++) stream.write(packetAt(i * 40, { key: i === 0, size: 10 }))
    const { socket } = start(stream)

    assert.equal(socket.corks, 1)
  })
})
