import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { FormatError, HeadendError } from '../../errors.ts'
import { BitWriter } from '../bytes/bit-writer.ts'
import type { Codec, Track } from '../track.ts'
import { adtsHeader, readAdtsHeader } from './aac/adts.ts'
import { readAacConfig, writeAacConfig } from './aac/config.ts'
import { ac3ConfigOfFrame, readAc3Config, readEac3Config, writeAc3Config, writeEac3Config } from './ac3/config.ts'
import { audioPacketDuration, audioPacketSamples } from './audio-duration.ts'
import { obus, toCanonicalObus } from './av1/bitstream.ts'
import { av1ConfigOf, readAv1Config, writeAv1Config } from './av1/config.ts'
import { codecString } from './codec-string.ts'
import { readFlacConfig, writeFlacConfig } from './flac/config.ts'
import { fuzzTargets } from './fuzz.ts'
import { isAvcKey, readAvcSps } from './h264/bitstream.ts'
import { avcConfigOf, readAvcConfig, writeAvcConfig } from './h264/config.ts'
import { isHevcKey } from './h265/bitstream.ts'
import { hevcConfigOf, hevcConfigUnits, readHevcConfig, writeHevcConfig } from './h265/config.ts'
import { readMp3Header } from './mp3/bitstream.ts'
import {
  annexBToLengthPrefixed,
  annexBUnits,
  escapeNalUnit,
  joinNalUnits,
  lengthPrefixedToAnnexB,
  nalUnits,
  toCanonicalNalUnits,
  unescapeNalUnit,
} from './nal-units.ts'
import { readOpusConfig, readOpusHead, writeOpusConfig, writeOpusHead } from './opus/config.ts'
import { trackParameters } from './track-parameters.ts'
import * as vectors from './vectors.ts'
import { readVp8KeyFrame } from './vp8/bitstream.ts'
import { readVp9KeyFrame } from './vp9/bitstream.ts'
import { readVpxConfig, writeVpxConfig } from './vp9/config.ts'

const { hex } = vectors

const records: readonly {
  codec: Codec
  config: Uint8Array
  string: string
  parameters: object
  rewrite: (config: Uint8Array) => Uint8Array
}[] = [
  {
    codec: 'h264',
    config: vectors.avcConfig,
    string: 'avc1.42C00D',
    parameters: {
      video: {
        width: 322,
        height: 182,
        frameRate: 25,
        color: { bitDepth: 8, primaries: 1, transfer: 1, matrix: 1, fullRange: false },
      },
    },
    rewrite: (config) => writeAvcConfig(readAvcConfig(config)),
  },
  {
    codec: 'h264',
    config: vectors.avcHigh10Config,
    string: 'avc1.6E000D',
    parameters: { video: { width: 322, height: 182, frameRate: 25, color: { bitDepth: 10 } } },
    rewrite: (config) => writeAvcConfig(readAvcConfig(config)),
  },
  {
    codec: 'h265',
    config: vectors.hevcConfig,
    string: 'hvc1.2.4.L60.90',
    parameters: {
      video: {
        width: 322,
        height: 182,
        frameRate: 25,
        color: { bitDepth: 10, primaries: 9, transfer: 16, matrix: 9, fullRange: false },
      },
    },
    rewrite: (config) => writeHevcConfig(readHevcConfig(config)),
  },
  {
    codec: 'av1',
    config: vectors.av1Config,
    string: 'av01.0.00M.08',
    parameters: { video: { width: 322, height: 182, color: { bitDepth: 8, fullRange: false } } },
    rewrite: (config) => writeAv1Config(readAv1Config(config)),
  },
  {
    codec: 'vp9',
    config: vectors.vp9Config,
    string: 'vp09.00.11.08',
    parameters: {
      video: { width: 0, height: 0, color: { bitDepth: 8, primaries: 2, transfer: 2, matrix: 2, fullRange: false } },
    },
    rewrite: (config) => writeVpxConfig(readVpxConfig(config)),
  },
  {
    codec: 'opus',
    config: vectors.opusConfig,
    string: 'opus',
    parameters: { audio: { sampleRate: 48_000, channels: 2 } },
    rewrite: (config) => writeOpusConfig(readOpusConfig(config)),
  },
  {
    codec: 'ac3',
    config: vectors.ac3Config,
    string: 'ac-3',
    parameters: { audio: { sampleRate: 48_000, channels: 2 } },
    rewrite: (config) => writeAc3Config(readAc3Config(config)),
  },
  {
    codec: 'eac3',
    config: vectors.eac3Config,
    string: 'ec-3',
    parameters: { audio: { sampleRate: 48_000, channels: 2 } },
    rewrite: (config) => writeEac3Config(readEac3Config(config)),
  },
  {
    codec: 'flac',
    config: vectors.flacConfig,
    string: 'fLaC',
    parameters: { audio: { sampleRate: 48_000, channels: 2 } },
    rewrite: (config) => config,
  },
  {
    codec: 'aac',
    config: vectors.aacConfig,
    string: 'mp4a.40.2',
    parameters: { audio: { sampleRate: 48_000, channels: 2 } },
    rewrite: (config) => config,
  },
]

