/** Whole files: from tracks, and from packets as they came. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { memorySource } from '../../byte-source.ts'
import type { DemuxResult } from '../../container.ts'
import type { Machine } from '../../machine.ts'
import type { Packet } from '../../packet.ts'
import type { Track } from '../../track.ts'
import { AsfDemuxer, AsfReader } from './demuxer.ts'
import { AsfFile } from './file.ts'
import { AsfFileWriter } from './file-writer.ts'
import { parseAsfInit } from './header.ts'
import { buildAsfInit } from './header-builder.ts'
import type { AsfInit, AsfPacket } from './model.ts'
import { AsfMuxer } from './muxer.ts'
import { AsfPacketizer } from './packetizer.ts'
import { withoutPadding } from './padding.ts'
import { testFile } from './test-files.suite.ts'
import { hex, testPacket, testTracks } from './vectors.ts'

const { video } = testTracks
const audio: Track = {
  ...testTracks.audio,
  config: hex('6101 0200 44ac0000 803e0000 ba02 1000 0a00 00880000 1700 ba020000'),
}

function programme(seconds: number): Packet[] {
  const packets: Packet[] = []
  for (let ms = 0; ms < seconds * 1000; ms += 40) packets.push(testPacket(video, { dts: ms }, 900, ms % 2000 === 0))
  for (let ms = 0; ms < seconds * 1000; ms += 46) packets.push(testPacket(audio, { dts: ms }, 300))
  return packets.sort((a, b) => a.dts - b.dts)
}

function drain<Out>(machine: Machine<never, Out>): Out[] {
  const out: Out[] = []
  for (let result = machine.read(); result !== undefined; result = machine.read()) out.push(result)
  return out
}

function demux(bytes: Uint8Array): DemuxResult[] {
  const demuxer = new AsfDemuxer()
  demuxer.write(bytes)
  demuxer.end()
  return drain(demuxer)
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]))
}

describe('the muxer', () => {
  const source = programme(7)
  const muxer = new AsfMuxer([video, audio], { metadata: { title: 'Seven seconds' } })
  const pieces: Uint8Array[] = []
  for (const packet of source) {
    muxer.write(packet)
    pieces.push(...drain(muxer))
  }
  muxer.end()
  pieces.push(...drain(muxer))
  const streamed = join(pieces)
  const { header, index } = muxer.finish()
  const finished = join([header, streamed.subarray(header.byteLength), index])

  test('what went in comes out again, from the stream as from the finished file', () => {
    for (const bytes of [streamed, finished]) {
      const [first, ...rest] = demux(bytes)
      assert.ok(first?.type === 'tracks')
      assert.deepEqual(first.metadata, { title: 'Seven seconds' })
      for (const { id } of [video, audio]) {
        const packets = rest.flatMap((result) => (result.type === 'packet' ? [result.packet] : []))
        assert.deepEqual(
          packets.filter(({ track }) => track.id === id).map(({ data, pts, dts, key }) => ({ data, pts, dts, key })),
          source.filter(({ track }) => track.id === id).map(({ data, pts, dts, key }) => ({ data, pts, dts, key })),
        )
      }
    }
  })

  test('AS-08: the stream says that it is live, the finished file what it is', async () => {
    const live = parseAsfInit(streamed)
    assert.deepEqual([live.broadcast, live.seekable, live.packetCount], [true, false, 0])

    const file = await AsfFile.open(memorySource(finished))
    assert.deepEqual([file.init.broadcast, file.init.seekable], [false, true])
    assert.equal(file.packetCount, file.init.packetCount)
    assert.equal(file.packetCount, pieces.length - 1)
    assert.equal(file.durationMs, source.at(-1) === undefined ? 0 : 6992)
  })

  test('AS-07: the finished file is sought by its index as without', async () => {
    const [file, bare] = await Promise.all([
      AsfFile.open(memorySource(finished)),
      AsfFile.open(memorySource(finished.subarray(0, finished.byteLength - index.byteLength))),
    ])
    for (let timeMs = 0; timeMs < 7000; timeMs += 100) {
      const start = await file.packetAt(timeMs)
      assert.equal(start, await bare.packetAt(timeMs))
      const [packet] = await file.readPackets(start, 1)
      assert.equal(packet?.key, true)
      assert.equal(packet.sendTimeMs, Math.floor(timeMs / 2000) * 2000)
    }
  })

  test('flush does not wait for more', () => {
    const live = new AsfMuxer([audio])
    live.write(testPacket(audio, { dts: 0 }, 10))
    assert.equal(drain(live).length, 1)
    live.flush()
    assert.deepEqual(
      drain(live).map((packet) => packet.byteLength),
      [3200],
    )
  })

  test('refuses to write nothing', () => {
    const opus: Track = { id: 101, kind: 'audio', codec: 'opus', timescale: 48_000 }
    assert.throws(() => new AsfMuxer([opus]), { code: 'ERR_ASF_NO_TRACK' })
  })
})

describe('the file writer', () => {
  test('AS-05: packets as they came over a network make a file of the same content', () => {
    const { bytes } = testFile('wmv2-wmav2.wmv')
    const { init, packets } = read(bytes)
    const writer = new AsfFileWriter(init)
    for (const packet of packets) writer.write({ ...packet, bytes: withoutPadding(packet.bytes) })
    const written = join(drain(writer))
    const { header, index } = writer.finish()

    // FFmpeg writes padding lengths of 8 bits where they do; the content is the same.
    assert.equal(written.byteLength, init.bytes.byteLength + packets.length * 600)
    assert.deepEqual(parseAsfInit(header).packetCount, packets.length)
    // FFmpeg counts the duration of the last frame too, and has one more entry in its index.
    assert.equal(header.byteLength, init.bytes.byteLength)
    assert.deepEqual(demux(join([header, written.subarray(header.byteLength), index])), demux(bytes))
  })

  test('AS-09: not a byte of header or payloads is changed but sizes, counts and flags', () => {
    const { bytes } = testFile('wmv2-wmav2.wmv')
    const { init, packets } = read(bytes)
    const writer = new AsfFileWriter(init)
    for (const packet of packets) writer.write(packet)
    writer.end()
    const { header } = writer.finish()
    const different = [...header.keys()].filter((at) => header[at] !== init.bytes[at])

    // File size and durations of the first object, which File Properties is in this file.
    assert.ok(
      different.every((at) => at >= 30 + 40 && at < 30 + 80),
      different.join(),
    )
  })

  test('a recording of a live stream begins at zero', async () => {
    const init = buildAsfInit({ tracks: [video], packetSize: 400, prerollMs: 1000, broadcast: true })
    const packetizer = new AsfPacketizer(init)
    for (let at = 0; at < 50; at++) packetizer.write(testPacket(video, { dts: 70_000 + at * 40 }, 200, at % 25 === 0))
    packetizer.end()
    const writer = new AsfFileWriter(init, { fromZero: true })
    for (const packet of drain(packetizer)) writer.write(packet)
    const written = join(drain(writer))
    const { header, index } = writer.finish()
    const file = await AsfFile.open(memorySource(join([header, written.subarray(header.byteLength), index])))

    assert.equal(file.startMs, 0)
    assert.equal(file.durationMs, 1960)
    assert.equal((await file.readPackets(await file.packetAt(1500), 1))[0]?.sendTimeMs, 1000)
    const [, first] = demux(written)
    assert.equal(first?.type === 'packet' ? first.packet.pts : undefined, 0)
  })

  test('refuses packets larger than the header says', () => {
    const { init, packets } = read(testFile('wmv2-wmav2.wmv').bytes)
    const writer = new AsfFileWriter(init)
    assert.throws(() => writer.write({ ...(packets[0] as AsfPacket), bytes: new Uint8Array(601) }), {
      code: 'ERR_ASF_PACKET_SIZE',
    })
  })
})

function read(bytes: Uint8Array): { init: AsfInit; packets: AsfPacket[] } {
  const reader = new AsfReader()
  reader.write(bytes)
  const packets = drain(reader).flatMap((result) => (result.type === 'packet' ? [result.packet] : []))
  return { init: parseAsfInit(bytes), packets }
}

test('a time that is far off makes no index of megabytes', () => {
  const tracks = [1, 2, 3].map((id): Track => ({ ...video, id }))
  const muxer = new AsfMuxer(tracks)
  for (const track of tracks) {
    muxer.write(testPacket(track, { dts: 0 }, 10, true))
    muxer.write(testPacket(track, { dts: 2 ** 32 - 10_000 }, 10, true))
  }
  muxer.end()
  assert.ok(muxer.finish().index.byteLength < 1_000_000)
})
