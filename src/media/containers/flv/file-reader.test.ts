/** FLV files read as media, with and without an index, whole and broken. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { writeAmf0 } from '../../amf/amf0.ts'
import { AmfEcmaArray, type AmfValue, newAmfObject } from '../../amf/value.ts'
import { memorySource } from '../../byte-source.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { formatOf, openReader } from '../../open-reader.ts'
import type { Packet } from '../../packet.ts'
import type { KeyPoint, MediaReader } from '../../reader.ts'
import { FlvDemuxer } from './demuxer.ts'
import { FlvFileReader } from './file-reader.ts'
import { readTagHeader, TAG_HEADER_SIZE, TAG_TRAILER_SIZE, writeFlvHeader, writeTag } from './tag.ts'
import { multitrackFile, plainFile } from './vectors.ts'

const PLAIN = new Uint8Array(Buffer.from(plainFile, 'base64'))
const MULTITRACK = new Uint8Array(Buffer.from(multitrackFile, 'base64'))
const NO_DATA = new Uint8Array(0)

async function readAll(
  reader: MediaReader,
  from: number | KeyPoint = 0,
  tracks?: readonly number[],
): Promise<Packet[]> {
  const packets: Packet[] = []
  for await (const packet of reader.packets(from, tracks && { tracks })) packets.push(packet)
  return packets
}

/** By the reader of streams. */
function demux(bytes: Uint8Array): Packet[] {
  const demuxer = new FlvDemuxer()
  demuxer.write(bytes)
  demuxer.end()
  const packets: Packet[] = []
  for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) {
    if (result.type === 'packet') packets.push(result.packet)
  }
  return packets
}

const plain = ({ track, data, pts, dts, key }: Packet) => ({
  id: track.id,
  data: Buffer.from(data).toString('hex'),
  pts,
  dts,
  key,
})

/** Bodies of the first configuration of each kind in a file, and of a picture and a sound. */
function bodiesOf(bytes: Uint8Array): Uint8Array[] {
  const bodies: Uint8Array[] = []
  for (let at = 13; at < bytes.byteLength; ) {
    const { size } = readTagHeader(bytes.subarray(at), at)
    bodies.push(bytes.subarray(at + TAG_HEADER_SIZE, at + TAG_HEADER_SIZE + size))
    at += TAG_HEADER_SIZE + size + TAG_TRAILER_SIZE
  }
  return bodies
}

const [AVC_CONFIG, AAC_CONFIG, KEY_PICTURE, SOUND, PICTURE] = bodiesOf(PLAIN) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
]
const START_MS = 7_000_000

/** 60 seconds: a key picture every 2 s, the others each 40 ms, sound each 20 ms; times begin at `startMs`. */
function longFile({ startMs = 0, index }: { startMs?: number; index?: (position: number) => number } = {}): Uint8Array {
  const build = (keyframes: { times: number[]; filepositions: number[] } | undefined) => {
    const writer = new ByteWriter(1 << 16)
    const found = { times: [] as number[], filepositions: [] as number[] }
    writeFlvHeader(writer, { hasAudio: true, hasVideo: true })
    if (keyframes !== undefined) {
      const metadata = new ByteWriter(1 << 12)
      const values = Object.assign(newAmfObject(), {
        title: 'Long',
        keyframes: Object.assign(newAmfObject(), keyframes),
      })
      for (const value of ['onMetaData', new AmfEcmaArray(values)] as AmfValue[]) writeAmf0(metadata, value)
      writeTag(writer, 'data', 0, metadata.toBytes(), NO_DATA)
    }
    writeTag(writer, 'video', startMs, AVC_CONFIG, NO_DATA)
    writeTag(writer, 'audio', startMs, AAC_CONFIG, NO_DATA)
    for (let ms = 0; ms < 60_000; ms += 20) {
      if (ms % 40 === 0) {
        const key = ms % 2000 === 0
        if (key) {
          found.times.push((startMs + ms) / 1000)
          found.filepositions.push(writer.length)
        }
        writeTag(writer, 'video', startMs + ms, key ? KEY_PICTURE : PICTURE, NO_DATA)
      }
      writeTag(writer, 'audio', startMs + ms, SOUND, NO_DATA)
    }
    return { bytes: writer.toBytes(), found }
  }
  const { found } = build(undefined)
  if (index === undefined) return build(undefined).bytes
  // Positions have the same size whatever they are: numbers of eight bytes.
  const { found: moved } = build(found)
  return build({ times: moved.times, filepositions: moved.filepositions.map(index) }).bytes
}

