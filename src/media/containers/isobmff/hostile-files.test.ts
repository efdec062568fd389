/** Files that lie: each ends in a named error for the file, or plays as far as it goes with a note. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../../errors.ts'
import { type ByteSource, memorySource } from '../../byte-source.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { Packet } from '../../packet.ts'
import type { Track } from '../../track.ts'
import { writeBox } from './box.ts'
import { MovieReader } from './movie-reader.ts'
import { FragmentMuxer } from './muxer.ts'
import { AUDIO, audioPackets, progressiveFile, VIDEO, videoPackets } from './vectors.ts'

const PACKETS = [...videoPackets(60), ...audioPackets(90)].sort((a, b) => a.dts - b.dts)
const FILE = progressiveFile(PACKETS)
const MAX_U32 = 0xffff_ffff

async function readAll(reader: MovieReader): Promise<Packet[]> {
  const packets: Packet[] = []
  for await (const packet of reader.packets(Number.NEGATIVE_INFINITY)) packets.push(packet)
  return packets
}

const openFile = (bytes: Uint8Array) => MovieReader.open(memorySource(bytes))

function words(...values: number[]): Uint8Array {
  const writer = new ByteWriter()
  for (const value of values) writer.u32(value >>> 0)
  return writer.toBytes()
}

/** Where the header of the first box of this type begins. */
function placeOf(bytes: Uint8Array, type: string): number {
  const at = Buffer.from(bytes).indexOf(type, 0, 'latin1') - 4
  assert.ok(at >= 0, type)
  return at
}

/** The file with another size in the header of a box. */
function resized(type: string, size: number, file = FILE): Uint8Array {
  const bytes = file.slice()
  new DataView(bytes.buffer).setUint32(placeOf(bytes, type), size)
  return bytes
}

function boxes(count: number, type: string, content: number): Uint8Array {
  const writer = new ByteWriter(count * (content + 8))
  for (let i = 0; i < count; i++) writeBox(writer, type, () => writer.zeros(content))
  return writer.toBytes()
}

function join(...pieces: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces))
}

function fragmented(packets: readonly Packet[], tracks: readonly Track[] = [VIDEO, AUDIO]): Uint8Array {
  const muxer = new FragmentMuxer(tracks)
  for (const packet of packets) muxer.write(packet)
  muxer.end()
  const writer = new ByteWriter()
  for (let piece = muxer.read(); piece !== undefined; piece = muxer.read()) writer.bytes(piece)
  return writer.toBytes()
}

