/** What the fuzzing harness runs of this folder. */
import { assert } from '../../../errors.ts'
import type { AsyncFuzzTarget, FuzzTarget } from '../../../fuzz-target.ts'
import { memorySource } from '../../byte-source.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { MAX_SAMPLE_PLACES } from '../../reader.ts'
import { type Box, childBoxes, topLevelBoxes } from './box.ts'
import { FragmentDemuxer } from './demuxer.ts'
import { writeInitSegment } from './init-segment.ts'
import { readInitSegment } from './movie.ts'
import { MovieReader } from './movie-reader.ts'
import { FragmentMuxer } from './muxer.ts'
import { SampleCursor } from './sample-cursor.ts'
import { SampleTable } from './sample-table.ts'
import { AUDIO, audioPackets, progressiveFile, TRACKS, VIDEO, videoPackets } from './vectors.ts'

/** Tables may announce more samples than a run should walk. */
const MAX_SAMPLES = 2000

const packets = [...videoPackets(12), ...audioPackets(12)].sort((a, b) => a.dts - b.dts)

export const fuzzTargets: readonly (FuzzTarget | AsyncFuzzTarget)[] = [
  {
    name: 'isobmff/box',
    seeds: () => [writeInitSegment([VIDEO, AUDIO]), progressiveFile(packets)],
    run: (input) => {
      for (const box of topLevelBoxes(input)) walk(box)
    },
  },
  {
    name: 'isobmff/init-segment',
    seeds: () => TRACKS.map((track) => writeInitSegment([track])),
    run: (input) => {
      readInitSegment(input)
    },
  },
  {
    name: 'isobmff/sample-table',
    seeds: () => [progressiveFile(packets), progressiveFile(packets, { moovAtEnd: true, wide: true })],
    run: (input) => {
      for (const movieTrack of readInitSegment(input).tracks) {
        const table = new SampleTable(movieTrack, input.byteLength)
        const cursor = new SampleCursor(table, input.byteLength)
        for (let i = 0; i < MAX_SAMPLES && cursor.next() !== undefined; i++);
        new SampleCursor(table, input.byteLength, table.keyAt(table.lastUpTo(100_000))).next()
      }
    },
  },
  {
    name: 'isobmff/movie-reader',
    seeds: () => [
      progressiveFile(packets),
      progressiveFile(packets, { moovAtEnd: true, wide: true }),
      fragmentedFile(),
    ],
    async run(input) {
      const reader = await MovieReader.open(memorySource(input))
      const points = await reader.keyPoints()
      for (const from of [Number.NEGATIVE_INFINITY, 200_000, ...points.slice(0, 1)]) {
        let count = 0
        for await (const { data, dts, pts } of reader.packets(from)) {
          assert(Number.isSafeInteger(dts) && Number.isSafeInteger(pts), 'times are whole')
          assert(data.byteLength <= input.byteLength * 2, 'packets come from the file')
          if (++count >= MAX_SAMPLES) break
        }
      }
      for (const { id } of reader.tracks) {
        const places = (await reader.samples?.(id, 0, 300_000)) ?? []
        for (const { offset, size } of places) {
          assert(offset >= 0 && offset + size <= input.byteLength, 'samples lie in the file')
        }
        const [sum] = reader.sampleSums?.(id, [0, 300_000]) ?? []
        if (sum === undefined || places.length >= MAX_SAMPLE_PLACES) continue
        assert(sum.samples === places.length, 'sums count what is there')
        assert(sum.bytes === places.reduce((bytes, { size }) => bytes + size, 0), 'sums weigh what is there')
      }
    },
  },
  {
    name: 'isobmff/fragment-demuxer',
    seeds: () => [fragmentedFile()],
    run: (input) => {
      const demuxer = new FragmentDemuxer()
      demuxer.write(input)
      demuxer.end()
      while (demuxer.read() !== undefined);
    },
  },
]

function walk(parent: Box): void {
  if (
    !['moov', 'trak', 'mdia', 'minf', 'stbl', 'edts', 'moof', 'traf', 'mvex', 'dinf', 'udta', 'meta'].includes(
      parent.type,
    )
  )
    return
  for (const box of childBoxes(parent)) walk(box)
}

function fragmentedFile(): Uint8Array {
  const muxer = new FragmentMuxer([VIDEO, AUDIO])
  for (const packet of packets) muxer.write(packet)
  muxer.end()
  const writer = new ByteWriter()
  for (let piece = muxer.read(); piece !== undefined; piece = muxer.read()) writer.bytes(piece)
  return writer.toBytes()
}
