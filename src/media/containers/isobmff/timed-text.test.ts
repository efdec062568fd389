/** Samples of subtitles as cues of WebVTT. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../../errors.ts'
import { memorySource } from '../../byte-source.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { Track } from '../../track.ts'
import { writeBox } from './box.ts'
import { writeTextInitSegment } from './init-segment.ts'
import { unpackLanguage } from './language.ts'
import { MovieReader } from './movie-reader.ts'
import { writeTextSegment } from './text-segment.ts'
import { cuesOfSample } from './timed-text.ts'

/** A `tx3g` sample; styles are start, end and flags. */
function styled(text: Uint8Array, styles: readonly (readonly [number, number, number])[] = []): Uint8Array {
  const writer = new ByteWriter()
  writer.u16(text.byteLength).bytes(text)
  if (styles.length > 0) {
    writeBox(writer, 'styl', () => {
      writer.u16(styles.length)
      for (const [start, end, flags] of styles) writer.u16(start).u16(end).u16(1).u8(flags).u8(18).u32(0xffff_ffff)
    })
  }
  return writer.toBytes()
}

const utf8 = (text: string) => new TextEncoder().encode(text)

describe('timed text', () => {
  it('keeps bold, italic and underlined words, and escapes what WebVTT would read as tags', () => {
    assert.deepEqual(cuesOfSample(styled(utf8('a <b> word')), 'tx3g'), ['a &lt;b&gt; word'])
    const text = utf8('Käse & Brot 😀 gut')
    const sample = styled(text, [
      [0, 4, 1],
      [7, 11, 2],
      [12, 13, 7],
    ])
    assert.deepEqual(cuesOfSample(sample, 'tx3g'), ['<b>Käse</b> &amp; <i>Brot</i> <b><i><u>😀</u></i></b> gut'])
  })

  it('reads UTF-16, and shows nothing where there is nothing', () => {
    const utf16 = Uint8Array.of(0xfe, 0xff, 0x00, 0x48, 0x00, 0xe4)
    assert.deepEqual(cuesOfSample(styled(utf16), 'tx3g'), ['Hä'])
    assert.deepEqual(cuesOfSample(styled(new Uint8Array(0)), 'tx3g'), [])
    assert.deepEqual(cuesOfSample(new Uint8Array(0), 'tx3g'), [])
  })

  it('refuses lengths that leave the sample, and passes over styles that lie', () => {
    assert.throws(() => cuesOfSample(Uint8Array.of(0, 9, 0x41), 'tx3g'), FormatError)
    assert.throws(() => cuesOfSample(Uint8Array.of(0, 0, 0, 99, 0x76, 0x74, 0x74, 0x63), 'wvtt'), FormatError)
    const lying = styled(utf8('abc'), [
      [2, 1, 1],
      [1, 60_000, 1],
    ])
    assert.deepEqual(cuesOfSample(lying, 'tx3g'), ['a<b>bc</b>'])
  })

  it('reads WebVTT in fragments as it was written', async () => {
    const track: Track = { id: 301, kind: 'text', codec: 'webvtt', timescale: 1000, language: 'de' }
    const cues = [
      { start: 500_000, end: 1_500_000, text: 'One <i>and</i>' },
      { start: 1_000_000, end: 1_500_000, text: 'two\nlines' },
      { start: 3_000_000, end: 4_000_000, text: 'three' },
    ]
    const file = new ByteWriter()
    file.bytes(writeTextInitSegment(track))
    file.bytes(writeTextSegment(track, cues, { start: 0, duration: 5_000_000 }, { sequence: 1 }))
    const reader = await MovieReader.open(memorySource(file.toBytes()))

    const shown: [number, number | undefined, string][] = []
    for await (const { pts, duration, data } of reader.packets(Number.NEGATIVE_INFINITY)) {
      shown.push([pts, duration, new TextDecoder().decode(data)])
    }

    assert.deepEqual([reader.tracks[0]?.codec, reader.tracks[0]?.language], ['webvtt', 'de'])
    assert.deepEqual(shown, [
      [500_000, 500_000, 'One <i>and</i>'],
      [1_000_000, 500_000, 'One <i>and</i>'],
      [1_000_000, 500_000, 'two\nlines'],
      [3_000_000, 1_000_000, 'three'],
    ])
  })

  it('knows languages of ISO 639-2 in both forms, and those of the Macintosh', () => {
    const packed = (letters: string) =>
      Array.from(letters).reduce((sum, letter) => sum * 32 + letter.charCodeAt(0) - 0x60, 0)
    assert.deepEqual(
      ['deu', 'ger', 'fre', 'swe', 'und', 'tlh'].map((letters) => unpackLanguage(packed(letters))),
      ['de', 'de', 'fr', 'sv', undefined, 'tlh'],
    )
    assert.deepEqual([0, 2, 11, 32, 1000, 0x7fff].map(unpackLanguage), [
      undefined,
      'de',
      'ja',
      'ru',
      undefined,
      undefined,
    ])
  })
})
