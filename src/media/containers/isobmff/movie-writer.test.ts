import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ALL_FORMATS, BufferSource, EncodedPacketSink, Input } from 'mediabunny'
import * as mp4box from 'mp4box'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { Packet } from '../../packet.ts'
import { topLevelBoxes } from './box.ts'
import { withDuration, writeInitSegment } from './init-segment.ts'
import { readInitSegment } from './movie.ts'
import { MovieWriter } from './movie-writer.ts'
import { writeRandomAccess } from './random-access.ts'
import { AUDIO, audioPackets, VIDEO, videoPackets } from './vectors.ts'

const START = 7_000_000
const VIDEO_PACKETS = videoPackets(95, VIDEO, START)
const AUDIO_PACKETS = audioPackets(150, AUDIO, START + 20_000)

function samplesOf(packets: readonly Packet[]) {
  return packets.map(({ data, dts, pts, key }, i) => ({
    size: data.byteLength,
    dts,
    pts,
    duration: (packets[i + 1]?.dts ?? dts + 20_000) - dts,
    key,
  }))
}

/** Chunks of ten samples, the tracks in turn. */
function movie(start: number): Uint8Array {
  const writer = new MovieWriter([VIDEO, AUDIO])
  const data = new ByteWriter(1 << 16)
  for (let at = 0; at < 150; at += 10) {
    for (const packets of [VIDEO_PACKETS, AUDIO_PACKETS]) {
      const chunk = packets.slice(at, at + 10)
      writer.add(chunk[0]?.track.id ?? 1, samplesOf(packets).slice(at, at + 10))
      for (const packet of chunk) data.bytes(packet.data)
    }
  }
  assert.equal(writer.dataBytes, data.length)
  return new ByteWriter(1 << 16).bytes(writer.finish(start)).bytes(data.view()).toBytes()
}

describe('movie writer', () => {
  const firstShown = VIDEO_PACKETS[0]!.pts
  const file = movie(firstShown)

  it('puts moov before the media', () => {
    assert.deepEqual(
      [...topLevelBoxes(file)].map(({ type }) => type),
      ['ftyp', 'moov', 'mdat'],
    )
  })

  it('is read bit for bit by mediabunny, from the start that was asked for', async () => {
    using input = new Input({ source: new BufferSource(file), formats: ALL_FORMATS })
    for (const packets of [VIDEO_PACKETS, AUDIO_PACKETS]) {
      const track = await (packets === VIDEO_PACKETS ? input.getPrimaryVideoTrack() : input.getPrimaryAudioTrack())
      assert.ok(track)
      let i = 0
      for await (const packet of new EncodedPacketSink(track).packets()) {
        const { data, pts, key } = packets[i++]!
        assert.deepEqual(packet.data, data)
        assert.equal(packet.type, key ? 'key' : 'delta')
        assert.ok(Math.abs(packet.timestamp - (pts - firstShown) / 1e6) < 0.000_6, `${packet.timestamp}`)
      }
      assert.equal(i, packets.length)
    }
  })

  it('is read by mp4box with its length', () => {
    const parsed = mp4box.createFile()
    let info: mp4box.Movie | undefined
    parsed.onReady = (ready) => (info = ready)
    parsed.appendBuffer(mp4box.MP4BoxBuffer.fromArrayBuffer(file.slice().buffer, 0))

    assert.equal(info?.isFragmented, false)
    assert.deepEqual(
      info?.tracks.map(({ nb_samples }) => nb_samples),
      [95, 150],
    )
    const end = Math.max(
      ...[...samplesOf(VIDEO_PACKETS), ...samplesOf(AUDIO_PACKETS)].map(({ pts, duration }) => pts + duration),
    )
    assert.ok(Math.abs(info.duration / info.timescale - (end - firstShown) / 1e6) < 0.002)
  })

  it('refuses tracks that MP4 cannot carry', () => {
    assert.throws(() => new MovieWriter([{ id: 1, kind: 'video', codec: 'wmv2', timescale: 1000 }]), {
      code: 'ERR_MP4_NO_TRACK',
    })
  })
})

describe('a movie of fragments that is complete', () => {
  it('tells its length in the place that was kept for it', () => {
    const growing = writeInitSegment([VIDEO, AUDIO], { duration: 0 })
    const complete = withDuration(growing, 12_345_000)

    assert.equal(complete.byteLength, growing.byteLength)
    assert.equal(readInitSegment(growing).duration, 0)
    assert.equal(readInitSegment(complete).duration, 12_345_000)
    assert.throws(() => withDuration(writeInitSegment([VIDEO]), 1), { code: 'ERR_MP4_NO_MEHD' })
  })

  it('has an index that mp4box reads and that is found from the end', () => {
    const points = [0, 90_000, 180_000].map((ticks, i) => ({ ticks, moofOffset: 1000 + i * 5_000_000_000 }))
    const bytes = writeRandomAccess([{ trackId: 1, points }])
    const parsed = mp4box.createFile()
    parsed.appendBuffer(mp4box.MP4BoxBuffer.fromArrayBuffer(bytes.slice().buffer, 0))
    const [mfra] = parsed.boxes as unknown as { type: string; size: number; boxes: Record<string, unknown>[] }[]

    assert.equal(mfra?.type, 'mfra')
    assert.equal(mfra.size, bytes.byteLength)
    assert.equal(new DataView(bytes.buffer).getUint32(bytes.byteLength - 4), bytes.byteLength)
    assert.deepEqual(
      mfra.boxes.map(({ type }) => type),
      ['tfra', 'mfro'],
    )
  })
})
