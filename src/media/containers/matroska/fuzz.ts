/** What the fuzzing harness runs of this folder. */
import { assert, FormatError } from '../../../errors.ts'
import type { AsyncFuzzTarget, FuzzTarget } from '../../../fuzz-target.ts'
import { memorySource } from '../../byte-source.ts'
import { framesOf, readBlockHead } from './block.ts'
import { ID } from './element-id.ts'
import { MatroskaReader } from './matroska-reader.ts'
import {
  block,
  completeFile,
  ebmlHeader,
  element,
  info,
  join,
  OPUS_FRAME,
  segment,
  VP8_TRACK,
  vp8Clusters,
} from './vectors.ts'

/** No input is as long that more could be in it, unless frames are given again and again. */
const MAX_PACKETS = 100_000

const laced = (flags: number, ...head: readonly number[]) =>
  block(2, 20, flags, join([Uint8Array.from(head), OPUS_FRAME, OPUS_FRAME, OPUS_FRAME]))

export const fuzzTargets: readonly (FuzzTarget | AsyncFuzzTarget)[] = [
  {
    name: 'matroska/block',
    seeds: () => [laced(0x02, 2, 4, 4), laced(0x06, 2, 0x84, 0xbf), laced(0x04, 2), laced(0)],
    run: (input) => {
      const head = readBlockHead(input)
      if (head !== undefined) framesOf(input.subarray(head.headBytes), head.lacing)
    },
  },
  {
    name: 'matroska/reader',
    seeds: () => [
      completeFile(),
      join([
        ebmlHeader('webm'),
        segment([info(), element(ID.TRACKS, [VP8_TRACK]), ...vp8Clusters(1, 'unknown')], 'unknown'),
      ]),
    ],
    run: async (input) => {
      const reader = await MatroskaReader.open(memorySource(input))
      const points = await reader.keyPoints()
      const last = new Map<number, number>()
      let count = 0
      for await (const { track, dts } of reader.packets(0)) {
        assert(Number.isFinite(dts), 'a packet has a decode time')
        if (++count === MAX_PACKETS) throw new FormatError('ERR_MATROSKA_ELEMENT', 'expected fewer packets')
        last.set(track.id, dts)
      }
      for (const from of [500_000, ...points.slice(-1)])
        for await (const packet of reader.packets(from)) last.delete(packet.track.id)
    },
  },
]