describe('configuration records', () => {
  for (const { codec, config, string, parameters, rewrite } of records) {
    it(`describes ${string}`, () => {
      assert.deepEqual(trackParameters(codec, config), parameters)
      assert.equal(codecString(track(codec, config)), string)
    })

    it(`writes ${string} back as it was`, () => {
      assert.deepEqual(rewrite(config), config)
    })

    it(`refuses a truncated ${string} or describes it, and never fails otherwise`, () => {
      for (let length = 0; length < config.byteLength; length++) {
        endsInOurError(() => trackParameters(codec, config.subarray(0, length)))
      }
      assert.throws(() => trackParameters(codec, config.subarray(0, 1)), FormatError)
    })
  }

  it('reads vpcC with the version and flags of its box as without', () => {
    assert.deepEqual(readVpxConfig(vectors.vp9Box), readVpxConfig(vectors.vp9Config))
  })

  it('makes avcC, hvcC and av1C from what the stream carries', () => {
    const avc = readAvcConfig(vectors.avcConfig)
    assert.deepEqual(writeAvcConfig(avcConfigOf(avc.sps, avc.pps)), vectors.avcConfig)

    const hevc = readHevcConfig(vectors.hevcConfig)
    const made = hevcConfigOf(hevcConfigUnits(hevc, 32), hevcConfigUnits(hevc, 33), hevcConfigUnits(hevc, 34))
    assert.deepEqual({ ...made, temporalLayers: 0, arrays: [] }, { ...hevc, temporalLayers: 0, arrays: [] })

    assert.deepEqual(writeAv1Config(av1ConfigOf(readAv1Config(vectors.av1Config).obus)), vectors.av1Config)
  })

  it('passes Opus through both of its forms', () => {
    const config = { ...readOpusConfig(vectors.opusConfig), outputGain: -300 }
    assert.deepEqual(readOpusHead(writeOpusHead(config)), config)
    const surround = {
      ...config,
      channels: 3,
      mappingFamily: 1,
      mapping: { streams: 2, coupled: 1, channels: Uint8Array.of(0, 2, 1) },
    }
    assert.deepEqual(readOpusHead(writeOpusHead(surround)), surround)
    assert.deepEqual(readOpusConfig(writeOpusConfig(surround)), surround)
  })

  it('reads back a written STREAMINFO', () => {
    const info = { minBlockSize: 4096, maxBlockSize: 4096, sampleRate: 96_000, channels: 6, bitDepth: 24 }
    assert.deepEqual(readFlacConfig(writeFlacConfig(info)), info)
  })

  it('makes dac3 from a frame', () => {
    assert.deepEqual(ac3ConfigOfFrame(ac3Frame()), vectors.ac3Config)
  })
})

