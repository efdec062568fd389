import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FormatError } from '../../errors.ts'
import type { Track } from '../track.ts'
import { audioPacketSamples } from './audio-duration.ts'
import { codecString } from './codec-string.ts'
import { trackParameters } from './track-parameters.ts'
import { hex } from './vectors.ts'
import { wmaPacketSamples } from './wma/bitstream.ts'
import { MAX_WAVE_EXTRA, readWaveFormat, wmaCodecOf, wmaFormatTag, writeWaveFormat } from './wma/wave-format.ts'
import {
  bitmapInfoOf,
  MAX_BITMAP_EXTRA,
  readBitmapInfo,
  wmvCodecOf,
  wmvFourCc,
  writeBitmapInfo,
} from './wmv/bitmap-info.ts'
import { readVc1AdvancedSequence, readVc1SimpleSequence, VC1_PROFILE } from './wmv/vc1.ts'

/** FFmpeg 5.1, wmav2: 44.1 kHz, mono, 128 kbit/s, blocks of 743 bytes, without bit reservoir. */
const wma2 = hex('6101 0100 44ac0000 803e0000 e702 1000 0a00 00000000010000000000')
/** FFmpeg 5.1, wmav1: 22.05 kHz, mono, 32 kbit/s. */
const wma1 = hex('6001 0100 22560000 a00f0000 b900 1000 0400 00000100')
/** FFmpeg 5.1, wmv2: format size with its four extra bytes. */
const wmv2 = hex('2c000000 40000000 30000000 0100 1800 574d5632 00240000 00000000000000000000000000000000 28c3b480')
/** A sequence and an entry point header of 1280x720, behind the byte that Windows Media puts before them. */
const vc1 = hex('25 0000010f cbea27f1670a80 0000010e 1a4600')

const refused = (run: () => unknown) => assert.throws(run, (error) => error instanceof FormatError)

describe('WAVEFORMATEX', () => {
  test('is read and written', () => {
    for (const bytes of [wma1, wma2]) assert.deepEqual(writeWaveFormat(readWaveFormat(bytes)), bytes)
    const { tag, channels, sampleRate, bytesPerSecond, blockAlign, bitsPerSample, extra } = readWaveFormat(wma2)
    assert.deepEqual(
      [tag, channels, sampleRate, bytesPerSecond, blockAlign, bitsPerSample],
      [0x161, 1, 44_100, 16_000, 743, 16],
    )
    assert.deepEqual(extra, hex('00000000010000000000'))
  })

  test('may lack the extra size, and be followed by other bytes', () => {
    assert.equal(readWaveFormat(wma2.subarray(0, 16)).extra.byteLength, 0)
    assert.equal(readWaveFormat(hex(`${Buffer.from(wma1).toString('hex')}ffff`)).extra.byteLength, 4)
  })

  test('is refused when it is cut short or senseless', () => {
    for (let length = 0; length < wma2.byteLength; length++) {
      if (length !== 16 && length !== 17) refused(() => readWaveFormat(wma2.subarray(0, length)))
    }
    refused(() => readWaveFormat(hex('6101 0000 44ac0000 803e0000 e702 1000 0000')))
    refused(() => readWaveFormat(hex('6101 ffff 44ac0000 803e0000 e702 1000 0000')))
    refused(() => readWaveFormat(hex('6101 0100 00000000 803e0000 e702 1000 0000')))
    const large = writeWaveFormat({ ...readWaveFormat(wma2), extra: new Uint8Array(MAX_WAVE_EXTRA + 1) })
    refused(() => readWaveFormat(large))
  })

  test('format tags and codecs', () => {
    for (const codec of ['wma1', 'wma2', 'wmapro', 'wmalossless', 'wmavoice'] as const) {
      assert.equal(wmaCodecOf(wmaFormatTag(codec)), codec)
    }
    assert.equal(wmaCodecOf(1), undefined)
  })
})

