import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Packet } from '../../media/packet.ts'
import type { Track } from '../../media/track.ts'
import { Measurement } from './measurement.ts'

const video: Track = { id: 1, kind: 'video', codec: 'h264', timescale: 1000, video: { width: 640, height: 360 } }

function packet(dts: number, more: Partial<Packet> = {}): Packet {
  return { track: video, data: new Uint8Array(1000), dts, pts: dts, key: dts === 0, ...more }
}

function measure(packets: readonly Packet[]) {
  const measurement = new Measurement('rtmp://localhost/live/x')
  measurement.setTracks([video])
  for (const one of packets) measurement.addPacket(one)
  return measurement.report()
}

test('rates are of media time', () => {
  const report = measure(Array.from({ length: 51 }, (_, i) => packet(i * 40_000)))

  assert.equal(report.tracks[0]?.packetRate, 25)
  assert.equal(report.tracks[0]?.bitrateBps, 204_000)
  assert.equal(report.tracks[0]?.duration, 2)
  assert.equal(report.tracks[0]?.gaps, 0)
  assert.deepEqual(report.problems, [])
})

test('a missing second is one gap and no problem', () => {
  const report = measure([
    ...Array.from({ length: 25 }, (_, i) => packet(i * 40_000)),
    packet(2_000_000),
    packet(2_040_000),
  ])

  assert.equal(report.tracks[0]?.gaps, 1)
  assert.deepEqual(report.problems, [])
})

test('a gap that the stream announces is a discontinuity', () => {
  const report = measure([packet(0), packet(40_000), packet(9_000_000, { discontinuity: true }), packet(9_040_000)])

  assert.equal(report.tracks[0]?.gaps, 0)
  assert.equal(report.discontinuities, 1)
})

test('decode times that step back are a problem, counted', () => {
  const report = measure([packet(0), packet(80_000), packet(40_000), packet(120_000), packet(100_000)])

  assert.deepEqual(
    report.problems.map(({ rule, count }) => [rule, count]),
    [['timestamps-backwards', 2]],
  )
})

test('a picture presented before it is decoded is a problem', () => {
  const report = measure([packet(0), packet(40_000, { pts: 30_000 })])

  assert.equal(report.problems[0]?.rule, 'presentation-before-decode')
})

test('video that does not start with a key packet is a problem', () => {
  const report = measure([packet(40_000, { key: false })])

  assert.equal(report.problems[0]?.rule, 'starts-without-key')
})

test('delay is reported as last, mean and highest', () => {
  const measurement = new Measurement('x')
  for (const delay of [1000, 3000, 2000]) measurement.addDelay(delay)

  assert.deepEqual(measurement.report().delay, { last: 2, mean: 2, max: 3 })
})