describe('AAC configuration', () => {
  it('reads plain, explicit and backward compatible signalling', () => {
    const plain = readAacConfig(hex('1210'))
    assert.deepEqual([plain.objectType, plain.sampleRate, plain.channels, plain.sbr], [2, 44_100, 2, false])

    // Object type 5: core 22.05 kHz, output 44.1 kHz.
    const explicit = readAacConfig(hex('2b920800'))
    assert.deepEqual(
      [explicit.signalledType, explicit.objectType, explicit.coreSampleRate, explicit.sampleRate],
      [5, 2, 22_050, 44_100],
    )

    // Object type 29: mono core, stereo output.
    const stereo = readAacConfig(hex('eb8a0800'))
    assert.deepEqual([stereo.ps, stereo.channels], [true, 2])

    const backward = readAacConfig(hex('139056e5a0'))
    assert.deepEqual(
      [backward.sbr, backward.coreSampleRate, backward.sampleRate, backward.signalledType],
      [true, 22_050, 44_100, 2],
    )
  })

  it('reads low delay and USAC, and refuses what is not AAC', () => {
    assert.equal(readAacConfig(hex('f8e62000')).coreFrameLength, 512)
    const usac = readAacConfig(hex('f9464020'))
    assert.deepEqual([usac.objectType, usac.sampleRate, usac.channels, usac.coreFrameLength], [42, 48_000, 2, 1024])
    assert.throws(() => readAacConfig(hex('4190')), { code: 'ERR_CODEC_CONFIG' })
  })

  it('reads back every rate and channel count it writes', () => {
    for (const sampleRate of [96_000, 44_100, 7_350, 12_345]) {
      for (const channels of [1, 2, 3, 4, 5, 6, 8]) {
        const {
          objectType,
          sampleRate: rate,
          channels: count,
        } = readAacConfig(writeAacConfig({ objectType: 2, sampleRate, channels }))
        assert.deepEqual([objectType, rate, count], [2, sampleRate, channels])
      }
    }
  })

  it('refuses reserved rates and channel configurations', () => {
    assert.throws(() => readAacConfig(hex('1690')), { code: 'ERR_CODEC_CONFIG' })
    assert.throws(() => readAacConfig(hex('11f8')), { code: 'ERR_CODEC_CONFIG' })
  })

  it('reads the ADTS header it writes', () => {
    const header = readAdtsHeader(adtsHeader(hex('1210'), 300))
    assert.deepEqual(header, { objectType: 2, sampleRate: 44_100, channels: 2, headerSize: 7, frameSize: 307 })
    assert.equal(readAdtsHeader(hex('fff150')), undefined)
    assert.throws(() => readAdtsHeader(hex('00000000000000')), { code: 'ERR_CODEC_BITSTREAM' })
  })
})

describe('hostile parameter sets', () => {
  it('refuses pictures past the limit', () => {
    const sps = new BitWriter()
    sps.bits(0x67, 8).bits(66, 8).bits(0, 8).bits(30, 8).ue(0).ue(0).ue(2).ue(1).flag(false)
    sps
      .ue(65_535 / 16)
      .ue(4095)
      .flag(true)
      .flag(false)
      .flag(false)
      .flag(false)
      .trailing()

    assert.throws(() => readAvcSps(escapeNalUnit(sps.toBytes())), { code: 'ERR_CODEC_PICTURE_SIZE' })
  })

  it('refuses cropping that leaves nothing', () => {
    const sps = new BitWriter()
    sps.bits(0x67, 8).bits(66, 8).bits(0, 8).bits(30, 8).ue(0).ue(0).ue(2).ue(1).flag(false)
    sps
      .ue(0)
      .ue(0)
      .flag(true)
      .flag(false)
      .flag(true)
      .ue(0)
      .ue(2 ** 30)
      .ue(0)
      .ue(0)
      .flag(false)
      .trailing()

    assert.throws(() => readAvcSps(escapeNalUnit(sps.toBytes())), { code: 'ERR_CODEC_PICTURE_SIZE' })
  })

  it('refuses avcC without SPS and hvcC with too many units', () => {
    assert.throws(() => readAvcConfig(hex('0142c00dff e0 00')), { code: 'ERR_CODEC_CONFIG' })
    const lying = vectors.hevcConfig.slice()
    lying.set([0xff, 0xff], 24)
    assert.throws(() => readHevcConfig(lying), { code: 'ERR_CODEC_CONFIG' })
  })
})

