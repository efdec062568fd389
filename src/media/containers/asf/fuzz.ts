/** Fuzz targets of the ASF readers. */
import { assert } from '../../../errors.ts'
import type { AsyncFuzzTarget, FuzzTarget } from '../../../fuzz-target.ts'
import { memorySource } from '../../byte-source.ts'
import type { Track } from '../../track.ts'
import { type DataPacket, readDataPacket } from './data-packet.ts'
import { AsfDemuxer, AsfReader } from './demuxer.ts'
import { AsfFileReader } from './file-reader.ts'
import { AsfFileWriter } from './file-writer.ts'
import { buildAsfInit } from './header-builder.ts'
import { headerFuzzTargets } from './header-fuzz-targets.ts'
import { readIndexObject, readSimpleIndex, writeIndexObject, writeSimpleIndex } from './index.ts'
import type { AsfInit } from './model.ts'
import { AsfMuxer } from './muxer.ts'
import { AsfPacketDemuxer } from './packet-demuxer.ts'
import { packetIsKey, packetSendTime } from './packet-info.ts'
import { AsfPacketizer } from './packetizer.ts'
import { withoutPadding, withPadding } from './padding.ts'
import { filterStreams } from './stream-filter.ts'
import { isAsfTrack } from './track-format.ts'

const PACKET_SIZE = 300

const packetSeeds = [
  '820000115d39001027000 02c01 82 810500000000080a000000d0070000040061626364 02090000000008 03000000e4070000 0300787a79',
  '820000085d03 01000000 0200 81 07 00000000 08 04000000 05000000 aabbccdd 000000',
  '820000015d 00000000 0000 81 02 0a e8030000 01 14 0900 02aabb 00 01cc 02ddee 00',
  '415d2000 01000000 0200 81 81 07 00000000 08 04000000 05000000 0400 aabbccdd 0000000000000000',
  '92123400000000',
] as const

export const fuzzTargets: readonly (FuzzTarget | AsyncFuzzTarget)[] = [
  ...headerFuzzTargets,
  {
    name: 'asf/data-packet',
    seeds: () => packetSeeds.map(hex),
    run(input) {
      packetSendTime(input)
      const { payloads } = readDataPacket(input, PACKET_SIZE)
      for (const { data, replicated } of payloads) {
        assert(data.buffer === input.buffer && replicated.buffer === input.buffer, 'payloads are views')
        assert(data.byteOffset - input.byteOffset + data.byteLength <= input.byteLength, 'payloads lie within')
      }
    },
  },
  {
    name: 'asf/padding',
    seeds: () => packetSeeds.map(hex),
    run(input) {
      const wanted = readDataPacket(input, PACKET_SIZE)
      const bare = withoutPadding(input, PACKET_SIZE)
      assertSame(readDataPacket(bare, PACKET_SIZE), wanted, 'without padding')
      const padded = withPadding(bare, PACKET_SIZE)
      assert(padded.byteLength === PACKET_SIZE, 'a padded packet has its size')
      assertSame(readDataPacket(padded, PACKET_SIZE), wanted, 'with padding')
      assertSame(readDataPacket(withPadding(input, PACKET_SIZE), PACKET_SIZE), wanted, 'with padding at once')
    },
  },
  {
    name: 'asf/filter',
    seeds: () => packetSeeds.map(hex),
    run(input) {
      const { sendTimeMs, durationMs, payloads } = readDataPacket(input, PACKET_SIZE)
      const left = filterStreams(input, PACKET_SIZE, new Map([[2, 0]]))
      const wanted = payloads.filter(({ stream }) => stream === 2)
      if (left === undefined) return
      assert(left.byteLength <= Math.max(input.byteLength, PACKET_SIZE), 'a filtered packet fits')
      const packet = readDataPacket(left, PACKET_SIZE)
      assertSame(packet, { ...packet, sendTimeMs, durationMs, payloads: wanted }, 'filtered')
    },
  },
  {
    name: 'asf/packet-demuxer',
    // A length byte before each packet.
    seeds: () => [sized(packetSeeds.map(hex)), sized(samplePackets())],
    run(input) {
      const demuxer = new AsfPacketDemuxer(init())
      for (let at = 0; at < input.byteLength; ) {
        const end = at + 1 + (input[at] as number)
        const packet = input.subarray(at + 1, end)
        packetIsKey(packet, init())
        demuxer.write(packet)
        at = end
      }
      demuxer.end()
      drain(demuxer)
    },
  },
  {
    name: 'asf/reader',
    seeds: () => [join([init().bytes, ...samplePackets().map((packet) => withPadding(packet, PACKET_SIZE))])],
    run(input) {
      const reader = new AsfReader()
      reader.write(input)
      reader.end()
      let writer: AsfFileWriter | undefined
      for (let result = reader.read(); result !== undefined; result = reader.read()) {
        if (result.type === 'init') writer = new AsfFileWriter(result.init)
        else writer?.write(result.packet)
      }
      writer?.finish()
    },
  },
  {
    name: 'asf/demuxer',
    seeds: () => [join([init().bytes, ...samplePackets().map((packet) => withPadding(packet, PACKET_SIZE))])],
    run(input) {
      const demuxer = new AsfDemuxer()
      demuxer.write(input)
      demuxer.end()
      drain(demuxer)
    },
  },
  {
    name: 'asf/file-reader',
    seeds: () => {
      const file = join([init().bytes, ...samplePackets().map((packet) => withPadding(packet, PACKET_SIZE))])
      const index = {
        fileId: new Uint8Array(16),
        intervalMs: 1000,
        maxPacketCount: 2,
        entries: [{ packet: 0, count: 2 }],
      }
      return [file, join([file, writeSimpleIndex(index)])]
    },
    async run(input) {
      const reader = await AsfFileReader.open(memorySource(input))
      await reader.keyPoints()
      for (const from of [0, 50_000]) {
        for await (const { data, dts, pts } of reader.packets(from)) {
          assert(Number.isSafeInteger(dts) && Number.isSafeInteger(pts), 'times are whole')
          assert(data.byteLength <= input.byteLength * 2, 'packets come from the file')
        }
      }
    },
  },
  {
    name: 'asf/simple-index',
    seeds: () => [
      writeSimpleIndex({
        fileId: new Uint8Array(16),
        intervalMs: 1000,
        maxPacketCount: 2,
        entries: [{ packet: 1, count: 2 }],
      }),
    ],
    run(input) {
      const index = readSimpleIndex(input)
      assert(readSimpleIndex(writeSimpleIndex(index)).entries.length === index.entries.length, 'an index is read again')
    },
  },
  {
    name: 'asf/index-object',
    seeds: () => [
      writeIndexObject({
        intervalMs: 1000,
        specifiers: [{ stream: 1, type: 3 }],
        blocks: [{ positions: [0], offsets: [[0], [3200]] }],
      }),
    ],
    run(input) {
      const index = readIndexObject(input)
      assert(readIndexObject(writeIndexObject(index)).blocks.length === index.blocks.length, 'an index is read again')
    },
  },
]

