/** Fuzz targets of the transport stream readers. */
import type { AsyncFuzzTarget, FuzzTarget } from '../../../fuzz-target.ts'
import { memorySource } from '../../byte-source.ts'
import { hex } from '../../codecs/vectors.ts'
import { TsDemuxer } from './demuxer.ts'
import { openElementaryStream } from './elementary/open.ts'
import { readPesHeader } from './pes.ts'
import { readProgramMap } from './program-map.ts'
import { TsReader } from './reader.ts'
import { SectionAssembler } from './section.ts'
import { describeStream, type StreamFormat } from './stream-type.ts'
import { adtsFrame, concat, pesPacket, picture, section, testStream } from './vectors.ts'

const TIMES = { pts: 0, dts: 0, randomAccess: true, jumped: false }
/** Packets that the reader may give from a file of a few kilobytes. */
const MAX_PACKETS = 10_000

export const fuzzTargets: readonly (FuzzTarget | AsyncFuzzTarget)[] = [
  {
    name: 'mpegts/demuxer',
    seeds: () => [testStream(3).bytes, concat(testStream(2).packets.flatMap((packet) => [new Uint8Array(4), packet]))],
    run(input) {
      const demuxer = new TsDemuxer()
      demuxer.write(input)
      demuxer.end()
      while (demuxer.read() !== undefined) continue
    },
  },
  {
    name: 'mpegts/reader',
    seeds: () => [testStream(2).bytes, concat([testStream(1, 5_000_000).bytes, testStream(2).bytes])],
    async run(input) {
      const reader = await TsReader.open(memorySource(input))
      const points = await reader.keyPoints()
      for (const from of [0, points.at(-1) ?? reader.duration / 2]) {
        let count = 0
        for await (const { pts } of reader.packets(from)) {
          if (!Number.isSafeInteger(pts) || ++count > MAX_PACKETS) throw new Error(`packet ${count} at ${pts}`)
        }
      }
    },
  },
  {
    name: 'mpegts/section',
    seeds: () => [concat([Uint8Array.of(0), section(2, 1, 0, [0xe1, 1, 0xf0, 0, 0x1b, 0xe1, 1, 0xf0, 0])])],
    run(input) {
      const assembler = new SectionAssembler()
      for (let at = 0; at < input.byteLength; at += 184) assembler.write(input.subarray(at, at + 184), at % 368 === 0)
    },
  },
  {
    // Behind the checksum, which mutated sections do not pass.
    name: 'mpegts/program-map',
    seeds: () => [
      hex('e101f000 1be101f000 0fe102f006 0a0464657500 06e103f00a 05044f707573 7f028002 06e104f005 6a0100'),
    ],
    run(body) {
      const map = readProgramMap({ tableId: 2, identifier: 1, version: 0, current: true, number: 0, body })
      for (const entry of map.streams) describeStream(entry, map)
    },
  },
  {
    name: 'mpegts/pes-header',
    seeds: () => [pesPacket({ pts: 90_000, dts: 86_400, payload: Uint8Array.of(1, 2, 3) })],
    run(input) {
      readPesHeader(input)
    },
  },
  elementary('h264', () => concat([picture(true, 1, 40), picture(false, 2, 40)])),
  elementary('h265', () => hex('0000000140010c01 0000000126 01af01 000000010201d0')),
  elementary('aac', () => concat([adtsFrame(1, 10), adtsFrame(2, 12), adtsFrame(3, 10)])),
  elementary('mpeg-audio', () => concat([hex('fffb1404'), new Uint8Array(92), hex('fffb1404'), new Uint8Array(92)])),
  elementary('ac3', () => concat([hex('0b770000004040e1'), new Uint8Array(120), hex('0b770000004040e1')])),
  elementary('opus', () => hex('7ff0 03 0138 fc0102  7fe0 02 fc03')),
]

/** The payload in two PES packets, cut at the place that its first byte says. */
function elementary(format: StreamFormat, seed: () => Uint8Array): FuzzTarget {
  return {
    name: `mpegts/${format}`,
    seeds: () => [concat([Uint8Array.of(0), seed()]), concat([Uint8Array.of(30), seed()])],
    run(input) {
      const stream = openElementaryStream({ kind: 'audio', codec: format, format, timed: true }, 1)
      const [cut = 0] = input
      for (const part of [input.subarray(1, 1 + cut), input.subarray(1 + cut)]) {
        stream?.beginsUnit(part)
        stream?.write(part, TIMES, part.byteLength % 2 === 0)
      }
    },
  }
}
