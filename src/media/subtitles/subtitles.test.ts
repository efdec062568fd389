import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FormatError } from '../../errors.ts'
import { assText, assTextOfBlock } from './ass-text.ts'
import { type Cue, cueOfPacket, cuesWithin, MAX_CUE_LENGTH, MAX_CUES } from './cue.ts'
import { parseSubtitles } from './parse.ts'
import { parseSrt } from './srt.ts'
import { srtText } from './srt-text.ts'
import { MAX_SUBTITLE_BYTES } from './text-encoding.ts'
import { SRT, SRT_UNTIDY, VTT, VTT_UNTIDY } from './vectors.ts'
import { parseWebVtt, writeWebVtt, writeWebVttSegment } from './webvtt.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

describe('SubRip', () => {
  it('is read with its tags and its lines', () => {
    assert.deepEqual(parseSrt(SRT), [
      { start: 1_000_000, end: 2_500_000, text: '<i>First</i> &amp; <b>bold</b>\nsecond line' },
      { start: 3_000_000, end: 4_000_000, text: 'a &lt; b &lt;3 --&gt;' },
    ])
  })

  it('is read where it is untidy', () => {
    assert.deepEqual(parseSubtitles(utf8(SRT_UNTIDY)), [
      { start: 1_500_000, end: 2_500_000, text: 'Top\nof it', settings: 'line:0' },
      { start: 3_000_000, end: 4_000_000, text: 'Red\nafter an empty line' },
      { start: 5_000_000, end: 6_000_000, text: '1984\nx' },
      { start: 7_100_000, end: 7_250_000, text: '<i>open</i>' },
    ])
  })

  it('nests tags, leaves unknown ones out, and keeps escapes', () => {
    const cases: readonly (readonly [string, string])[] = [
      ['<b>a<i>b</b>c</i>', '<b>a<i>b</i></b><i>c</i>'],
      ['<i></i>x<u>', 'x'],
      ['{b}a{/b} {\\i1}b {y:i}c', '<b>a</b> b {y:i}c'],
      ['<span class="x">a</span> &amp; &nbsp;&copy; 1 > 0', 'a &amp; &nbsp;&amp;copy; 1 &gt; 0'],
      ['<<i>x', '&lt;<i>x</i>'],
      ['</i>x', 'x'],
    ]
    for (const [source, expected] of cases) assert.equal(srtText(source).text, expected, source)
  })

  it('is cut where it is too much', () => {
    const long = parseSrt(`00:00:01,000 --> 00:00:02,000\n${'<'.repeat(MAX_CUE_LENGTH * 2)}`)
    const many = parseSrt('00:00:01,000 --> 00:00:02,000\nx\n'.repeat(MAX_CUES + 10))

    assert.equal(long[0]?.text, '&lt;'.repeat(MAX_CUE_LENGTH))
    assert.equal(many.length, MAX_CUES)
  })
})

describe('SubStation Alpha text', () => {
  it('keeps styles, lines and places', () => {
    const cases: readonly (readonly [string, string, string?])[] = [
      ['{\\i1}Hello{\\i0}\\Nworld', '<i>Hello</i>\nworld'],
      ['{\\b700\\pos(10,20)}big{\\r} {\\fs20\\bord3}small', '<b>big</b> small'],
      ['{\\an8\\an2}top', 'top', 'line:0'],
      ['{\\a5}old top left', 'old top left', 'line:0 align:start position:0%'],
      ['{\\a10}middle', 'middle', 'line:50%'],
      ['{\\p1}m 0 0 l 10 10{\\p0}text', 'text'],
      ['{comment}a\\hb\\nc {open', 'a\u00a0b c {open'],
      ['{\\iclip(0,0,1,1)\\alpha&HFF&\\be1\\u1}x', '<u>x</u>'],
      ['{\\p1}m 0 0 l 10 10', ''],
    ]
    for (const [source, expected, settings] of cases) {
      assert.deepEqual(assText(source), { text: expected, ...(settings !== undefined && { settings }) }, source)
    }
  })

  it('is found behind the fields of an event', () => {
    assert.deepEqual(assTextOfBlock('5,0,Default,,0,0,0,,Hello, {\\b1}you'), { text: 'Hello, <b>you</b>' })
    assert.deepEqual(assTextOfBlock('Hello, you'), { text: 'Hello, you' })
  })
})

