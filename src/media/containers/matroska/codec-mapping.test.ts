import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { readAacConfig } from '../../codecs/aac/config.ts'
import { readAvcConfig } from '../../codecs/h264/config.ts'
import { avcConfig, vp9KeyFrame } from '../../codecs/vectors.ts'
import { readVpxConfig } from '../../codecs/vp9/config.ts'
import { WAVE_FORMAT, writeWaveFormat } from '../../codecs/wma/wave-format.ts'
import { bitmapInfoOf, writeBitmapInfo } from '../../codecs/wmv/bitmap-info.ts'
import { Notes } from '../../notes.ts'
import { formatOf } from './codec-mapping.ts'
import { ID } from './element-id.ts'
import { foreignCodec } from './foreign-codec.ts'
import { languageOf } from './language.ts'
import { readTrackEntries, type TrackEntry } from './track-entry.ts'
import type { TrackFormat } from './track-format.ts'
import { element, float, trackEntry } from './vectors.ts'

/** With lengths of two bytes. */
const AVCC = avcConfig.map((byte, at) => (at === 4 ? 0xfd : byte))

function entryOf(
  type: number,
  codecId: string,
  codecPrivate?: Uint8Array,
  others: readonly Uint8Array[] = [],
): TrackEntry {
  const parts = codecPrivate === undefined ? others : [element(ID.CODEC_PRIVATE, codecPrivate), ...others]
  const [entry] = readTrackEntries(new ByteReader(trackEntry(1, type, codecId, parts)), false, new Notes())
  assert.ok(entry)
  return entry
}

function readable(entry: TrackEntry, frame?: Uint8Array): TrackFormat {
  const format = formatOf(entry, frame)
  assert.ok(format !== undefined && typeof format !== 'string', typeof format === 'string' ? format : 'none of ours')
  return format
}

const sound = (sampleRate: number, channels: number) => [
  element(ID.AUDIO, [float(ID.SAMPLING_FREQUENCY, sampleRate), element(ID.CHANNELS, channels)]),
]

