/** Fuzz targets of the readers of sound without container. */
import type { AsyncFuzzTarget } from '../../../fuzz-target.ts'
import { type ByteSource, memorySource } from '../../byte-source.ts'
import { Notes } from '../../notes.ts'
import type { MediaReader } from '../../reader.ts'
import { openAdtsReader } from '../adts/reader.ts'
import { openMp3Reader } from '../mp3/reader.ts'
import { readId3Tags } from './id3v2.ts'
import { adtsSound, id3Frame, id3Tag, id3Text, join, latin1, mp3Frame, row, vbriFrame, xingFrame } from './vectors.ts'

const PICTURE = join([Uint8Array.of(0), latin1('image/png'), Uint8Array.of(0, 3, 0), latin1('picture')])
const TAG = id3Tag(4, [id3Frame(4, 'TIT2', id3Text(3, 'title')), id3Frame(4, 'APIC', PICTURE)])
/** Packets that a file of a few kilobytes may give. */
const MAX_PACKETS = 10_000

export const fuzzTargets: readonly AsyncFuzzTarget[] = [
  {
    name: 'mp3/reader',
    seeds: () => [
      join([TAG, xingFrame('Info', 5, 2500, [576, 1000]), row(5, mp3Frame)]),
      join([vbriFrame(5, 2500), row(5, mp3Frame), latin1('TAG'), new Uint8Array(125)]),
    ],
    run: (input) => readThrough(openMp3Reader, input),
  },
  {
    name: 'adts/reader',
    seeds: () => [row(6, (at) => adtsSound(at, 20 + at)), join([TAG, row(4, (at) => adtsSound(at, 20))])],
    run: (input) => readThrough(openAdtsReader, input),
  },
  {
    name: 'bare-sound/id3',
    seeds: () => [
      TAG,
      id3Tag(2, [id3Frame(2, 'TT2', id3Text(1, 'title')), id3Frame(2, 'PIC', join([latin1('\0JPG\x03\0'), PICTURE]))]),
      id3Tag(3, [id3Frame(3, 'TPE1', id3Text(2, 'artist')), id3Frame(3, 'APIC', PICTURE)], { flags: 0x80 }),
    ],
    async run(input) {
      await readId3Tags(memorySource(input), new Notes())
    },
  },
]

async function readThrough(open: (source: ByteSource) => Promise<MediaReader>, input: Uint8Array): Promise<void> {
  const reader = await open(memorySource(input))
  const points = await reader.keyPoints()
  for (const from of [0, points.at(-1) ?? 0]) {
    let count = 0
    for await (const { pts } of reader.packets(from)) {
      if (!Number.isSafeInteger(pts) || ++count > MAX_PACKETS) throw new Error(`packet ${count} at ${pts}`)
    }
  }
}