describe('WebVTT', () => {
  it('is read without its styles, regions and notes', () => {
    assert.deepEqual(parseSubtitles(utf8(VTT)), [
      {
        start: 1_000_000,
        end: 2_500_000,
        text: '<v Anna>Hello &amp; <i>welcome</i></v>\nsecond line',
        settings: 'line:0 align:start',
      },
      { start: 3_603_000_000, end: 3_604_000_000, text: '<c.yellow>late</c>' },
    ])
  })

  it('is read where it is untidy', () => {
    assert.deepEqual(parseWebVtt(VTT_UNTIDY), [
      { start: 1_000_000, end: 2_000_000, text: 'one' },
      { start: 2_000_000, end: 3_000_000, text: 'two\ufffd' },
    ])
  })

  it('comes back as it was written', () => {
    const payload = fc
      .array(fc.constantFrom('a', '&', '<', '>', '-->', '\n', ' ', '{b}', '<i>', 'ö', '\0', '1'), { maxLength: 12 })
      .map((parts) => srtText(parts.join('')).text)
      .filter((written) => written !== '')
    const cue = fc
      .record({ start: fc.nat(1e7), length: fc.integer({ min: 1, max: 1e5 }), text: payload })
      .map(({ start, length, text }): Cue => ({ start: start * 1000, end: (start + length) * 1000, text }))
    fc.assert(
      fc.property(fc.array(cue, { maxLength: 5 }), (cues) => {
        const sorted = [...cues].sort((a, b) => a.start - b.start)

        assert.deepEqual(parseWebVtt(text(writeWebVtt(sorted))), sorted)
      }),
      { seed: 1 },
    )
  })

  it('has a cue in every segment that it touches, with its own times', () => {
    const cues: Cue[] = [
      { start: 0, end: 2_000_000, text: 'one' },
      { start: 1_500_000, end: 8_000_000, text: 'two', settings: 'line:0' },
      { start: 6_000_000, end: 7_000_000, text: 'three' },
    ]

    const segments = [0, 1, 2].map((n) => text(writeWebVttSegment(cues, { start: n * 4_000_000, duration: 4_000_000 })))

    const head = 'WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n'
    const two = '00:00:01.500 --> 00:00:08.000 line:0\ntwo\n\n'
    assert.deepEqual(segments, [
      `${head}00:00:00.000 --> 00:00:02.000\none\n\n${two}`,
      `${head}${two}00:00:06.000 --> 00:00:07.000\nthree\n\n`,
      head,
    ])
    assert.match(
      text(writeWebVttSegment([], { start: 0, duration: 1 }, { mediaStart: 2_000_000 })),
      /MPEGTS:180000,LOCAL/,
    )
  })
})

describe('subtitle files', () => {
  it('are read in every encoding they are saved in', () => {
    const film = '1\n00:00:01,000 --> 00:00:02,000\nÖl für 5 €\n'
    const utf16 = new Uint8Array(Buffer.from(`\ufeff${film}`, 'utf16le'))
    const encodings = {
      utf8: utf8(film),
      utf8Marked: utf8(`\ufeff${film}`),
      utf16,
      utf16Big: new Uint8Array(Buffer.from(utf16).swap16()),
      windows1252: new Uint8Array(Buffer.from(film.replace('€', '\u0080'), 'latin1')),
    }

    for (const [name, bytes] of Object.entries(encodings)) {
      assert.deepEqual(parseSubtitles(bytes), [{ start: 1_000_000, end: 2_000_000, text: 'Öl für 5 €' }], name)
    }
  })

  it('are refused when they are none, or too large', () => {
    const refused = (code: string) => (error: unknown) => error instanceof FormatError && error.code === code

    assert.throws(() => parseSubtitles(utf8('no subtitles')), refused('ERR_SUBTITLE_FORMAT'))
    assert.throws(() => parseSubtitles(new Uint8Array(MAX_SUBTITLE_BYTES + 1)), refused('ERR_SUBTITLE_TOO_LARGE'))
    assert.deepEqual(parseSubtitles(utf8(' \n')), [])
    assert.deepEqual(parseSubtitles(utf8('WEBVTT')), [])
  })

  it('fill a segment only so far', () => {
    const cues = Array.from({ length: 2000 }, (): Cue => ({ start: 0, end: 1e9, text: 'x'.repeat(200) }))
    const long = Array.from({ length: 100 }, (): Cue => ({ start: 0, end: 1e9, text: 'x'.repeat(MAX_CUE_LENGTH) }))

    assert.equal(cuesWithin(cues, { start: 0, duration: 1 }).length, 1000)
    assert.equal(cuesWithin(long, { start: 0, duration: 1 }).length, 64)
  })

  it('may be packets', () => {
    const track = { id: 301, kind: 'text', codec: 'webvtt', timescale: 1000 } as const
    const packet = { track, data: utf8('a &amp; b'), pts: 5, dts: 5, key: true }

    assert.deepEqual(cueOfPacket({ ...packet, duration: 10 }), { start: 5, end: 15, text: 'a &amp; b' })
    assert.deepEqual(cueOfPacket(packet), { start: 5, end: 5_000_005, text: 'a &amp; b' })
  })
})