describe('NAL units', () => {
  const units = [hex('0910'), hex('6742c00d'), hex('65888400')]

  it('leaves a packet in a Buffer as it was', () => {
    const data = Buffer.from([0, 0, 0, 2, 0x65, 1])
    const before = Buffer.from(data)

    assert.deepEqual([...lengthPrefixedToAnnexB(data)], [0, 0, 0, 1, 0x65, 1])

    assert.deepEqual(data, before)
  })

  it('converts between lengths and start codes', () => {
    const data = joinNalUnits([hex('0910'), hex('6742c00d'), hex('658884')])
    const annexB = lengthPrefixedToAnnexB(data)

    assert.deepEqual(annexB, hex('00000001 0910 00000001 6742c00d 00000001 658884'))
    assert.deepEqual(annexBToLengthPrefixed(annexB), data)
    assert.deepEqual(annexBUnits(hex('000001 0910 00 000001 6742 0000')), [hex('0910'), hex('6742')])
  })

  it('rewrites short lengths and start codes, and leaves the canonical form alone', () => {
    const data = joinNalUnits(units)
    assert.equal(toCanonicalNalUnits(data, 4), data)
    assert.deepEqual(toCanonicalNalUnits(hex('0002 0910 0004 6742c00d 0004 65888400'), 2), data)
    assert.deepEqual(toCanonicalNalUnits(hex('00000001 0910'), 4), joinNalUnits([hex('0910')]))
  })

  it('refuses lengths past the end', () => {
    assert.throws(() => nalUnits(hex('00000005 0910')), { code: 'ERR_CODEC_NAL_LENGTH' })
    assert.throws(() => nalUnits(hex('ffffffff 0910')), { code: 'ERR_CODEC_NAL_LENGTH' })
    assert.throws(() => toCanonicalNalUnits(hex('00000005 0910'), 4), { code: 'ERR_CODEC_NAL_LENGTH' })
    assert.throws(() => toCanonicalNalUnits(hex('000000'), 4), { code: 'ERR_CODEC_NAL_LENGTH' })
  })

  it('tells key access units', () => {
    assert.equal(isAvcKey(joinNalUnits(units)), true)
    assert.equal(isAvcKey(joinNalUnits([hex('4100')])), false)
    assert.equal(isHevcKey(joinNalUnits([hex('2601')])), true)
    assert.equal(isHevcKey(joinNalUnits([hex('0201')])), false)
  })

  it('escapes and unescapes any payload', () => {
    const zeros = fc.uint8Array({ max: 4, maxLength: 40 })
    fc.assert(
      fc.property(zeros, (payload) => {
        assert.deepEqual(unescapeNalUnit(escapeNalUnit(payload), 1000), payload)
      }),
    )
  })
})

describe('OBUs', () => {
  it('removes temporal delimiters and adds sizes', () => {
    const canonical = hex('0a 01 aa 32 02 bbcc')
    assert.equal(toCanonicalObus(canonical), canonical)
    assert.deepEqual(toCanonicalObus(hex('1200 0a 01 aa 32 02 bbcc')), canonical)
    assert.deepEqual(toCanonicalObus(hex('1200 0a 01 aa 1200 30 bbcc')), canonical)
  })

  it('refuses sizes past the end and endless sizes', () => {
    assert.throws(() => obus(hex('0a 05 aa')), { code: 'ERR_CODEC_OBU' })
    assert.throws(() => obus(hex('0a 8080808080808080')), { code: 'ERR_CODEC_OBU' })
    assert.throws(() => obus(hex('8a 00')), { code: 'ERR_CODEC_OBU' })
  })
})

