import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import { packetAt, videoTrack } from '../../test/support/packets.ts'
import type { LogCursor, LogEntry } from './bounded-log.ts'
import { Publisher } from './publisher.ts'
import { Stream } from './stream.ts'
import type { StreamEntry } from './stream-entry.ts'
import type { UnitFormat } from './units.ts'

interface PairUnit extends LogEntry {
  readonly times: readonly number[]
}

/** Two packets make a unit, or one when it is flushed. */
const makePairs = (): UnitFormat<PairUnit> => ({
  name: 'pairs',
  createMuxer() {
    const done: PairUnit[] = []
    let open: StreamEntry[] = []
    const close = () => {
      const [first] = open
      if (first === undefined) return
      done.push({ times: open.map(({ time }) => time / 1000), key: first.key, time: first.time, size: 1 })
      open = []
    }
    return {
      write(entry) {
        if (entry.key) close()
        open.push(entry)
        if (open.length === 2) close()
      },
      flush: close,
      read: () => done.shift(),
    }
  },
})

function takeAll(cursor: LogCursor<PairUnit>): (readonly number[])[] {
  const all: (readonly number[])[] = []
  for (let unit = cursor.take(); unit !== undefined; unit = cursor.take()) all.push(unit.times)
  return all
}

function makeStream(): { stream: Stream; publish: () => Publisher } {
  const stream = new Stream('live/a', { windowMs: 100, maxLogBytes: 1e6, maxLogDuration: 10_000_000 }, () => 0)
  stream.announce([videoTrack])
  const publish = () => {
    stream.attach()
    const publisher = new Publisher(
      'live/a',
      () => stream,
      () => stream.detach(),
    )
    void publisher.stream
    return publisher
  }
  return { stream, publish }
}

describe('units of a stream', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }))
  afterEach(() => mock.timers.reset())

  it('are derived from its packets, what is begun with the window', () => {
    const { stream } = makeStream()
    const pairs = makePairs()
    stream.write(packetAt(0, { key: true }))
    const cursor = stream.units(pairs).open()
    assert.equal(stream.units(pairs).native, false)
    assert.deepEqual(takeAll(cursor), [[0]])

    stream.write(packetAt(40))
    stream.write(packetAt(80))
    stream.write(packetAt(120))
    mock.timers.tick(99)
    assert.deepEqual(takeAll(cursor), [])
    mock.timers.tick(1)
    assert.deepEqual(takeAll(cursor), [[40, 80], [120]])
    assert.equal(stream.readers, 1)
  })

  it('are shared by their readers and dropped when nobody reads them for a while', () => {
    const { stream } = makeStream()
    const pairs = makePairs()
    const feed = stream.units(pairs)
    const [first, second] = [feed.open(), feed.open()]
    assert.equal(stream.units(pairs), feed)
    assert.equal(feed.viewers, 2)
    first.close()
    second.close()
    mock.timers.tick(4999)
    assert.equal(feed.closed, false)

    const third = stream.units(pairs).open()
    mock.timers.tick(10_000)
    assert.equal(feed.closed, false)
    third.close()
    mock.timers.tick(5000)
    assert.equal(feed.closed, true)
    assert.equal(stream.readers, 0)
    assert.notEqual(stream.units(pairs), feed)
  })

  it('are handed on as a publisher provides them', () => {
    const { stream, publish } = makeStream()
    const pairs = makePairs()
    const publisher = publish()
    const units = publisher.provide(pairs)
    const cursor = stream.units(pairs).open()
    publisher.write(packetAt(0, { key: true }))
    units.write({ times: [7], key: true, time: 0, size: 1 })

    assert.equal(stream.units(pairs).native, true)
    assert.deepEqual(takeAll(cursor), [[7]])
    assert.equal(stream.readers, 1)
  })

  it('go on when the publisher comes back and provides them again', () => {
    const { stream, publish } = makeStream()
    const pairs = makePairs()
    const first = publish()
    first.provide(pairs).write({ times: [1], key: true, time: 0, size: 1 })
    const cursor = stream.units(pairs).open()
    first.close()
    const second = publish()
    second.provide(pairs).write({ times: [2], key: true, time: 0, size: 1 })
    second.write(packetAt(0, { key: true }))

    assert.deepEqual(takeAll(cursor), [[1], [2]])
    assert.equal(cursor.ended, false)
  })

  it('end when the next publisher does not bring them, and are derived from then on', () => {
    const { stream, publish } = makeStream()
    const pairs = makePairs()
    const first = publish()
    first.provide(pairs).write({ times: [1], key: true, time: 0, size: 1 })
    const cursor = stream.units(pairs).open()
    first.close()
    publish().write(packetAt(0, { key: true }))

    assert.deepEqual(takeAll(cursor), [[1]])
    assert.equal(cursor.ended, true)
    assert.equal(stream.units(pairs).native, false)
    assert.deepEqual(takeAll(stream.units(pairs).open()), [[0]])
  })

  it('are known to be the publisher’s when it has said so, before any packet', () => {
    const { stream, publish } = makeStream()
    const pairs = makePairs()
    const seen: boolean[] = []
    const cursor = stream.subscribe()
    cursor.onWake = () => seen.push(stream.providedUnits(pairs) !== undefined)
    const first = publish()
    first.provide(pairs)
    first.close()
    const second = publish()

    assert.equal(stream.providedUnits(pairs), undefined)
    second.provide(pairs)
    assert.deepEqual(seen, [true, true])
    assert.ok(stream.providedUnits(pairs) !== undefined)
  })

  it('end as derived ones when a publisher brings its own', () => {
    const { stream, publish } = makeStream()
    const pairs = makePairs()
    const cursor = stream.units(pairs).open()
    const publisher = publish()
    publisher.provide(pairs)

    assert.equal(cursor.ended, true)
    assert.equal(stream.units(pairs).native, true)
  })

  it('end with the stream', () => {
    const { stream, publish } = makeStream()
    const pairs = makePairs()
    const units = publish().provide(pairs)
    const cursor = stream.units(pairs).open()
    stream.close()
    units.write({ times: [1], key: true, time: 0, size: 1 })

    assert.equal(cursor.ended, true)
    assert.equal(cursor.take(), undefined)
  })
})
