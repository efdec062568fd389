/** Tracks and packets for the tests of this folder. */
import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { Packet } from '../../packet.ts'
import { type Micros, microsToTicks } from '../../time.ts'
import type { Track } from '../../track.ts'
import { type Box, childBoxes, topLevelBoxes, writeBox, writeFullBox } from './box.ts'
import { writeInitSegment } from './init-segment.ts'
import { trackTimescale } from './movie-boxes.ts'

/** avcC of a 64x48 stream that x264 made. */
const AVC_CONFIG = hex('01f4000affe1001867f4000a919b288f6022000003000200000300781e244b2c01000668ebe3c44844fff8f800')
/** hvcC of a 64x48 stream that x265 made: VPS, SPS and PPS. */
const HEVC_CONFIG = hex(
  '0104080000009e08000000001ef000fcfff8f800000f03' +
    'a00001001740010c01ffff0408000003009e0800000300001e959809' +
    'a10001002b4201010408000003009e0800000300001e90041062cb2b35c995e02dc08080010000030001000003001e08' +
    'a2000100084401c17318310890',
)
const VP9_CONFIG = hex('000a820202020000')
const OPUS_CONFIG = hex('000201380000bb80000000')
const FLAC_CONFIG = hex(`80000022${'10001000000000000000'}0bb802f000000000${'00'.repeat(16)}`)

export const VIDEO: Track = {
  id: 1,
  kind: 'video',
  codec: 'h264',
  config: AVC_CONFIG,
  video: {
    width: 64,
    height: 48,
    color: {
      primaries: 9,
      transfer: 16,
      matrix: 9,
      fullRange: false,
      contentLight: { maxCll: 1000, maxFall: 400 },
      mastering: {
        red: [0.68, 0.32],
        green: [0.265, 0.69],
        blue: [0.15, 0.06],
        whitePoint: [0.3127, 0.329],
        maxLuminance: 1000,
        minLuminance: 0.005,
      },
    },
  },
  timescale: 90_000,
}

export const AUDIO: Track = {
  id: 101,
  kind: 'audio',
  codec: 'aac',
  config: Uint8Array.of(0x11, 0x90),
  audio: { sampleRate: 48_000, channels: 2 },
  timescale: 48_000,
  language: 'en',
  name: 'Commentary',
  bitrateBps: 128_000,
}

const picture = { kind: 'video', video: { width: 64, height: 48 }, timescale: 90_000 } as const
const sound = { kind: 'audio', audio: { sampleRate: 48_000, channels: 2 }, timescale: 48_000 } as const

const surround = { ...sound, audio: { sampleRate: 48_000, channels: 6 } } as const

/** One of each codec. */
export const TRACKS: readonly Track[] = [
  VIDEO,
  { id: 2, ...picture, codec: 'h265', config: HEVC_CONFIG },
  { id: 3, ...picture, codec: 'av1', config: Uint8Array.of(0x81, 0x00, 0x0c, 0x00) },
  { id: 4, ...picture, codec: 'vp8', config: VP9_CONFIG },
  { id: 5, ...picture, codec: 'vp9', config: VP9_CONFIG },
  AUDIO,
  { id: 102, ...sound, codec: 'opus', config: OPUS_CONFIG },
  { id: 103, ...sound, codec: 'mp3' },
  { id: 104, ...surround, codec: 'ac3', config: Uint8Array.of(0x10, 0x3d, 0x40) },
  { id: 105, ...surround, codec: 'eac3', config: Uint8Array.of(0x07, 0xc0, 0x20, 0x0f, 0x00) },
  { id: 106, ...sound, codec: 'flac', config: FLAC_CONFIG },
]

/** `count` packets of 30 fps with a key packet every 30 and pictures shown out of order; each of another content and size. */
export function videoPackets(count: number, track: Track = VIDEO, start: Micros = 0): Packet[] {
  return Array.from({ length: count }, (_, i) => {
    const dts = start + Math.round((i * 1_000_000) / 30)
    const reorder = i % 3 === 0 ? 66_667 : i % 3 === 1 ? 100_000 : 0
    return { track, data: unit(200 + ((i * 37) % 300), i), pts: dts + reorder, dts, key: i % 30 === 0 }
  })
}

/** `count` frames of 1024 samples. */
export function audioPackets(count: number, track: Track = AUDIO, start: Micros = 0): Packet[] {
  return Array.from({ length: count }, (_, i) => {
    const dts = start + Math.round((i * 1024 * 1_000_000) / 48_000)
    return { track, data: unit(20 + ((i * 7) % 60), i + 100), pts: dts, dts, key: true }
  })
}

/** A length-prefixed unit. */
function unit(size: number, seed: number): Uint8Array {
  const data = new Uint8Array(size + 4)
  new DataView(data.buffer).setUint32(0, size)
  for (let i = 4; i < data.byteLength; i++) data[i] = (i * 31 + seed * 17) & 0xff
  return data
}

/** How `progressiveFile` lays a file out; without an option it does the usual. */
export interface ProgressiveOptions {
  readonly moovAtEnd?: boolean
  /** Content of tables after version and flags, in place of the right one. */
  readonly tables?: Readonly<Record<string, Uint8Array>>
  /** 64-bit chunk offsets. */
  readonly wide?: boolean
}