describe('X-06: MP4 files that lie', () => {
  const sizes: Record<string, [string, Uint8Array]> = {
    'size 0 of a box in a box': ['ERR_MP4_BOX_SIZE', resized('trak', 0)],
    'size 1 without room for a large size': ['ERR_MP4_NO_MOOV', Uint8Array.of(0, 0, 0, 1, 0x6d, 0x6f, 0x6f, 0x76)],
    'size 2 of a box': ['ERR_MP4_BOX_SIZE', resized('mdia', 2)],
    'size 2^63': ['ERR_MP4_NO_MOOV', join(words(1), Buffer.from('moov'), words(0x8000_0000, 0), FILE)],
    'a child that is larger than its parent': ['ERR_MP4_BOX_SIZE', resized('stbl', 0x0fff_ffff)],
    'a table that is larger than its parent': ['ERR_MP4_BOX_SIZE', resized('stsz', 0x00ff_ffff)],
    'moov that is larger than the file': ['ERR_MP4_NO_MOOV', resized('moov', 0x7fff_ffff)],
    'moov of 1 GB': ['ERR_MP4_BOX_TOO_LARGE', join(words(0x4000_0000), Buffer.from('moov'))],
    'stsz of 2^32 samples': [
      'ERR_MP4_ENTRY_COUNT',
      progressiveFile(audioPackets(12), { tables: { stsz: words(0, MAX_U32) } }),
    ],
    'stsc that goes in a circle': [
      'ERR_MP4_CHUNK_RUN',
      progressiveFile(audioPackets(12), { tables: { stsc: words(3, 1, 5, 1, 2, 5, 1, 1, 5, 1) } }),
    ],
    'an edit list of 2^32 edits': ['ERR_MP4_ENTRY_COUNT', withEdits(words(MAX_U32, 0, 0, 0x1_0000))],
    'a flood of uuid boxes before moov': ['ERR_MP4_NO_MOOV', join(boxes(70_000, 'uuid', 16), FILE)],
    'a flood of uuid boxes in moov': [
      'ERR_MP4_TOO_MANY_BOXES',
      join(words(8 + 5000 * 24), Buffer.from('moov'), boxes(5000, 'uuid', 16)),
    ],
    'no moov at all': ['ERR_MP4_NO_MOOV', FILE.subarray(0, placeOf(FILE, 'moov'))],
    'a recording that was not finished': [
      'ERR_MP4_NO_MOOV',
      progressiveFile(PACKETS, { moovAtEnd: true }).subarray(0, 20_000),
    ],
  }
  for (const [name, [code, bytes]] of Object.entries(sizes)) {
    it(`X-06: ${name} is refused: ${code}`, async () => {
      // The size of the source is believed; what it would hold is not looked at.
      const size = name === 'moov of 1 GB' ? 2 ** 31 : bytes.byteLength
      const read = (at: number, length: number) => {
        const piece = new Uint8Array(Math.min(length, size - at))
        piece.set(bytes.subarray(at, at + length))
        return Promise.resolve(piece)
      }
      const source: ByteSource = { size, read }

      await assert.rejects(MovieReader.open(source), (error) => error instanceof FormatError && error.code === code)
    })
  }

  it('X-06: ctts, stts and stsc of runs without samples end, and the others count', async () => {
    const empty = new Uint8Array(8 * 100_000)
    const tables = {
      stts: join(words(100_001), empty, words(MAX_U32, 1024)),
      ctts: join(words(100_001), empty, words(MAX_U32, 0)),
    }

    const read = await readAll(await openFile(progressiveFile(audioPackets(12), { tables })))

    assert.equal(read.length, 12)
    assert.equal(read[3]?.dts, 64_000)
  })

  it('X-06: 2^32 samples of one byte are as many as the file has bytes', async () => {
    const tables = {
      stsz: words(1, MAX_U32),
      stts: words(1, MAX_U32, 1024),
      ctts: words(0),
      stsc: words(1, 1, MAX_U32, 1),
      stco: words(1, 0),
    }
    const file = progressiveFile(audioPackets(12), { tables })

    const reader = await openFile(file)

    assert.equal((await readAll(reader)).length, file.byteLength)
    assert.equal((await reader.samples?.(101, 0, 1_000_000))?.length, Math.ceil(48_000 / 1024))
    const whole = (await openFile(file.slice(0, -100))).sampleSums?.(101, [0, 1_000_000])
    assert.deepEqual(whole?.[0]?.bytes, Math.ceil(48_000 / 1024))
  })

  it('X-06: times of centuries are cut off', async () => {
    const tables = { stts: words(2, 5, 1024, 7, 0x7fff_ffff) }
    const file = progressiveFile(audioPackets(12), { tables })
    const slow = file.slice()
    // One tick a second.
    new DataView(slow.buffer).setUint32(placeOf(slow, 'mdhd') + 20, 1)

    for (const bytes of [file, slow]) {
      for (const { dts, pts } of await readAll(await openFile(bytes))) {
        assert.ok(Number.isSafeInteger(dts) && Number.isSafeInteger(pts))
      }
    }
  })

  it('X-06: chunks beyond the file are passed over, the others play, with a note', async () => {
    const file = progressiveFile(PACKETS, { wide: true })
    const bytes = file.slice()
    // The second chunk of the first track: 2^62.
    const at = placeOf(bytes, 'co64') + 16 + 8
    new DataView(bytes.buffer).setUint32(at, 0x4000_0000)

    const reader = await openFile(bytes)
    const read = await readAll(reader)

    assert.equal(read.length, PACKETS.length - 5)
    assert.match(reader.notes.join(), /Not all of the samples/)
    assert.ok(reader.duration > 1_900_000)
    assert.equal((await reader.samples?.(1, 0, 1_000_000))?.length, 25)
    assert.equal(reader.sampleSums?.(1, [0, 1_000_000]), undefined)
    assert.ok(reader.sampleSums?.(101, [0, 1_000_000]))
  })

  it('X-06: key samples that are told in no order are weighed where they are', async () => {
    const file = progressiveFile(PACKETS, { tables: { stss: words(4, 1, MAX_U32, 7, 3) } })

    const sums = (await openFile(file)).sampleSums?.(1, [0, 500_000, 1_000_000])

    assert.equal(sums?.length, 2)
    for (const { bytes, keyBytes } of sums ?? []) assert.ok(keyBytes <= bytes)
  })

  it('X-06: samples that lie over one another are read as the tables say', async () => {
    const tables = { stco: words(3, 100, 100, 100) }

    const file = progressiveFile(audioPackets(12), { tables })

    const read = await readAll(await openFile(file))

    assert.equal(read.length, 12)
    for (const index of [0, 5, 10]) {
      const { data } = read[index]!
      assert.deepEqual(data.slice(), file.slice(100, 100 + data.byteLength))
    }
  })

  it('X-06: an edit list that moves the track by ages is none', async () => {
    const file = withEdits(words(2, MAX_U32, -1, 0x1_0000, MAX_U32, 0x7fff_ffff, 0x1_0000))
    const bytes = file.slice()
    new DataView(bytes.buffer).setUint32(placeOf(bytes, 'mvhd') + 20, 1)

    const reader = await openFile(bytes)

    const read = await readAll(reader)
    assert.equal(read.length, PACKETS.length)
    assert.ok(Math.abs(read[0]?.dts ?? 1) < 1_000_000)
  })

  it('X-06: of two moov the first counts', async () => {
    const other = progressiveFile(audioPackets(12))
    const moov = other.subarray(placeOf(other, 'moov'), placeOf(other, 'mdat'))

    const reader = await openFile(join(FILE, moov))

    assert.equal(reader.tracks.length, 2)
    assert.equal((await readAll(reader)).length, PACKETS.length)
  })

  for (const [name, make] of [
    ['progressive', (packets: readonly Packet[]) => progressiveFile(packets)],
    ['fragmented', (packets: readonly Packet[]) => fragmented(packets)],
  ] as const) {
    it(`X-06: a ${name} file that was cut short plays to its last whole sample, and its duration is that`, async () => {
      const whole = make(PACKETS)
      for (const part of [0.4, 0.7, 0.9]) {
        const bytes = whole.subarray(0, Math.floor(whole.byteLength * part))
        const reader = await openFile(bytes)
        const read = await readAll(reader)
        const end = Math.max(...read.map(({ pts }) => pts))
        assert.ok(read.length > 10 && read.length < PACKETS.length, `${read.length}`)
        assert.ok(reader.duration > end && reader.duration <= end + 150_000, `${reader.duration} ${end}`)
        if (name === 'progressive') assert.match(reader.notes.join(), /cut off/)
        for (const { pts } of await reader.keyPoints()) assert.ok(pts <= end)
      }
    })
  }

  it('X-06: fragments with times that no clock has are refused, and what was before them plays', async () => {
    const bytes = fragmented(PACKETS).slice()
    const last = Buffer.from(bytes).lastIndexOf('tfdt') + 8
    new DataView(bytes.buffer).setUint32(last, 0x001f_ffff)

    const reader = await openFile(bytes)
    const read = await readAll(reader)

    assert.ok(read.length > 20 && read.length < PACKETS.length, `${read.length}`)
    assert.match(reader.notes.join(), /ERR_MP4_TIME|285 years/)
  })
})

/** The file with an edit list in its first track: what stands behind version and flags. */
function withEdits(content: Uint8Array): Uint8Array {
  const writer = new ByteWriter()
  writeBox(writer, 'edts', () => writeBox(writer, 'elst', () => writer.u32(0).bytes(content)))
  const edts = writer.toBytes()
  const at = placeOf(FILE, 'mdia')
  const bytes = join(FILE.subarray(0, at), edts, FILE.subarray(at))
  const view = new DataView(bytes.buffer)
  for (const type of ['moov', 'trak'])
    view.setUint32(placeOf(bytes, type), view.getUint32(placeOf(bytes, type)) + edts.byteLength)
  // Chunks lie further back: the tables are those of both tracks.
  for (let stco = Buffer.from(bytes).indexOf('stco'); stco >= 0; stco = Buffer.from(bytes).indexOf('stco', stco + 1)) {
    const count = view.getUint32(stco + 8)
    for (let i = 0; i < count; i++)
      view.setUint32(stco + 12 + 4 * i, view.getUint32(stco + 12 + 4 * i) + edts.byteLength)
  }
  return bytes
}
