import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Packet } from '../../packet.ts'
import { topLevelBoxes } from './box.ts'
import { type FragmentOptions, type FragmentSample, writeFragment } from './fragment.ts'
import { FragmentReader } from './fragment-reader.ts'
import { writeInitSegment } from './init-segment.ts'
import { readInitSegment } from './movie.ts'
import { REFERENCE_TIME } from './segment-boxes.ts'
import { AUDIO, audioPackets, VIDEO, videoPackets } from './vectors.ts'

function samplesOf(packets: readonly Packet[], last: number): FragmentSample[] {
  return packets.map((packet, i) => ({ packet, duration: (packets[i + 1]?.dts ?? packet.dts + last) - packet.dts }))
}

function readBack(bytes: Uint8Array) {
  const reader = new FragmentReader(readInitSegment(writeInitSegment([VIDEO, AUDIO])))
  for (const box of topLevelBoxes(bytes)) {
    if (box.type === 'moof') {
      return reader.read(box, box.body.offset - 8).map(({ movieTrack, offset, size, ...times }) => ({
        id: movieTrack.track.id,
        data: bytes.slice(offset, offset + size),
        ...times,
      }))
    }
  }
  return []
}

function expected(packets: readonly Packet[]) {
  return packets.map(({ track, data, dts, pts, key }) => ({ id: track.id, data, dts, pts, key }))
}

function boxSizes(bytes: Uint8Array): [string, number][] {
  return [...topLevelBoxes(bytes)].map(({ type, body }) => [type, body.bytes.byteLength + 8])
}

describe('fragment', () => {
  const video = videoPackets(30)
  const audio = audioPackets(47)
  const both: FragmentOptions = {
    sequence: 1,
    tracks: [
      { track: VIDEO, baseDecodeTime: 0, samples: samplesOf(video, 33_333) },
      { track: AUDIO, baseDecodeTime: 0, samples: samplesOf(audio, 21_333) },
    ],
  }

  it('gives times, flags and bytes back', () => {
    const read = readBack(writeFragment(both))
    const near = (a: number, b: number) => Math.abs(a - b) <= 6
    const want = expected([...video, ...audio])
    assert.equal(read.length, want.length)
    for (const [i, sample] of read.entries()) {
      const { dts, pts, ...rest } = want[i]!
      assert.deepEqual({ id: sample.id, data: sample.data, key: sample.key }, rest)
      assert.ok(near(sample.dts, dts) && near(sample.pts, pts), `${sample.dts} ${dts} ${sample.pts} ${pts}`)
    }
  })

  it('is one allocation of the final size', () => {
    const bytes = writeFragment(both)
    assert.equal(bytes.byteLength, bytes.buffer.byteLength)
  })

  it('puts what was asked for before moof', () => {
    const bytes = writeFragment({
      ...both,
      segmentStart: true,
      producerReferenceTime: {
        reference: REFERENCE_TIME.captured,
        trackId: 1,
        wallClock: 1_800_000_000_000_000,
        mediaTicks: 0,
      },
      events: [
        {
          schemeIdUri: 'urn:scte:scte35:2013:bin',
          value: 'ä',
          timescale: 90_000,
          presentationTicks: 5,
          id: 1,
          data: Uint8Array.of(1, 2),
        },
      ],
    })
    assert.deepEqual(
      boxSizes(bytes).map(([type]) => type),
      ['styp', 'prft', 'emsg', 'moof', 'mdat'],
    )
    assert.equal(bytes.byteLength, bytes.buffer.byteLength)
    assert.deepEqual(
      readBack(bytes).map(({ data }) => data),
      [...video, ...audio].map(({ data }) => data),
    )
  })

  it('costs 108 bytes for one sample', () => {
    const one = writeFragment({
      sequence: 7,
      tracks: [{ track: AUDIO, baseDecodeTime: 0, samples: samplesOf(audio.slice(0, 1), 21_333) }],
    })
    assert.equal(one.byteLength - (audio[0]?.data.byteLength ?? 0), 108)
    assert.equal(readBack(one)[0]?.key, true)
  })

  it('does not drift over a million frames', () => {
    const frame = 1_000_000 / 30
    let end = 0
    for (let i = 0; i < 1_000_000; i += 99_999) {
      const dts = Math.round(i * frame)
      const packet: Packet = { track: VIDEO, data: new Uint8Array(4), dts, pts: dts, key: true }
      const read = readBack(
        writeFragment({
          sequence: 1,
          tracks: [{ track: VIDEO, baseDecodeTime: dts, samples: [{ packet, duration: 33_333 }] }],
        }),
      )
      end = read[0]?.dts ?? 0
      assert.ok(Math.abs(end - dts) <= 6)
    }
  })

  it('places packets relative to the base decode time and keeps negative composition offsets', () => {
    const packets: Packet[] = [
      { track: VIDEO, data: new Uint8Array(4), dts: 5_000_000, pts: 5_040_000, key: true },
      { track: VIDEO, data: new Uint8Array(5), dts: 5_040_000, pts: 5_000_000, key: false },
    ]
    const read = readBack(
      writeFragment({
        sequence: 1,
        tracks: [{ track: VIDEO, baseDecodeTime: 1_000_000, samples: samplesOf(packets, 40_000) }],
      }),
    )
    assert.deepEqual(
      read.map(({ dts, pts, key }) => [dts, pts, key]),
      [
        [1_000_000, 1_040_000, true],
        [1_040_000, 1_000_000, false],
      ],
    )
  })

  it('tells flags of each sample when key packets lie in the middle', () => {
    const packets = videoPackets(70)
    const read = readBack(
      writeFragment({
        sequence: 1,
        tracks: [{ track: VIDEO, baseDecodeTime: 0, samples: samplesOf(packets, 33_333) }],
      }),
    )
    assert.deepEqual(
      read.map(({ key }) => key),
      packets.map(({ key }) => key),
    )
  })
})
