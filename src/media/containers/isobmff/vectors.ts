/** Tracks and packets for the tests of this folder. */
import type { Packet } from '../../packet.ts'
import type { Micros } from '../../time.ts'
import type { Track } from '../../track.ts'

/** avcC of a 64x48 stream that x264 made. */
const AVC_CONFIG = hex('01f4000affe1001867f4000a919b288f6022000003000200000300781e244b2c01000668ebe3c44844fff8f800')
/** hvcC of a 64x48 stream that x265 made: VPS, SPS and PPS. */
const HEVC_CONFIG = hex(
  '0104080000009e08000000001ef000fcfff8f800000f03' +
    'a00001001740010c01ffff0408000003009e0800000300001e959809' +
    'a10001002b4201010408000003009e0800000300001e90041062cb2b35c995e02dc08080010000030001000003001e08' +
    'a2000100084401c17318310890',
)
const VP9_CONFIG = hex('01000000000a820202020000')
const OPUS_CONFIG = hex('000201380000bb80000000')
const FLAC_CONFIG = hex(`0000000080000022${'10001000000000000000'}0bb802f000000000${'00'.repeat(16)}`)

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
  { id: 104, ...sound, codec: 'ac3', config: Uint8Array.of(0x10, 0x3d, 0x40) },
  { id: 105, ...sound, codec: 'eac3', config: Uint8Array.of(0x07, 0xc0, 0x20, 0x0f, 0x00) },
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

function hex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16))
}