const VIDEO: Track = {
  id: 1,
  kind: 'video',
  codec: 'h264',
  timescale: 1000,
  config: hex('0164000affe100186764000aacd9447b0110000003001000000301e0f122596001000468efbcb0fdf8f800'),
}
const AUDIO: Track = { id: 101, kind: 'audio', codec: 'mp3', timescale: 1000 }

let built: AsfInit | undefined

function init(): AsfInit {
  built ??= buildAsfInit({ tracks: [VIDEO, AUDIO], packetSize: PACKET_SIZE, prerollMs: 1000, broadcast: true })
  return built
}

function samplePackets(): Uint8Array[] {
  const packetizer = new AsfPacketizer(init())
  const frame = new Uint8Array(420)
  frame.set(hex('000001a0658880'))
  packetizer.write({ track: VIDEO, data: frame, pts: 80_000, dts: 0, key: true })
  packetizer.write({ track: AUDIO, data: hex('fffb40c000000000'), pts: 0, dts: 0, key: true })
  packetizer.write({ track: VIDEO, data: hex('00000003419880'), pts: 40_000, dts: 40_000, key: false })
  packetizer.end()
  const packets: Uint8Array[] = []
  for (let packet = packetizer.read(); packet !== undefined; packet = packetizer.read()) packets.push(packet.bytes)
  return packets
}

/** Reads everything and writes it again: what a demuxer lets through, a muxer must be able to write. */
function drain(demuxer: AsfDemuxer | AsfPacketDemuxer): void {
  let muxer: AsfMuxer | undefined
  for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) {
    if (result.type === 'packet') muxer?.write(result.packet)
    else muxer = result.tracks.some(isAsfTrack) ? new AsfMuxer(result.tracks, { packetSize: 1400 }) : undefined
  }
  muxer?.end()
  muxer?.finish()
}

function assertSame(found: DataPacket, wanted: DataPacket, how: string): void {
  const same =
    found.sendTimeMs === wanted.sendTimeMs &&
    found.durationMs === wanted.durationMs &&
    found.payloads.length === wanted.payloads.length &&
    found.payloads.every(({ data, ...facts }, at) => {
      const { data: wantedData, ...wantedFacts } = wanted.payloads[at] ?? { data: new Uint8Array(0) }
      return (
        data.byteLength === wantedData.byteLength &&
        data.every((byte, index) => byte === wantedData[index]) &&
        JSON.stringify(facts) === JSON.stringify(wantedFacts)
      )
    })
  assert(same, `a packet is the same ${how}`)
}

function sized(packets: readonly Uint8Array[]): Uint8Array {
  return join(packets.flatMap((packet) => [Uint8Array.of(Math.min(packet.byteLength, 255)), packet.subarray(0, 255)]))
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(pieces.reduce((size, piece) => size + piece.byteLength, 0))
  let at = 0
  for (const piece of pieces) {
    out.set(piece, at)
    at += piece.byteLength
  }
  return out
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(' ', '').match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
}
