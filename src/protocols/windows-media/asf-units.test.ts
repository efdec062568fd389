import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LogCursor } from '../../live/bounded-log.ts'
import { Hub } from '../../live/hub.ts'
import { AsfPacketDemuxer } from '../../media/containers/asf/packet-demuxer.ts'
import { withoutPadding } from '../../media/containers/asf/padding.ts'
import type { Packet } from '../../media/packet.ts'
import type { Track } from '../../media/track.ts'
import { type AsfUnit, asfUnits, LIVE_PACKET_SIZE, NativeAsfUnits } from './asf-units.ts'
import { nativeOf } from './wmsp/loopback.suite.ts'

const video: Track = { id: 1, kind: 'video', codec: 'wmv2', video: { width: 320, height: 240 }, timescale: 1000 }
const other: Track = { ...video, video: { width: 640, height: 480 } }

function packet(index: number, track = video, size = 500): Packet {
  const time = index * 40_000
  return { track, data: new Uint8Array(size).fill(index), pts: time, dts: time, key: index % 10 === 0 }
}

function all(cursor: LogCursor<AsfUnit>): AsfUnit[] {
  const units: AsfUnit[] = []
  for (let unit = cursor.take(); unit !== undefined; unit = cursor.take()) units.push(unit)
  return units
}

function hub(t: { after(callback: () => void): void }): Hub {
  const made = new Hub({ pathSettings: () => ({ graceMs: 0, onBusy: 'takeover', windowMs: 0 }) })
  t.after(() => made.close())
  return made
}

test('packets of any publisher become ASF packets that say the same', (t) => {
  const publisher = hub(t).publish('live/a')
  publisher.announce([video])
  for (let index = 0; index < 25; index++) publisher.write(packet(index))
  const units = all(publisher.stream.units(asfUnits).open())
  assert.equal(units.length, 2)
  assert.ok(
    units[0]?.key &&
      units.every(({ bytes, size }) => bytes.byteLength <= LIVE_PACKET_SIZE && size === bytes.byteLength),
  )
  const demuxer = new AsfPacketDemuxer(units[0].init)
  for (const { bytes } of units) demuxer.write(bytes)
  demuxer.end()
  const times: number[] = []
  for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) {
    if (result.type === 'packet') times.push(result.packet.pts)
  }
  // From the newest key packet on.
  assert.deepEqual(times, [800_000, 840_000, 880_000, 920_000, 960_000])
})

test('numbers and times go on over a new header', (t) => {
  const publisher = hub(t).publish('live/a')
  publisher.announce([video])
  publisher.write(packet(0))
  const cursor = publisher.stream.units(asfUnits).open()
  for (let index = 1; index < 15; index++) publisher.write(packet(index))
  const before = all(cursor)
  publisher.announce([other])
  for (let index = 20; index < 35; index++) publisher.write(packet(index, other))
  const after = all(cursor)
  assert.notEqual(before.at(-1)?.init, after.at(-1)?.init)
  const numbers = [...before, ...after].map(({ number }) => number)
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => (numbers[0] ?? 0) + index),
  )
  const times = [...before, ...after].map(({ time }) => time)
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  )
})

test('new metadata alone makes no new header', (t) => {
  const publisher = hub(t).publish('live/a')
  publisher.announce([video])
  publisher.write(packet(0))
  const cursor = publisher.stream.units(asfUnits).open()
  publisher.announce([video], { title: 'x' })
  for (let index = 1; index < 15; index++) publisher.write(packet(index))
  assert.equal(new Set(all(cursor).map(({ init }) => init)).size, 1)
})

test('a stream of nothing that ASF carries has no units, and its publisher goes on', (t) => {
  const publisher = hub(t).publish('live/a')
  const opus: Track = {
    id: 101,
    kind: 'audio',
    codec: 'opus',
    audio: { sampleRate: 48_000, channels: 2 },
    timescale: 48_000,
  }
  publisher.announce([opus])
  const cursor = publisher.stream.units(asfUnits).open()
  publisher.write({ track: opus, data: new Uint8Array(10), pts: 0, dts: 0, key: true })
  assert.deepEqual(all(cursor), [])
})

test('H.264 that is no H.264 is left out without a word to its publisher', (t) => {
  const publisher = hub(t).publish('live/a')
  const h264: Track = { id: 1, kind: 'video', codec: 'h264', timescale: 90_000 }
  publisher.announce([h264])
  const cursor = publisher.stream.units(asfUnits).open()
  publisher.write({ track: h264, data: Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1), pts: 0, dts: 0, key: true })
  assert.deepEqual(all(cursor), [])
})

test('packets of a Windows Media wire are passed on as they are, without padding', (t) => {
  const publisher = hub(t).publish('live/a')
  const units = new NativeAsfUnits(publisher.provide(asfUnits))
  const { init, packets } = nativeOf('wmv2-wmav2.wmv')
  const cursor = publisher.stream.units(asfUnits).open()
  for (const { bytes } of packets) units.write(bytes, init)
  const made = all(cursor)
  assert.deepEqual(
    made.map(({ number, sendTimeMs, key }) => [number, sendTimeMs, key]),
    packets.map(({ number, sendTimeMs, key }) => [number, sendTimeMs, key]),
  )
  for (const [index, unit] of made.entries()) assert.deepEqual(unit.bytes, withoutPadding(packets[index]!.bytes))
  assert.throws(() => units.write(Uint8Array.of(0x82, 0, 0, 0xff), init))
})

test('the publisher that takes over goes on with numbers and times', (t) => {
  const made = hub(t)
  const { init, packets } = nativeOf('wmv2-wmav2.wmv')
  const first = made.publish('live/a')
  const before = new NativeAsfUnits(first.provide(asfUnits))
  const cursor = first.stream.units(asfUnits).open()
  for (const { bytes } of packets) before.write(bytes, init)
  const second = made.publish('live/a')
  const after = new NativeAsfUnits(second.provide(asfUnits))
  for (const { bytes } of packets) after.write(bytes, { ...init })
  const units = all(cursor)
  assert.deepEqual(
    units.map(({ number }) => number),
    units.map((_, index) => index),
  )
  const times = units.map(({ time }) => time)
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  )
})