describe('FLV files as media', () => {
  for (const [name, bytes] of [
    ['plain', PLAIN],
    ['multitrack', MULTITRACK],
  ] as const) {
    it(`${name}: all of it, as the reader of streams has it`, async () => {
      const reader = await openReader(memorySource(bytes))

      assert.equal(reader.format, 'flv')
      const read = await readAll(reader)
      assert.deepEqual(read.map(plain), demux(bytes).map(plain))
      assert.ok(read.every(({ track }) => reader.tracks.includes(track)))
      const end = Math.max(...read.map(({ pts }) => pts))
      assert.ok(reader.duration >= end && reader.duration <= end + 60_000, `${reader.duration} ${end}`)
    })
  }

  for (const [name, file] of [
    ['without an index', longFile()],
    ['with an index', longFile({ index: (position) => position })],
    ['with an index that lies', longFile({ index: (position) => position + 1 })],
    ['with times that begin late', longFile({ startMs: START_MS })],
    ['with times that begin late, and an index', longFile({ startMs: START_MS, index: (position) => position })],
  ] as const) {
    it(`finds all key points ${name}, and starts there`, async () => {
      const reader = await FlvFileReader.open(memorySource(file))

      const points = await reader.keyPoints()

      assert.deepEqual(
        points.map(({ dts }) => dts),
        Array.from({ length: 30 }, (_, i) => i * 2_000_000),
      )
      assert.ok(Math.abs(reader.duration - 60_080_000) <= 80_000, `${reader.duration}`)
      for (const from of [points[7]!, points[7]!.pts, 15_000_000]) {
        const read = await readAll(reader, from)
        assert.deepEqual(
          [read[0]?.dts, read[0]?.key, read[0]?.track.kind, read.length],
          [14_000_000, true, 'video', (46_000 / 40) * 3],
        )
      }
      const sound = await readAll(reader, 15_010_000, [101])
      assert.equal(sound[0]?.dts, 15_020_000)
    })
  }

  it('reads a file that was cut off to its last whole tag', async () => {
    const file = longFile()
    const cut = file.subarray(0, file.byteLength - 100_000)

    const reader = await FlvFileReader.open(memorySource(cut))

    assert.deepEqual((await readAll(reader)).map(plain), demux(cut).map(plain))
    assert.ok(reader.duration > 10_000_000 && reader.duration < 60_000_000, `${reader.duration}`)
  })

  it('goes on behind a broken place, with a note', async () => {
    const file = longFile()
    const broken = file.slice()
    broken.fill(0xee, 200_000, 203_000)

    const reader = await FlvFileReader.open(memorySource(broken))
    const read = await readAll(reader)

    const all = demux(file).length
    assert.ok(read.length > all - 60 && read.length < all, `${read.length} of ${all}`)
    assert.match(reader.notes.join(), /broken/)
    assert.equal(read.at(-1)?.dts, 59_980_000)
  })

  it('tells of codecs that are not carried', async () => {
    const writer = new ByteWriter(100)
    writeFlvHeader(writer, { hasAudio: true, hasVideo: true })
    for (let i = 0; i < 3; i++) {
      writeTag(writer, 'video', i * 40, Uint8Array.of(0x12, 1, 2, 3), NO_DATA)
      writeTag(writer, 'audio', i * 40, Uint8Array.of(0xb2, 1, 2, 3), NO_DATA)
    }

    const reader = await FlvFileReader.open(memorySource(writer.toBytes()))

    assert.deepEqual(reader.tracks, [])
    assert.deepEqual(reader.foreign, [
      { kind: 'video', codec: 'Sorenson H.263' },
      { kind: 'audio', codec: 'Speex' },
    ])
    assert.deepEqual([await reader.keyPoints(), await readAll(reader)], [[], []])
  })

  it('refuses a file without sound and picture', async () => {
    assert.equal(formatOf(PLAIN), 'flv')
    await assert.rejects(FlvFileReader.open(memorySource(PLAIN.subarray(0, 13))), { code: 'ERR_FLV_EMPTY' })
  })
})
