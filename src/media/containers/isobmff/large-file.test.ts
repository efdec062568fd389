/** An hour of 50 pictures a second in 1 GB: how little of it is read. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { ByteSource } from '../../byte-source.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { type Box, childBoxes, topLevelBoxes, writeBox, writeFullBox } from './box.ts'
import { writeInitSegment } from './init-segment.ts'
import { MovieReader } from './movie-reader.ts'
import { AUDIO, VIDEO } from './vectors.ts'

const SECONDS = 3600
const CHUNKS = 2 * SECONDS
const PICTURES_PER_CHUNK = 25
const PICTURE_BYTES = 5500
/** Half a second of sound has 23 frames of 1024 samples, or 24. */
const FRAMES = Math.floor((SECONDS * 48_000) / 1024)
const FRAME_BYTES = 350
const framesOf = (chunk: number) => Math.floor(((chunk + 1) * FRAMES) / CHUNKS) - Math.floor((chunk * FRAMES) / CHUNKS)
const EMPTY_TABLES: ReadonlySet<string> = new Set(['stts', 'stsc', 'stco', 'stsz'])

/** `moov` of the file, whose chunks begin at `start`. */
function movieBox(start: number): Uint8Array {
  const writer = new ByteWriter(1 << 22)
  const moov = [...topLevelBoxes(writeInitSegment([VIDEO, AUDIO]))].find(({ type }) => type === 'moov')!
  const tables = [writePictureTables, writeSoundTables]
  const copy = (box: Box): void => {
    if (box.type === 'mvex') return
    writeBox(writer, box.type, () => {
      if (!['moov', 'trak', 'mdia', 'minf', 'stbl'].includes(box.type)) {
        writer.bytes(box.body.bytes)
        return
      }
      for (const child of childBoxes({ ...box, body: new ByteReader(box.body.bytes) })) {
        if (!EMPTY_TABLES.has(child.type)) copy(child)
      }
      if (box.type === 'stbl') tables.shift()?.(writer, start)
    })
  }
  copy(moov)
  return writer.toBytes()
}

function table(writer: ByteWriter, type: string, values: Iterable<number>): void {
  writeFullBox(writer, type, { version: 0, flags: 0 }, () => {
    for (const value of values) writer.u32(value)
  })
}

function* chunkOffsets(start: number, behindPictures: boolean): Generator<number> {
  yield CHUNKS
  const pictures = PICTURES_PER_CHUNK * PICTURE_BYTES
  for (let chunk = 0, at = start; chunk < CHUNKS; chunk++) {
    yield behindPictures ? at + pictures : at
    at += pictures + framesOf(chunk) * FRAME_BYTES
  }
}

function writePictureTables(writer: ByteWriter, start: number): void {
  const count = CHUNKS * PICTURES_PER_CHUNK
  table(writer, 'stts', [1, count, 1800])
  table(writer, 'ctts', [
    count,
    ...Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? 1 : [3600, 7200, 3600, 0][(i >> 1) % 4]!)),
  ])
  table(writer, 'stss', [count / 100, ...Array.from({ length: count / 100 }, (_, i) => 100 * i + 1)])
  table(writer, 'stsc', [1, 1, PICTURES_PER_CHUNK, 1])
  table(writer, 'stsz', [0, count, ...Array.from({ length: count }, () => PICTURE_BYTES)])
  table(writer, 'stco', chunkOffsets(start, false))
}

function writeSoundTables(writer: ByteWriter, start: number): void {
  table(writer, 'stts', [1, FRAMES, 1024])
  table(writer, 'stsc', [CHUNKS, ...Array.from({ length: CHUNKS }, (_, i) => [i + 1, framesOf(i), 1]).flat()])
  table(writer, 'stsz', [0, FRAMES, ...Array.from({ length: FRAMES }, () => FRAME_BYTES)])
  table(writer, 'stco', chunkOffsets(start, true))
}

it('an hour of 1 GB opens with its moov; samples, key points and places cost no reads, a packet one', async () => {
  const moov = movieBox(movieBox(0).byteLength)
  let reads = 0
  let bytes = 0
  const source: ByteSource = {
    size: moov.byteLength + CHUNKS * PICTURES_PER_CHUNK * PICTURE_BYTES + FRAMES * FRAME_BYTES,
    read(offset, length) {
      reads++
      bytes += length
      const piece = new Uint8Array(length)
      piece.set(moov.subarray(offset, offset + length))
      return Promise.resolve(piece)
    },
  }

  const reader = await MovieReader.open(source)

  assert.ok(source.size > 1_000_000_000, `${source.size}`)
  assert.ok(reads <= 2 && bytes < 4_000_000, `${reads} reads of ${bytes} bytes`)
  assert.deepEqual([reader.duration, reader.notes], [3_600_040_000, []])
  const readsOfOpening = reads
  const points = await reader.keyPoints()
  assert.deepEqual([points.length, points[900]?.pts], [1800, 1_800_040_000])
  for (const time of [0, 1_799_000_000, 3_599_000_000]) {
    const places = (await reader.samples?.(1, time, time + 1_000_000)) ?? []
    assert.equal(places.length, 50)
    // Half a second to a chunk, and what is before it.
    const chunk = (2 * time) / 1_000_000
    const before = Array.from(
      { length: chunk },
      (_, i) => PICTURES_PER_CHUNK * PICTURE_BYTES + framesOf(i) * FRAME_BYTES,
    )
    assert.equal(places[0]?.offset, moov.byteLength + before.reduce((sum, size) => sum + size, 0))
    assert.equal(places[7]?.offset, (places[0]?.offset ?? 0) + 7 * PICTURE_BYTES)
  }
  assert.equal(reads, readsOfOpening)
  const { value } = await reader.packets(1_900_000_000).next()
  assert.equal(value?.pts, 1_898_040_000)
  assert.equal(reads, readsOfOpening + 1)
})