/** A file with sample tables: chunks of up to five samples, the tracks' chunks in turn. Packets of a track are in decode order. */
export function progressiveFile(packets: readonly Packet[], options: ProgressiveOptions = {}): Uint8Array {
  const tracks = [...new Set(packets.map(({ track }) => track))]
  const init = writeInitSegment(tracks)
  const boxes = new Map([...topLevelBoxes(init)].map((box) => [box.type, box]))
  const moov = boxes.get('moov')?.body.bytes ?? init
  const ftyp = init.subarray(0, boxes.get('ftyp')?.body.bytes.byteLength ?? 0).byteLength + 8

  const chunksOf = tracks.map((track) => {
    const own = packets.filter((packet) => packet.track === track)
    return Array.from({ length: Math.ceil(own.length / 5) }, (_, i) => own.slice(5 * i, 5 * i + 5))
  })
  const data = new ByteWriter(1 << 16)
  const places: number[][] = tracks.map(() => [])
  for (let i = 0; chunksOf.some((chunks) => i < chunks.length); i++) {
    for (const [t, chunks] of chunksOf.entries()) {
      if (chunks[i] === undefined) continue
      places[t]?.push(data.length)
      for (const packet of chunks[i] ?? []) data.bytes(packet.data)
    }
  }
  const build = (moovBytes: number): Uint8Array => {
    const writer = new ByteWriter(1 << 16)
    const dataStart = ftyp + 8 + (options.moovAtEnd === true ? 0 : moovBytes)
    const mdat = (): void => writeBox(writer, 'mdat', () => writer.bytes(data.view()))
    writer.bytes(init.subarray(0, ftyp))
    if (options.moovAtEnd === true) mdat()
    writeBox(writer, 'moov', () => {
      let t = 0
      for (const box of topLevelBoxes(moov)) {
        if (box.type === 'mvex') continue
        copyWithTables(writer, box, () => {
          const chunks = chunksOf[t] ?? []
          const offsets = (places[t] ?? []).map((place) => place + dataStart)
          writeTables(writer, chunks, offsets, t++ === 0 ? options : { wide: options.wide === true })
        })
      }
    })
    if (options.moovAtEnd !== true) mdat()
    return writer.toBytes()
  }
  const moovBytes = build(0).byteLength - ftyp - 8 - data.length
  return build(moovBytes)
}

/** Copies a box, with `stbl` filled. */
function copyWithTables(writer: ByteWriter, box: Box, tables: () => void): void {
  writeBox(writer, box.type, () => {
    if (!['trak', 'mdia', 'minf', 'stbl'].includes(box.type)) {
      writer.bytes(box.body.bytes)
      return
    }
    for (const child of childBoxes(box)) {
      if (['stts', 'stsc', 'stco', 'stsz'].includes(child.type)) continue
      copyWithTables(writer, child, tables)
    }
    if (box.type === 'stbl') tables()
  })
}

function writeTables(
  writer: ByteWriter,
  chunks: readonly (readonly Packet[])[],
  places: readonly number[],
  options: ProgressiveOptions,
): void {
  const samples = chunks.flat()
  const timescale = samples[0] === undefined ? 1 : trackTimescale(samples[0].track)
  const ticks = (time: Micros): number => microsToTicks(time, timescale)
  const start = samples[0]?.dts ?? 0
  const table = (type: string, version: number, content: () => void): void => {
    const own = options.tables?.[type]
    writeFullBox(writer, type, { version, flags: 0 }, () => {
      if (own === undefined) content()
      else writer.bytes(own)
    })
  }
  table('stts', 0, () => {
    writer.u32(samples.length)
    for (const [i, { dts }] of samples.entries()) {
      writer.u32(1).u32(ticks((samples[i + 1]?.dts ?? dts + 20_000) - start) - ticks(dts - start))
    }
  })
  table('ctts', 1, () => {
    writer.u32(samples.length)
    for (const { pts, dts } of samples) writer.u32(1).i32(ticks(pts - start) - ticks(dts - start))
  })
  if (samples.some(({ key }) => !key)) {
    table('stss', 0, () => {
      const keys = [...samples.keys()].filter((i) => samples[i]?.key)
      writer.u32(keys.length)
      for (const key of keys) writer.u32(key + 1)
    })
  }
  table('stsc', 0, () => {
    const last = chunks.at(-1)?.length ?? 0
    const two = chunks.length > 1 && last !== 5
    writer
      .u32(two ? 2 : 1)
      .u32(1)
      .u32(chunks[0]?.length ?? 1)
      .u32(1)
    if (two) writer.u32(chunks.length).u32(last).u32(1)
  })
  table(options.tables?.stz2 === undefined ? 'stsz' : 'stz2', 0, () => {
    writer.u32(0).u32(samples.length)
    for (const { data } of samples) writer.u32(data.byteLength)
  })
  table(options.wide === true ? 'co64' : 'stco', 0, () => {
    writer.u32(places.length)
    for (const place of places) {
      if (options.wide === true) writer.u64(place)
      else writer.u32(place)
    }
  })
}

function hex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16))
}
