import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../byte-source.ts'
import { readAacConfig } from '../../codecs/aac/config.ts'
import { openReader } from '../../open-reader.ts'
import type { Packet } from '../../packet.ts'
import type { KeyPoint, MediaReader } from '../../reader.ts'
import { adtsSound, id3Frame, id3Tag, id3Text, join, latin1, row } from '../bare-sound/vectors.ts'

const FRAME_MICROS = (1024 * 1e6) / 48_000

function open(...parts: readonly Uint8Array[]): Promise<MediaReader> {
  return openReader(memorySource(join(parts)))
}

async function read(reader: MediaReader, from: number | KeyPoint = 0): Promise<Packet[]> {
  const packets: Packet[] = []
  for await (const packet of reader.packets(from)) packets.push(packet)
  return packets
}

const frame = (at: number) => adtsSound(at, 60 + (at % 50))

describe('an AAC file', () => {
  it('gives raw frames, its length, and a configuration', async () => {
    const reader = await open(row(500, frame))

    const packets = await read(reader)

    const [track] = reader.tracks
    assert.equal(reader.format, 'aac')
    assert.equal(reader.duration, Math.round(500 * FRAME_MICROS))
    assert.deepEqual(
      [track?.codec, track?.audio, track?.timescale],
      ['aac', { sampleRate: 48_000, channels: 2 }, 48_000],
    )
    assert.equal(readAacConfig(track?.config ?? new Uint8Array(0)).objectType, 2)
    assert.equal(packets.length, 500)
    assert.deepEqual(packets[123]?.data, frame(123).subarray(7))
    assert.deepEqual(packets[123].pts, Math.round(123 * FRAME_MICROS))
  })

  it('may stand behind an ID3 tag, long or short', async () => {
    for (const padding of [0, 30_000]) {
      const tag = id3Tag(4, [id3Frame(4, 'TIT2', id3Text(3, 'Title')), new Uint8Array(padding)])

      const reader = await open(tag, row(50, frame), latin1('TAG'), new Uint8Array(125))

      assert.equal(reader.format, 'aac')
      assert.deepEqual(reader.metadata, { title: 'Title' })
      assert.equal((await read(reader)).length, 50)
      assert.deepEqual(reader.notes, [])
    }
  })

  it('has a key point each second', async () => {
    const reader = await open(row(500, frame))

    const points = await reader.keyPoints()

    assert.equal(points.length, 11)
    const all = await read(reader)
    assert.deepEqual(await read(reader, points[4]), all.slice(all.findIndex(({ pts }) => pts === points[4]?.pts)))
    assert.equal((await read(reader, 9_000_000))[0]?.pts, points[8]?.pts)
  })

  it('plays over garbage that looks like frames, and over frames of another stream', async () => {
    const stray = Uint8Array.of(0xff, 0xf1, 0x4c, 0x80, 0x20, 0x1f, 0xfc)
    const other = adtsSound(1, 80)
    other[2] = 0x50
    const reader = await open(row(20, frame), new Uint8Array(77), stray, new Uint8Array(77), other, row(20, frame))

    const packets = await read(reader)

    assert.deepEqual(
      packets.map(({ data }) => data),
      [...Array(2)].flatMap(() => Array.from({ length: 20 }, (_, at) => frame(at).subarray(7))),
    )
    assert.match(reader.notes.join(), /no sound/)
  })

  it('whose channels are told only within the frames is refused', async () => {
    const frames = row(10, (at) => {
      const bytes = frame(at)
      bytes[2] = (bytes[2] ?? 0) & 0xfe
      bytes[3] = (bytes[3] ?? 0) & 0x3f
      return bytes
    })

    await assert.rejects(open(frames), { code: 'ERR_CODEC_CONFIG' })
  })
})
