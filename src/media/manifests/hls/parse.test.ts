import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FormatError } from '../../../errors.ts'
import { parsePlaylist } from './parse.ts'

const HEAD = '#EXTM3U\n#EXT-X-TARGETDURATION:4\n'

const refused: Record<string, string> = {
  'no playlist': 'hello',
  'empty text': '',
  'another tag that begins alike': '#EXTM3U8\n',
  'no target duration': '#EXTM3U\n#EXTINF:4,\na\n',
  'tags of both kinds': `${HEAD}#EXT-X-STREAM-INF:BANDWIDTH=1\na\n`,
  'a URI without EXTINF': `${HEAD}a.ts\n`,
  'a variant URI without its tag': '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\nb\n',
  'EXTINF NaN (X-07)': `${HEAD}#EXTINF:NaN,\na\n`,
  'EXTINF 1e308 (X-07)': `${HEAD}#EXTINF:1e308,\na\n`,
  'EXTINF of 300 digits': `${HEAD}#EXTINF:${'9'.repeat(300)},\na\n`,
  'EXTINF negative': `${HEAD}#EXTINF:-1,\na\n`,
  'a media sequence above 2^53': `${HEAD}#EXT-X-MEDIA-SEQUENCE:9007199254740993\n`,
  'a line of 1 MiB (X-07)': `${HEAD}#${'x'.repeat(1024 * 1024)}\n`,
  'a million lines (X-07)': `${HEAD}${'#\n'.repeat(1_000_000)}`,
  'a text of 17 MiB': `${HEAD}${`${' '.repeat(60_000)}\n`.repeat(300)}`,
  'an unclosed quote': `${HEAD}#EXT-X-MAP:URI="init.mp4\n`,
  'an attribute without a value': `${HEAD}#EXT-X-MAP:URI\n`,
  'a map without a URI': `${HEAD}#EXT-X-MAP:X=1\n`,
  'a part without a duration': `${HEAD}#EXT-X-PART:URI="a"\n`,
  'a byte range without a start': `${HEAD}#EXTINF:4,\n#EXT-X-BYTERANGE:100\na\n`,
  'a thousand attributes': `${HEAD}#EXT-X-MAP:URI="a"${Array.from({ length: 1000 }, (_, index) => `,X${index}=1`).join('')}\n`,
  'a date that is none': `${HEAD}#EXT-X-PROGRAM-DATE-TIME:yesterday\n`,
}

for (const [what, text] of Object.entries(refused)) {
  test(`refused: ${what}`, () => {
    assert.throws(() => parsePlaylist(text), FormatError)
  })
}

test('ranges without an offset continue the one before', () => {
  const playlist = parsePlaylist(
    `${HEAD}#EXT-X-PART-INF:PART-TARGET=1\n` +
      '#EXT-X-PART:DURATION=1,URI="a",BYTERANGE="10@5"\n#EXT-X-PART:DURATION=1,URI="a",BYTERANGE="20"\n' +
      '#EXTINF:4,\n#EXT-X-BYTERANGE:30@5\na\n#EXTINF:4,\n#EXT-X-BYTERANGE:7\na\n',
  )

  assert.ok(playlist.type === 'media')
  assert.deepEqual(
    playlist.segments.map((segment) => segment.byteRange),
    [
      { length: 30, offset: 5 },
      { length: 7, offset: 35 },
    ],
  )
  assert.deepEqual(playlist.segments[0]?.parts[1]?.byteRange, { length: 20, offset: 15 })
})

test('what others write loosely is understood', () => {
  const playlist = parsePlaylist(
    '#EXTM3U\r\n#EXT-X-TARGETDURATION:4.0\r\n#EXT-X-DEFINE:NAME="a",VALUE="b"\r\n#EXT-X-START:TIME-OFFSET=0\r\n' +
      '#EXT-X-MAP:URI="i,n=i t.mp4", BYTERANGE="8"\r\n#EXT-X-KEY:METHOD=NONE\r\n#EXTINF:4\r\n  a.mp4  \r\n#EXT-X-ENDLIST\r\n#EXT-X-PRELOAD-HINT:TYPE=ELSE,URI=""',
  )

  assert.ok(playlist.type === 'media')
  assert.deepEqual(playlist.segments, [
    { map: { uri: 'i,n=i t.mp4', byteRange: { length: 8, offset: 0 } }, parts: [], duration: 4, uri: 'a.mp4' },
  ])
  assert.equal(playlist.targetDuration, 4)
  assert.equal(playlist.ended, true)
})
