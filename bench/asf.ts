/** ASF on one core: a file made in memory, as a Windows Media encoder at 1.5 Mb/s would, demuxed to packets and muxed again. */
import type { DemuxResult } from '../src/media/container.ts'
import { AsfDemuxer } from '../src/media/containers/asf/demuxer.ts'
import { buildAsfInit } from '../src/media/containers/asf/header-builder.ts'
import { AsfMuxer } from '../src/media/containers/asf/muxer.ts'
import { AsfPacketizer } from '../src/media/containers/asf/packetizer.ts'
import type { Packet } from '../src/media/packet.ts'
import type { Track } from '../src/media/track.ts'
import type { Row } from './support/report.ts'

const PACKET_SIZE = 3200
const MB = 1_000_000
/** As files are read and sockets deliver. */
const PIECE_BYTES = 65_536
const SECONDS = 300
const FRAME_MS = 40
const KEY_EVERY_MS = 4000
const KEY_BYTES = 30_000
const FRAME_BYTES = 6000
const BLOCK_MS = 46
const BLOCK_BYTES = 743
/** Times the file is gone through; the best counts, the others are for the compiler and against noise. */
const ROUNDS = 12
/** Each must reach 500 MB/s. */
const GATE_MS_PER_500_MB = 1000

const VIDEO: Track = {
  id: 1,
  kind: 'video',
  codec: 'wmv2',
  timescale: 1000,
  config: Uint8Array.of(0xc8, 0x6a, 0xb8, 0),
  video: { width: 640, height: 480 },
}
const AUDIO: Track = {
  id: 101,
  kind: 'audio',
  codec: 'wma2',
  timescale: 1000,
  config: Uint8Array.from([
    0x61, 1, 2, 0, 0x44, 0xac, 0, 0, 0x80, 0x3e, 0, 0, 0xe7, 2, 16, 0, 10, 0, 0, 0x88, 0, 0, 0x17, 0, 0xce, 5, 0, 0,
  ]),
  audio: { sampleRate: 44_100, channels: 2 },
}

/** Rows in milliseconds of CPU for 500 MB, so that lower is better. */
export async function* asf(): AsyncGenerator<Row> {
  const source = programme()
  const pieces = mux(source)
  const bytes = pieces.reduce((sum, piece) => sum + piece.byteLength, 0)
  const stream = split(join(pieces, bytes))
  let packets = 0
  yield row('demux to packets', bytes, () => {
    packets = demux(stream)
  })
  const intact = packets === source.length
  if (!intact)
    yield { work: 'ASF demux', value: packets, unit: 'packets', note: `expected ${source.length}`, failed: true }
  yield row('mux to a file', bytes, () => mux(source))
  yield row('make network packets', bytes, () => packetize(source))
}

function row(work: string, bytes: number, run: () => unknown): Row {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage()
    run()
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / 1000)
  }
  const value = (best / bytes) * 500 * MB
  return {
    work: `ASF: ${work}`,
    value,
    unit: 'ms per 500 MB',
    gate: GATE_MS_PER_500_MB,
    note: `${Math.round((500 / value) * 1000)} MB/s`,
  }
}

function programme(): Packet[] {
  const packets: Packet[] = []
  const noise = Uint8Array.from({ length: KEY_BYTES }, (_, at) => (at * 2_654_435_761) >>> 24)
  for (let ms = 0; ms < SECONDS * 1000; ms += FRAME_MS) {
    const key = ms % KEY_EVERY_MS === 0
    const data = noise.slice(0, key ? KEY_BYTES : FRAME_BYTES + ((ms * 7) % 3000))
    packets.push({ track: VIDEO, data, pts: ms * 1000, dts: ms * 1000, key })
  }
  for (let ms = 0; ms < SECONDS * 1000; ms += BLOCK_MS) {
    packets.push({ track: AUDIO, data: noise.slice(0, BLOCK_BYTES), pts: ms * 1000, dts: ms * 1000, key: true })
  }
  return packets.sort((a, b) => a.dts - b.dts)
}

function demux(pieces: readonly Uint8Array[]): number {
  const demuxer = new AsfDemuxer()
  let packets = 0
  const take = (result: DemuxResult | undefined) => {
    if (result?.type === 'packet') packets++
    return result !== undefined
  }
  for (const piece of pieces) {
    demuxer.write(piece)
    while (take(demuxer.read())) continue
  }
  demuxer.end()
  while (take(demuxer.read())) continue
  return packets
}

function mux(packets: readonly Packet[]): Uint8Array[] {
  const muxer = new AsfMuxer([VIDEO, AUDIO], { packetSize: PACKET_SIZE })
  const pieces: Uint8Array[] = []
  const drain = () => {
    for (let piece = muxer.read(); piece !== undefined; piece = muxer.read()) pieces.push(piece)
  }
  for (const packet of packets) {
    muxer.write(packet)
    drain()
  }
  muxer.end()
  drain()
  return pieces
}

function packetize(packets: readonly Packet[]): number {
  const init = buildAsfInit({ tracks: [VIDEO, AUDIO], packetSize: PACKET_SIZE, prerollMs: 3000, broadcast: true })
  const packetizer = new AsfPacketizer(init)
  let bytes = 0
  for (const packet of packets) {
    packetizer.write(packet)
    for (let made = packetizer.read(); made !== undefined; made = packetizer.read()) bytes += made.bytes.byteLength
  }
  return bytes
}

function split(bytes: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) pieces.push(bytes.slice(at, at + PIECE_BYTES))
  return pieces
}

function join(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const out = new Uint8Array(size)
  let at = 0
  for (const piece of pieces) {
    out.set(piece, at)
    at += piece.byteLength
  }
  return out
}