describe('BITMAPINFOHEADER', () => {
  test('is read and written', () => {
    const info = readBitmapInfo(wmv2)
    assert.deepEqual([info.width, info.height, info.fourCc, info.bitsPerPixel], [64, 48, 'WMV2', 24])
    assert.deepEqual(info.extra, hex('28c3b480'))
    assert.deepEqual(writeBitmapInfo(info), wmv2)
    assert.deepEqual(writeBitmapInfo(bitmapInfoOf('WMV2', { width: 64, height: 48 }, info.extra)), wmv2)
  })

  test('with its first row on top has a negative height', () => {
    const info = { ...readBitmapInfo(wmv2), height: -48 }
    assert.equal(readBitmapInfo(writeBitmapInfo(info)).height, -48)
  })

  test('is refused when it is cut short, lies about its size or goes on too long', () => {
    for (let length = 0; length < 40; length++) refused(() => readBitmapInfo(wmv2.subarray(0, length)))
    refused(() => readBitmapInfo(hex(`27${Buffer.from(wmv2).toString('hex').slice(2)}`)))
    const long = new Uint8Array(41 + MAX_BITMAP_EXTRA)
    long.set(wmv2)
    refused(() => readBitmapInfo(long))
  })

  test('FourCCs and codecs', () => {
    for (const codec of ['msmpeg4v2', 'msmpeg4v3', 'wmv1', 'wmv2', 'wmv3', 'vc1'] as const) {
      assert.equal(wmvCodecOf(wmvFourCc(codec)), codec)
      assert.equal(wmvCodecOf(wmvFourCc(codec).toLowerCase()), codec)
    }
    assert.equal(wmvCodecOf('WMVA'), 'vc1')
    assert.equal(wmvCodecOf('XVID'), undefined)
  })
})

describe('VC-1 sequence headers', () => {
  test('of the advanced profile tell level and size', () => {
    assert.deepEqual(readVc1AdvancedSequence(vc1), {
      profile: VC1_PROFILE.ADVANCED,
      level: 1,
      size: { width: 1280, height: 720 },
    })
    assert.deepEqual(trackParameters('vc1', vc1), { video: { width: 1280, height: 720 } })
  })

  test('of the simple and main profiles tell profile and B pictures', () => {
    // main profile, loop filter, fast transform, variable transform, overlap; one B picture
    assert.deepEqual(readVc1SimpleSequence(hex('4ef91a11')), { profile: VC1_PROFILE.MAIN, maxBFrames: 1 })
    assert.deepEqual(trackParameters('wmv3', hex('4ef91a11')), {})
  })

  test('are refused when they are cut short, missing, or of another profile', () => {
    refused(() => readVc1SimpleSequence(hex('4ef91a')))
    for (const text of ['', '0000010f', '0000010f cbea27', '0000010e 1a46', '0000010f 4bea27f167']) {
      refused(() => readVc1AdvancedSequence(hex(text)))
    }
  })
})

describe('Windows Media Audio packets', () => {
  test('have a length where their blocks tell', () => {
    const format = readWaveFormat(wma2)
    assert.equal(wmaPacketSamples(format, new Uint8Array(743)), 2048)
    assert.equal(wmaPacketSamples(format, new Uint8Array(2 * 743)), 4096)
    assert.equal(wmaPacketSamples(readWaveFormat(wma1), new Uint8Array(185)), 1024)
    const reservoir = { ...format, extra: hex('00000000030000000000') }
    const blocks = new Uint8Array(2 * 743)
    blocks[0] = 0x15
    blocks[743] = 0x23
    assert.equal(wmaPacketSamples(reservoir, blocks), (5 + 3) * 2048)
    assert.equal(wmaPacketSamples({ ...format, sampleRate: 16_000 }, new Uint8Array(1)), 512)
    assert.equal(wmaPacketSamples(format, new Uint8Array(0)), undefined)
    assert.equal(wmaPacketSamples({ ...format, tag: 0x162 }, new Uint8Array(743)), undefined)
  })

  test('of a track are measured by its configuration', () => {
    const track: Track = { id: 101, kind: 'audio', codec: 'wma2', config: wma2, timescale: 1000 }
    assert.equal(audioPacketSamples(track, new Uint8Array(743)), 2048)
    assert.equal(audioPacketSamples({ ...track, config: hex('61') }, new Uint8Array(743)), undefined)
    assert.deepEqual(trackParameters('wma2', wma2), { audio: { sampleRate: 44_100, channels: 1 } })
    assert.deepEqual(trackParameters('wmapro', wma2), { audio: { sampleRate: 44_100, channels: 1 } })
  })

  test('have no codec string', () => {
    const track: Track = { id: 101, kind: 'audio', codec: 'wma2', config: wma2, timescale: 1000 }
    assert.throws(() => codecString(track), { code: 'ERR_CODEC_NO_STRING', message: /wma2/ })
  })
})
