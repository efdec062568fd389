import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { audioTrack, dataTrack, packetAt, videoTrack } from '../../test/support/packets.ts'
import type { LogCursor } from './bounded-log.ts'
import { Stream } from './stream.ts'
import type { StreamEntry } from './stream-entry.ts'

function makeStream(now: () => number = () => 0): Stream {
  return new Stream('live/a', { windowMs: 0, maxLogBytes: 1e6, maxLogDuration: 10_000_000 }, now)
}

function takeAll(cursor: LogCursor<StreamEntry>): StreamEntry[] {
  const all: StreamEntry[] = []
  for (let entry = cursor.take(); entry !== undefined; entry = cursor.take()) all.push(entry)
  return all
}

describe('Stream', () => {
  it('drops video until its first key packet, and counts it', () => {
    const stream = makeStream()
    stream.announce([videoTrack, audioTrack])
    stream.write(packetAt(0))
    stream.write(packetAt(0, { track: audioTrack }))
    stream.write(packetAt(40, { key: true }))
    stream.write(packetAt(80))

    assert.deepEqual([stream.statistics.packets, stream.statistics.dropped], [3, 1])
    assert.deepEqual(
      takeAll(stream.subscribe()).map(({ packet }) => [packet.track.id, packet.key]),
      [
        [1, true],
        [1, false],
      ],
    )
  })

  it('lets readers start at any audio packet when there is no video', () => {
    const stream = makeStream()
    stream.announce([audioTrack, dataTrack])
    stream.write(packetAt(0, { track: audioTrack }))
    stream.write(packetAt(20, { track: audioTrack }))
    stream.write(packetAt(30, { track: dataTrack, key: true }))

    assert.deepEqual(
      takeAll(stream.subscribe()).map(({ packet }) => packet.track.id),
      [101, 201],
    )
  })

  it('takes a burst at the start for the past: time zero is when its newest packet tells', () => {
    let now = 5_000_000
    const stream = makeStream(() => now)
    stream.announce([audioTrack])
    stream.write(packetAt(0, { track: audioTrack }))
    const atFirst = stream.epoch?.getTime() ?? 0
    now += 100_000
    stream.write(packetAt(2_000, { track: audioTrack }))
    now += 500_000
    stream.write(packetAt(2_300, { track: audioTrack }))
    assert.equal(atFirst - (stream.epoch?.getTime() ?? 0), 1_900)

    now += 1_000_000
    stream.write(packetAt(9_000, { track: audioTrack }))
    assert.equal(atFirst - (stream.epoch?.getTime() ?? 0), 1_900, 'what manifests have said stays')
  })

  it('hands each packet out with the tracks and metadata in force when it came', () => {
    const stream = makeStream()
    stream.announce([videoTrack], { title: 'one' })
    const cursor = stream.subscribe()
    stream.write(packetAt(0, { key: true }))
    stream.announce([videoTrack], { title: 'two' })
    stream.write(packetAt(40))
    const [first, second] = takeAll(cursor)

    assert.deepEqual([first?.metadata, second?.metadata], [{ title: 'one' }, { title: 'two' }])
    assert.notEqual(first?.tracks, second?.tracks)
  })

  it('continues at the clock’s place when a publisher comes back, from its first key packet', () => {
    let now = 1_000_000
    const stream = makeStream(() => now)
    stream.announce([videoTrack])
    stream.write(packetAt(500, { key: true }))
    stream.detach()
    assert.equal(stream.state, 'waiting')
    now += 3_000_000
    stream.attach()
    const cursor = stream.subscribe()
    takeAll(cursor)
    stream.write(packetAt(90_000))
    stream.write(packetAt(90_040, { key: true }))
    const [entry] = takeAll(cursor)

    assert.equal(stream.state, 'live')
    assert.equal(entry?.packet.dts, 3_000_000)
    assert.equal(entry.packet.discontinuity, true)
    assert.equal(stream.statistics.dropped, 1)
  })

  it('measures the bit rate in stream time', () => {
    const stream = makeStream()
    stream.announce([videoTrack])
    for (let ms = 0; ms <= 2000; ms += 40) stream.write(packetAt(ms, { key: ms === 0, size: 5000 }))

    assert.ok(Math.abs(stream.statistics.bitrateBps - 1_000_000) < 50_000, `${stream.statistics.bitrateBps}`)
  })
})