describe('frame headers', () => {
  it('reads the size of VP8 and VP9 key frames', () => {
    assert.deepEqual(readVp8KeyFrame(vectors.vp8KeyFrame), { width: 322, height: 182 })
    const { width, height, bitDepth } = readVp9KeyFrame(vectors.vp9KeyFrame) ?? {}
    assert.deepEqual([width, height, bitDepth], [322, 182, 8])
    assert.equal(readVp8KeyFrame(hex('010000')), undefined)
    assert.equal(readVp9KeyFrame(hex('86')), undefined)
  })

  it('reads an MP3 header', () => {
    assert.deepEqual(readMp3Header(vectors.mp3Frame), {
      version: 1,
      layer: 3,
      sampleRate: 44_100,
      channels: 1,
      bitrateBps: 56_000,
      samples: 1152,
      frameSize: 182,
    })
  })
})

describe('audio packet duration', () => {
  it('knows the samples of every codec', () => {
    assert.equal(audioPacketSamples(track('aac', hex('1210')), hex('21')), 1024)
    assert.equal(audioPacketSamples(track('aac', hex('2b920800')), hex('21')), 2048)
    assert.equal(audioPacketSamples(track('aac', hex('1214')), hex('21')), 960)
    assert.equal(audioPacketSamples(track('mp3'), vectors.mp3Frame), 1152)
    assert.equal(audioPacketSamples(track('opus', vectors.opusConfig), hex('fc')), 960)
    assert.equal(audioPacketSamples(track('opus', vectors.opusConfig), hex('1b02')), 5760)
    assert.equal(audioPacketSamples(track('ac3', vectors.ac3Config), ac3Frame()), 1536)
    assert.equal(audioPacketSamples(track('flac', vectors.flacConfig), hex('fff8c9180000')), 4096)
    assert.equal(audioPacketSamples(track('flac', vectors.flacConfig), hex('fff8791800 0fff 00')), 4096)
    assert.equal(audioPacketDuration(track('opus', vectors.opusConfig), hex('fc')), 20_000)
  })

  it('has no answer for broken packets', () => {
    for (const codec of ['mp3', 'opus', 'ac3', 'eac3', 'flac'] as const) {
      assert.equal(audioPacketSamples(track(codec), new Uint8Array(0)) || undefined, undefined)
    }
    assert.equal(audioPacketSamples(track('flac'), hex('00112233')), undefined)
  })
})

describe('hostile codec data', () => {
  for (const target of fuzzTargets) {
    it(`${target.name} ends in a value or in our own error`, () => {
      fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), (input) => endsInOurError(() => target.run(input))))
      for (const seed of target.seeds()) {
        target.run(seed)
        for (let i = 0; i < seed.byteLength; i++) {
          for (const byte of [0, 1, 0x7f, 0x80, 0xff]) {
            const changed = seed.slice()
            changed[i] = byte
            endsInOurError(() => target.run(changed))
          }
        }
      }
    })
  }
})

function endsInOurError(run: () => unknown): void {
  try {
    run()
  } catch (error) {
    if (!(error instanceof HeadendError)) throw error
  }
}

function track(codec: Codec, config?: Uint8Array): Track {
  const { audio, video } = trackParameters(codec, config)
  return {
    id: 101,
    kind: 'audio',
    codec,
    timescale: 1000,
    ...(config !== undefined && { config }),
    ...(audio !== undefined && { audio }),
    ...(video !== undefined && { video }),
  }
}

/** 48 kHz, stereo, 192 kbit/s: 768 bytes. */
function ac3Frame(): Uint8Array {
  const frame = new Uint8Array(768)
  frame.set(hex('0b77 0000 14 40 40'))
  return frame
}
