/** ASX files: golden output, what players' readers accept, and what is refused. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { formatAsx } from './format.ts'
import type { Asx } from './model.ts'

const FULL: Asx = {
  title: 'City council & "friends"',
  base: 'http://media.test/base/',
  logUrls: ['http://log.test/a?b&c'],
  parameters: [{ name: 'log:cs-media-role', value: 'ad' }],
  items: [
    {
      type: 'entry',
      clientSkip: false,
      title: 'Live <session>',
      startMs: 90_500,
      references: [
        { href: 'rtsp://media.test/council' },
        { href: 'mms://media.test/council', startMs: 0, durationMs: 36_061_007 },
        { href: 'http://media.test/council?a=1&b=2' },
      ],
    },
    { type: 'entryref', href: 'http://media.test/more.asx' },
    { type: 'repeat', count: 2, items: [{ type: 'entry', references: [{ href: 'mms://media.test/b' }] }] },
    { type: 'event', name: 'news', whenDone: 'RESUME', items: [] },
  ],
}

const FULL_TEXT = `<ASX VERSION="3.0">
  <TITLE>City council &amp; &quot;friends&quot;</TITLE>
  <BASE HREF="http://media.test/base/" />
  <LOGURL HREF="http://log.test/a?b&amp;c" />
  <PARAM NAME="log:cs-media-role" VALUE="ad" />
  <ENTRY CLIENTSKIP="NO">
    <TITLE>Live &lt;session&gt;</TITLE>
    <STARTTIME VALUE="00:01:30.500" />
    <REF HREF="rtsp://media.test/council" />
    <REF HREF="mms://media.test/council">
      <STARTTIME VALUE="00:00:00.000" />
      <DURATION VALUE="10:01:01.007" />
    </REF>
    <REF HREF="http://media.test/council?a=1&amp;b=2" />
  </ENTRY>
  <ENTRYREF HREF="http://media.test/more.asx" />
  <REPEAT COUNT="2">
    <ENTRY>
      <REF HREF="mms://media.test/b" />
    </ENTRY>
  </REPEAT>
  <EVENT NAME="news" WHENDONE="RESUME">
  </EVENT>
</ASX>
`

describe('an ASX file', () => {
  test('is written', () => {
    assert.equal(formatAsx(FULL), FULL_TEXT.replaceAll('\n', '\r\n'))
  })
})
