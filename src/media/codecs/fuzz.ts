/** Fuzz targets of the codec readers. */
import type { FuzzTarget } from '../../fuzz-target.ts'
import type { Codec, Track } from '../track.ts'
import { readAdtsHeader } from './aac/adts.ts'
import { audioPacketSamples } from './audio-duration.ts'
import { toCanonicalObus } from './av1/bitstream.ts'
import { Av1TileData } from './av1/tile-data.ts'
import { codecString } from './codec-string.ts'
import { isAvcKey } from './h264/bitstream.ts'
import { isHevcKey } from './h265/bitstream.ts'
import { annexBToLengthPrefixed, toCanonicalNalUnits } from './nal-units.ts'
import { readOpusHead, writeOpusConfig } from './opus/config.ts'
import { SliceData } from './slice-data.ts'
import { trackParameters } from './track-parameters.ts'
import { readVp8KeyFrame } from './vp8/bitstream.ts'
import { readVp9KeyFrame } from './vp9/bitstream.ts'
import { Vp9FrameHeaders, vp9Frames } from './vp9/frame-header.ts'
import { readWaveFormat, writeWaveFormat } from './wma/wave-format.ts'
import { readBitmapInfo, writeBitmapInfo } from './wmv/bitmap-info.ts'
import { readVc1SimpleSequence } from './wmv/vc1.ts'

const configSeeds = {
  h264: ['0142c00dffe1001c6742c00dda05467889b016a02020280000030008000003019078a15501000468ce0fc8'],
  h265: [
    '0102200000009000000000003cf000fcfdfafa00000f01a10001002f' +
      '42010102200000030090000003000003003ca00a480b9c94d96566924caf016a12201208000003000800000300c840',
  ],
  av1: ['81000c000a0b000000043d06d4daf90040'],
  vp9: ['000b820202020000', '01000000000b820202020000'],
  aac: ['1210', '119056e500', '2b920800', 'eb8a0800'],
  opus: ['000201380000bb80000000', '000301380000bb80000001020100 0201'],
  ac3: ['101140'],
  eac3: ['0600200400'],
  flac: ['80000022120012000000780005110bb802f0000012c0ba43705036a3bb057849a9f54f6928a3'],
} satisfies Partial<Record<Codec, string[]>>

const audioSeeds = {
  mp3: ['fffb40c000000000'],
  opus: ['fc', '1b02'],
  ac3: ['0b77000014404000'],
  eac3: ['0b7700ff34860000'],
  flac: ['fff8c9180000', 'fff87918000fff00'],
} satisfies Partial<Record<Codec, string[]>>

/** The first packets of tiny streams: what follows a key picture is read with what it left behind. */
const SLICES = {
  h264: {
    config: '0164000affe100176764000aacd95ec044000003000400000300c83c48965801000668ebe3cb22c0fdf8f800',
    packets: ['00000008419a226c42bffec0', '00000008019e41790affc481'],
  },
  h265: {
    config:
      '0101600000009000000000001ef000fcfdf8f800000f03200001001840010c01ffff01600000030090000003000003001e959809210001002842010101600000030090000003000003001ea0884596566abcaf016808000003000800000300c84022000100064401c173d089',
    packets: ['000000092801af1d80ee247309', '0000000b0201d0115784318e40fa84', '0000000a0001e024bf8614c0c820'],
  },
} as const
const TILES = {
  config: '81000c000a0a000000019ff9b5f20080',
  packets: ['0a0a000000019ff9b5f20080320c100096800002000000005660', '32113003c080000006c0000002800020007690'],
} as const
const VP9_FRAMES = ['824983420000f000f60038241c184a000030600000306a0000', '860040929c00500000032000004240'] as const