describe('codecs of Matroska', () => {
  it('H.264 gets lengths of four bytes', () => {
    const format = readable(entryOf(1, 'V_MPEG4/ISO/AVC', AVCC))

    assert.equal(readAvcConfig(format.config ?? new Uint8Array(0)).lengthSize, 4)
    assert.deepEqual([...format.canonical(Uint8Array.of(0, 2, 9, 16, 0, 1, 7))], [0, 0, 0, 2, 9, 16, 0, 0, 0, 1, 7])
    assert.throws(() => format.canonical(Uint8Array.of(0, 9, 1)))
    assert.equal(typeof formatOf(entryOf(1, 'V_MPEG4/ISO/AVC'), undefined), 'string')
    assert.equal(typeof formatOf(entryOf(1, 'V_MPEGH/ISO/HEVC', Uint8Array.of(1, 2)), undefined), 'string')
  })

  it('VP9 is described by its first frame, and by the features that are told', () => {
    const features = Uint8Array.of(1, 1, 0, 2, 1, 31)

    const { config, video } = readable(entryOf(1, 'V_VP9', features), vp9KeyFrame)

    const { profile, level, bitDepth } = readVpxConfig(config ?? new Uint8Array(0))
    assert.deepEqual({ profile, level, bitDepth }, { profile: 0, level: 31, bitDepth: 8 })
    assert.equal(video?.width, 322)
    assert.equal(typeof formatOf(entryOf(1, 'V_VP9'), undefined), 'string')
  })

  it('AAC without private data is what its id says', () => {
    const config = (id: string, ...parameters: readonly [number, number]) =>
      readAacConfig(readable(entryOf(2, id, undefined, sound(...parameters))).config ?? new Uint8Array(0))

    const plain = config('A_AAC/MPEG2/LC', 44_100, 2)
    const extended = config('A_AAC/MPEG4/LC/SBR', 48_000, 1)

    assert.deepEqual([plain.objectType, plain.sampleRate, plain.channels], [2, 44_100, 2])
    assert.deepEqual([extended.objectType, extended.coreSampleRate, extended.channels], [2, 24_000, 1])
    assert.equal(typeof formatOf(entryOf(2, 'A_AAC', undefined, sound(44_100, 0)), undefined), 'string')
  })

  it('those of Windows Media keep the configuration of ASF', () => {
    const wave = { tag: WAVE_FORMAT.WMA2, channels: 2, sampleRate: 44_100, bytesPerSecond: 16_000, blockAlign: 743 }
    const extra = Uint8Array.of(1, 2, 3, 4)
    const waveBytes = writeWaveFormat({ ...wave, bitsPerSample: 16, extra })
    const pictures = (fourCc: string) =>
      entryOf(1, 'V_MS/VFW/FOURCC', writeBitmapInfo(bitmapInfoOf(fourCc, { width: 320, height: -180 }, extra)))

    const audio = readable(entryOf(2, 'A_MS/ACM', waveBytes))
    const wmv3 = readable(pictures('WMV3'))
    const vc1 = readable(pictures('WVC1'))

    assert.deepEqual([audio.codec, audio.config], ['wma2', waveBytes])
    assert.deepEqual([wmv3.codec, wmv3.config, wmv3.video], ['wmv3', extra, { width: 320, height: 180 }])
    assert.equal(wmv3.reordering, 'unknown')
    assert.deepEqual([...vc1.canonical(Uint8Array.of(0, 0, 1, 0x0d, 5))], [5])
    assert.deepEqual([...vc1.canonical(Uint8Array.of(5, 6))], [5, 6])
    assert.equal(formatOf(pictures('XVID'), undefined), undefined)
    assert.equal(foreignCodec(pictures('XVID')), 'mpeg4')
  })

  it('sound that ASF and AVI name is found by its tag', () => {
    const ofTag = (tag: number, extra: Uint8Array) =>
      entryOf(
        2,
        'A_MS/ACM',
        writeWaveFormat({
          tag,
          channels: 2,
          sampleRate: 44_100,
          bytesPerSecond: 0,
          blockAlign: 1,
          bitsPerSample: 16,
          extra,
        }),
      )

    assert.equal(readable(ofTag(WAVE_FORMAT.MP3, new Uint8Array(0))).codec, 'mp3')
    assert.equal(readable(ofTag(WAVE_FORMAT.AAC, Uint8Array.of(0x12, 0x10))).codec, 'aac')
    assert.equal(formatOf(ofTag(1, new Uint8Array(0)), undefined), undefined)
    assert.equal(typeof formatOf(entryOf(2, 'A_AC3'), undefined), 'string')
  })

  it('text of every form is a cue', () => {
    const cases: readonly (readonly [id: string, text: string, expected: string])[] = [
      ['S_TEXT/UTF8', '<b>a</b>\r\n\r\nb < c', '<b>a</b>\nb &lt; c'],
      ['S_TEXT/ASS', '1,0,Default,,0,0,0,,{\\i1}a, b{\\i0}\\Nc', '<i>a, b</i>\nc'],
      ['S_TEXT/WEBVTT', '<c.red>a</c>\n\nb --> c', '<c.red>a</c>\nb --&gt; c'],
      ['D_WEBVTT/SUBTITLES', 'name\nline:0\na\nb', 'a\nb'],
    ]
    for (const [id, text, expected] of cases) {
      const format = readable(entryOf(17, id))

      assert.equal(new TextDecoder().decode(format.canonical(new TextEncoder().encode(text))), expected, id)
    }
    for (const id of ['S_VOBSUB', 'constructor', '__proto__'])
      assert.equal(formatOf(entryOf(17, id), undefined), undefined)
  })

  it('that are foreign have the names that others use', () => {
    const names = ['V_MPEG4/ISO/ASP', 'A_DTS/EXPRESS', 'A_PCM/INT/LIT', 'A_PCM/FLOAT/IEEE', 'V_NEW\u0007'].map((id) =>
      foreignCodec(entryOf(1, id)),
    )

    assert.deepEqual(names, ['mpeg4', 'dts', 'pcm_s16le', 'pcm_f32le', 'V_NEW?'])
  })
})

describe('languages', () => {
  it('are those of BCP 47', () => {
    const cases = {
      ger: 'de',
      deu: 'de',
      eng: 'en',
      und: undefined,
      fil: 'fil',
      'pt-BR': 'pt-BR',
      'x<': undefined,
      '': undefined,
    }

    for (const [element, expected] of Object.entries(cases)) assert.equal(languageOf(element), expected, element)
  })
})
