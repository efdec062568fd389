import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ALL_FORMATS, BufferSource, EncodedPacketSink, Input } from 'mediabunny'
import * as mp4box from 'mp4box'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { Packet } from '../../packet.ts'
import type { Track } from '../../track.ts'
import { topLevelBoxes } from './box.ts'
import { FragmentMuxer } from './muxer.ts'
import { AUDIO, audioPackets, VIDEO, videoPackets } from './vectors.ts'

const START = 7_000_000
const PACKETS = [...videoPackets(95, VIDEO, START), ...audioPackets(150, AUDIO, START)].sort((a, b) => a.dts - b.dts)
const VIDEO_PACKETS = PACKETS.filter(({ track }) => track === VIDEO)
const AUDIO_PACKETS = PACKETS.filter(({ track }) => track === AUDIO)

function mux(tracks: readonly Track[], packets: readonly Packet[]): Uint8Array[] {
  const muxer = new FragmentMuxer(tracks)
  const pieces: Uint8Array[] = []
  const drain = (): void => {
    for (let piece = muxer.read(); piece !== undefined; piece = muxer.read()) pieces.push(piece)
  }
  for (const packet of packets) {
    muxer.write(packet)
    drain()
  }
  muxer.end()
  drain()
  return pieces
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter()
  for (const piece of pieces) writer.bytes(piece)
  return writer.toBytes()
}

describe('fragment muxer', () => {
  const pieces = mux([VIDEO, AUDIO], PACKETS)
  const file = join(pieces)

  it('gives the init segment at once and a fragment for each key packet', () => {
    const boxes = pieces.map((piece) => [...topLevelBoxes(piece)].map(({ type }) => type).join())
    assert.deepEqual(boxes, ['ftyp,moov', ...Array.from({ length: 4 }, () => 'moof,mdat')])
  })

  it('cuts each second without video, and long groups of pictures', () => {
    assert.equal(mux([AUDIO], AUDIO_PACKETS).length, 1 + 4)
    const long = videoPackets(700).map((packet, i) => ({ ...packet, key: i === 0 }))
    assert.equal(mux([VIDEO], long).length, 1 + 3)
  })

  it('is read bit for bit by mp4box', () => {
    const parsed = mp4box.createFile(true)
    const samples = new Map<number, mp4box.Sample[]>()
    parsed.onReady = (info) => {
      for (const { id } of info.tracks) parsed.setExtractionOptions(id, undefined, { nbSamples: 10_000 })
      parsed.start()
    }
    parsed.onSamples = (id, _user, got) => samples.set(id, [...(samples.get(id) ?? []), ...got])
    parsed.appendBuffer(mp4box.MP4BoxBuffer.fromArrayBuffer(file.slice().buffer, 0))
    parsed.flush()
    for (const [track, packets] of [
      [VIDEO, VIDEO_PACKETS],
      [AUDIO, AUDIO_PACKETS],
    ] as const) {
      const got = samples.get(track.id) ?? []
      assert.equal(got.length, packets.length)
      for (const [i, sample] of got.entries()) {
        const { data, dts, pts, key } = packets[i]!
        assert.deepEqual([...(sample.data ?? [])], [...data])
        assert.equal(sample.is_sync, key)
        assert.ok(Math.abs(sample.dts / sample.timescale - (dts - START) / 1e6) < 0.000_011)
        assert.ok(Math.abs(sample.cts / sample.timescale - (pts - START) / 1e6) < 0.000_011)
      }
    }
  })

  it('is read bit for bit by mediabunny', async () => {
    using input = new Input({ source: new BufferSource(file), formats: ALL_FORMATS })
    for (const packets of [VIDEO_PACKETS, AUDIO_PACKETS]) {
      const track = await (packets === VIDEO_PACKETS ? input.getPrimaryVideoTrack() : input.getPrimaryAudioTrack())
      assert.ok(track)
      let i = 0
      for await (const packet of new EncodedPacketSink(track).packets()) {
        const { data, pts, key } = packets[i++]!
        assert.deepEqual(packet.data, data)
        assert.equal(packet.type, key ? 'key' : 'delta')
        assert.ok(Math.abs(packet.timestamp - (pts - START) / 1e6) < 0.000_011)
      }
      assert.equal(i, packets.length)
    }
  })

  it('leaves other tracks out and refuses a changed configuration', () => {
    const muxer = new FragmentMuxer([VIDEO])
    muxer.write(AUDIO_PACKETS[0]!)
    muxer.write(VIDEO_PACKETS[0]!)
    muxer.write({ ...VIDEO_PACKETS[1]!, track: { ...VIDEO, name: 'renamed' } })
    const config = VIDEO.config!.slice()
    config[3]!++
    assert.throws(() => muxer.write({ ...VIDEO_PACKETS[2]!, track: { ...VIDEO, config } }), {
      code: 'ERR_MP4_TRACK_CHANGED',
    })
  })

  it('writes nothing but the init segment without packets', () => {
    assert.equal(mux([VIDEO, AUDIO], []).length, 1)
  })
})
