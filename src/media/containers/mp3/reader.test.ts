import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ByteSource, memorySource } from '../../byte-source.ts'
import { openReader } from '../../open-reader.ts'
import type { Packet } from '../../packet.ts'
import type { KeyPoint, MediaReader } from '../../reader.ts'
import { id3Frame, id3Tag, id3Text, join, latin1, mp3Frame, row, vbriFrame, xingFrame } from '../bare-sound/vectors.ts'

const FRAME_MICROS = (1152 * 1e6) / 44_100
const ID3V1 = join([latin1('TAG'), new Uint8Array(125)])

function open(...parts: readonly Uint8Array[]): Promise<MediaReader> {
  return openReader(memorySource(join(parts)))
}

async function read(reader: MediaReader, from: number | KeyPoint = 0): Promise<Packet[]> {
  const packets: Packet[] = []
  for await (const packet of reader.packets(from)) packets.push(packet)
  return packets
}

/** Of 128 and 64 kbit/s in turn: no constant bitrate. */
const variable = (at: number) => mp3Frame(at, at % 2 === 0 ? 128 : 64)

/** As encoders write 128 kbit/s at 44.1 kHz: 417 and 47/49 bytes on average. */
const padded = (at: number) => {
  if (at % 49 === 0 || at % 49 === 25) return mp3Frame(at)
  const frame = join([mp3Frame(at), Uint8Array.of(0)])
  frame[2] = (frame[2] ?? 0) | 2
  return frame
}

describe('an MP3 file', () => {
  it('gives its frames and its track', async () => {
    const reader = await open(row(100, mp3Frame))

    const packets = await read(reader)

    assert.equal(reader.format, 'mp3')
    assert.deepEqual(reader.tracks, [
      {
        id: 101,
        kind: 'audio',
        codec: 'mp3',
        audio: { sampleRate: 44_100, channels: 2 },
        timescale: 44_100,
        bitrateBps: 128_000,
      },
    ])
    assert.equal(packets.length, 100)
    assert.deepEqual(packets[7]?.data, mp3Frame(7))
    assert.deepEqual(
      packets.slice(0, 3).map(({ pts }) => pts),
      [0, 26_122, 52_245],
    )
    assert.ok(packets.every(({ key, pts, dts }) => key && pts === dts))
  })

  it('of constant bitrate is opened by reading a little of it', async () => {
    const bytes = row(20_000, padded)
    let bytesRead = 0
    const source: ByteSource = {
      size: bytes.byteLength,
      read(offset, length) {
        const view = bytes.subarray(offset, offset + length)
        bytesRead += view.byteLength
        return Promise.resolve(view)
      },
    }

    const reader = await openReader(source)

    assert.ok(Math.abs(reader.duration - 20_000 * FRAME_MICROS) < FRAME_MICROS, `${reader.duration}`)
    assert.ok(bytesRead < 1_300_000, `${bytesRead} of ${bytes.byteLength}`)
    await reader.keyPoints()
    assert.equal(reader.duration, Math.round(20_000 * FRAME_MICROS))
  })

  it('of variable bitrate is counted where nothing tells its length', async () => {
    const reader = await open(row(101, variable))

    assert.equal(reader.duration, Math.round(101 * FRAME_MICROS))
    assert.equal(reader.tracks[0]?.bitrateBps, undefined)
  })

  for (const [name, head] of [
    ['Xing', xingFrame('Xing', 40, 40 * 312)],
    ['VBRI', vbriFrame(40, 40 * 312)],
  ] as const) {
    it(`has its length from ${name}, whose frame is no sound`, async () => {
      const reader = await open(head, row(40, variable))

      const packets = await read(reader)

      assert.equal(reader.duration, Math.round(40 * FRAME_MICROS))
      assert.equal(packets.length, 40)
      assert.deepEqual(packets[0]?.data, mp3Frame(0))
      assert.equal(packets[0].pts, 0)
    })
  }

  it('begins before 0 by the encoder’s delay, and ends without its padding', async () => {
    const reader = await open(xingFrame('Info', 40, 40 * 417, [576, 1000]), row(40, mp3Frame))

    const [first] = await read(reader)

    assert.equal(first?.pts, Math.round((-(576 + 529) * 1e6) / 44_100))
    assert.equal(reader.duration, Math.round(((40 * 1152 - 1105 - (1000 - 529)) * 1e6) / 44_100))
    assert.equal(reader.metadata['encoder'], 'LAME3.100')
  })

  it('whose header frame was written for another length is counted', async () => {
    const reader = await open(xingFrame('Xing', 4_000_000, 40_000 * 417), row(41, variable))

    assert.equal(reader.duration, Math.round(41 * FRAME_MICROS))
  })

  it('may have tags around it, and tells what they say', async () => {
    const tag = id3Tag(3, [id3Frame(3, 'TIT2', id3Text(1, 'Title')), new Uint8Array(20_000)])
    const ape = join([
      latin1('x'.repeat(100)),
      latin1('APETAGEX'),
      Uint8Array.of(0xd0, 7, 0, 0, 132, 0, 0, 0),
      new Uint8Array(16),
    ])
    const reader = await open(tag, row(50, mp3Frame), ape, ID3V1)

    const packets = await read(reader)

    assert.equal(reader.format, 'mp3')
    assert.deepEqual(reader.metadata, { title: 'Title' })
    assert.equal(packets.length, 50)
    assert.deepEqual(reader.notes, [])
  })

  it('has a key point each second, from which packets have the same times as from the start', async () => {
    const reader = await open(row(401, variable))

    const points = await reader.keyPoints()

    assert.equal(points.length, 11)
    const all = await read(reader)
    assert.deepEqual(await read(reader, points[6]), all.slice(all.findIndex(({ pts }) => pts === points[6]?.pts)))
    assert.deepEqual((await read(reader, 5_500_000))[0]?.pts, points[5]?.pts)
    assert.deepEqual(await read(reader, Number.POSITIVE_INFINITY), await read(reader, points.at(-1)))
  })

  it('plays over garbage and to a cut end, and notes both', async () => {
    const garbage = Uint8Array.from({ length: 3000 }, (_, at) => (at % 97 === 0 ? 0xff : (at * 7) & 0xff))
    const reader = await open(row(20, mp3Frame), garbage, row(20, mp3Frame), mp3Frame(0).subarray(0, 100))

    const packets = await read(reader)

    assert.equal(packets.length, 40)
    assert.match(reader.notes.join('\n'), /no sound.*at byte 8340/)
    assert.match(reader.notes.join('\n'), /last frame is not whole/)
  })

  it('is not seen in bytes that happen to have its sync word', async () => {
    const bytes = new Uint8Array(9000).fill(0x55)
    bytes.set(mp3Frame(1).subarray(0, 4))

    await assert.rejects(open(bytes), { code: 'ERR_MEDIA_UNKNOWN_FORMAT' })
    await assert.rejects(open(id3Tag(3, []), bytes), { code: 'ERR_SOUND_NO_FRAMES' })
    await assert.rejects(open(id3Tag(3, [])), { code: 'ERR_SOUND_NO_FRAMES' })
  })

  it('X-09: with a tag of a size that lies is played from where its sound is', async () => {
    const reader = await open(id3Tag(4, [], { size: 0x0fff_ffff }), row(30, mp3Frame))

    assert.equal((await read(reader)).length, 30)
    assert.match(reader.notes.join(), /longer than the file/)
  })
})