export const fuzzTargets: readonly FuzzTarget[] = [
  ...(['h264', 'h265'] as const).flatMap((codec) => {
    const { config, packets } = SLICES[codec]
    return [
      target(`${codec}-slices`, packets, (data) => new SliceData(codec, hex(config)).forEach(data, check(data))),
      target(`${codec}-slice-parameters`, [config], (changed) => {
        const slices = new SliceData(codec, changed)
        for (const packet of packets) slices.forEach(hex(packet), () => {})
      }),
    ]
  }),
  target('tiles', TILES.packets, (data) => {
    const tiles = new Av1TileData(hex(TILES.config))
    tiles.forEach(hex(TILES.packets[0]), () => {})
    tiles.forEach(data, check(data))
    tiles.forEach(hex(TILES.packets[1]), () => {})
  }),
  target('tile-parameters', [TILES.config], (config) => {
    const tiles = new Av1TileData(config)
    for (const packet of TILES.packets) tiles.forEach(hex(packet), () => {})
  }),
  target('vp9-frames', VP9_FRAMES, (data) => {
    const headers = new Vp9FrameHeaders()
    headers.headerLength(hex(VP9_FRAMES[0]))
    let at = 0
    for (const size of vp9Frames(data).frames) {
      headers.headerLength(data.subarray(at, at + size))
      at += size
    }
  }),
  ...Object.entries(configSeeds).map(([codec, seeds]) => ({
    name: `codecs/${codec}-config`,
    seeds: () => seeds.map(hex),
    run(config: Uint8Array) {
      trackParameters(codec as Codec, config)
      codecString(trackOf(codec as Codec, config))
    },
  })),
  ...Object.entries(audioSeeds).map(([codec, seeds]) => ({
    name: `codecs/${codec}-packet`,
    seeds: () => seeds.map(hex),
    run(packet: Uint8Array) {
      audioPacketSamples(trackOf(codec as Codec), packet)
    },
  })),
  target('nal-units', ['0000000209100000000465888400', '0000000109100000010988'], (data) => {
    annexBToLengthPrefixed(data)
    const canonical = toCanonicalNalUnits(data, 4)
    isAvcKey(canonical)
    isHevcKey(canonical)
  }),
  target('nal-units-short', ['00020910000465888400'], (data) => toCanonicalNalUnits(data, 2)),
  target('obus', ['12000a01aa3202bbcc', '0a01aa30bbcc'], (data) => toCanonicalObus(toCanonicalObus(data))),
  target('vp8-frame', ['f067009d012a4201b6000007'], readVp8KeyFrame),
  target('vp9-frame', ['824983420014100b560438241c184a00'], readVp9KeyFrame),
  target('adts', ['fff15080267ffc'], (data) => readAdtsHeader(data)),
  target(
    'bitmap-info',
    ['2c000000 40000000 30000000 0100 1800 574d5632 00240000 00000000000000000000000000000000 28c3b480'],
    (data) => writeBitmapInfo(readBitmapInfo(data)),
  ),
  target('wave-format', ['6101010044ac0000803e0000e70210000a0000000000010000000000'], (data) => {
    writeWaveFormat(readWaveFormat(data))
    trackParameters('wma2', data)
    audioPacketSamples(trackOf('wma2', data), data)
  }),
  target('vc1-advanced', ['25 0000010f cbea27f1670a80 0000010e 1a4600'], (data) => trackParameters('vc1', data)),
  target('vc1-simple', ['4ef91a11'], readVc1SimpleSequence),
  target('opus-head', ['4f707573486561640102380180bb0000000000'], (data) => writeOpusConfig(readOpusHead(data))),
]

function target(name: string, seeds: readonly string[], run: (input: Uint8Array) => unknown): FuzzTarget {
  return {
    name: `codecs/${name}`,
    seeds: () => seeds.map(hex),
    run(input) {
      run(input)
    },
  }
}

function trackOf(codec: Codec, config?: Uint8Array): Track {
  return { id: 1, kind: 'video', codec, timescale: 1000, ...(config !== undefined && { config }) }
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(' ', '').match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
}

/** The pieces must make up the packet. */
function check(data: Uint8Array): (clear: number, rest: number) => void {
  let left = data.byteLength
  return (clear, rest) => {
    left -= clear + rest
    if (clear < 0 || rest < 0 || left < 0) throw new Error(`pieces of ${clear} and ${rest} bytes leave the packet`)
  }
}
