/** ASX files: golden output, what players' readers accept, and what is refused. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FormatError } from '../../../errors.ts'
import { formatAsx } from './format.ts'
import type { Asx } from './model.ts'
import { parseAsx } from './parse.ts'

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

  test('comes back as it was', () => {
    assert.deepEqual(parseAsx(formatAsx(FULL)), FULL)
  })

  test('PC-01: sources of an entry keep their order, for the case that one fails', () => {
    const [entry] = parseAsx(FULL_TEXT).items
    assert.ok(entry?.type === 'entry')
    assert.deepEqual(
      entry.references.map(({ href }) => href.slice(0, 4)),
      ['rtsp', 'mms:', 'http'],
    )
  })

  test('PC-01: is read however sloppy it is written', () => {
    const text = `\ufeff
      <asx Version = 3.0>
        <!-- <ENTRY> in a comment -->
        <?wpl?>
        <title> News & <b>more</b></title>
        <Abstract>a &lt; b &amp;&#65;&#x42; &own; &#0; 1 < 2</Abstract>
        <logurl href='http://a.test/?b=c&d=e'><LOGURL HREF="http://a.test/?b=c&amp;d=e"/>
        <entry clientskip=No>
          <REF href=mms://media.test/a/>
          <Ref HREF = "http://media.test/a?b=c&d=e">
            <starttime value="1:02:03.5"/>
          <REF
            HREF='x y'
            HREF="second" junk = , />
          <DURATION VALUE=90 />
          <unknown><nested thing="1"></unknown>
          <param name=log:cs-media-role value=ad>
        <entry>
          <title><![CDATA[<b> & c]]></title>
          <ref href=b.wmv>
        </ENTRY>
        <entryref href="more.asx" clientbind="no">
      </ASX>`
    assert.deepEqual(parseAsx(text), {
      title: 'News &',
      abstract: 'a < b &AB &own; &#0; 1 < 2',
      logUrls: ['http://a.test/?b=c&d=e'],
      items: [
        {
          type: 'entry',
          clientSkip: false,
          references: [
            { href: 'mms://media.test/a' },
            { href: 'http://media.test/a?b=c&d=e', startMs: 3_723_500 },
            { href: 'x y' },
          ],
          durationMs: 90_000,
          parameters: [{ name: 'log:cs-media-role', value: 'ad' }],
        },
        { type: 'entry', title: '<b> & c', references: [{ href: 'b.wmv' }] },
        { type: 'entryref', href: 'more.asx' },
      ],
    })
  })

  test('VLC, MPlayer: a source outside of any entry is an entry', () => {
    assert.deepEqual(parseAsx('<ASX><REF HREF="a"/><REF HREF="b"/></ASX>').items, [
      { type: 'entry', references: [{ href: 'a' }] },
      { type: 'entry', references: [{ href: 'b' }] },
    ])
  })

  test('repeats and events nest, and end when their end is missing', () => {
    const entry = (href: string) => ({ type: 'entry', references: [{ href }] })
    assert.deepEqual(
      parseAsx(
        '<ASX><REPEAT><ENTRY><REF HREF="a"/></ENTRY><REPEAT COUNT="2"><ENTRY><REF HREF="b"/></REPEAT></REPEAT>' +
          '</REPEAT><EVENT NAME="e" WHENDONE="NEXT"><ENTRY><REF HREF="c"/></ENTRY></ASX>',
      ).items,
      [
        { type: 'repeat', items: [entry('a'), { type: 'repeat', count: 2, items: [entry('b')] }] },
        { type: 'event', name: 'e', whenDone: 'NEXT', items: [entry('c')] },
      ],
    )
  })

  test('PC-01: clip times have one to three parts', () => {
    const start = (value: string) => {
      const [entry] = parseAsx(`<ASX><ENTRY><STARTTIME VALUE="${value}"/></ENTRY></ASX>`).items
      return entry?.type === 'entry' ? entry.startMs : undefined
    }
    assert.equal(start('00:00:00.000'), 0)
    assert.equal(start('10:01:01.007'), 36_061_007)
    assert.equal(start('01:30'), 90_000)
    assert.equal(start(' 5.25 '), 5250)
    for (const value of ['', 'x', '-1', '1:2:3:4', '1e3', '99999999']) assert.equal(start(value), undefined, value)
  })

  test('is read in its older text forms', () => {
    const references = [{ href: 'http://192.0.2.1:8080/a?MSWMExt=.asf' }, { href: 'http://192.0.2.2/a' }]
    assert.deepEqual(
      parseAsx(
        '[Reference]\r\nRef1=http://192.0.2.1:8080/a?MSWMExt=.asf\r\n ref2 = http://192.0.2.2/a \r\nRef3=\r\nother=1\r\n',
      ),
      { items: [{ type: 'entry', references }] },
    )
    assert.deepEqual(parseAsx('ASF http://192.0.2.1/a\r\n'), {
      items: [{ type: 'entry', references: [{ href: 'http://192.0.2.1/a' }] }],
    })
    assert.deepEqual(parseAsx('[Reference]'), { items: [] })
  })

  test('X-01, X-03: a document type definition is refused where it begins', () => {
    for (const text of [
      '<!DOCTYPE ASX [<!ENTITY a SYSTEM "file:///etc/passwd">]><ASX></ASX>',
      '<?xml version="1.0"?><!doctype asx><ASX></ASX>',
      '<ASX><!ENTITY a "b"></ASX>',
    ]) {
      assert.throws(() => parseAsx(text), { code: 'ERR_ASX_SYNTAX', message: /no document type definition/ })
    }
  })

  test('X-02: references become no longer than they are written', () => {
    const text = `<ASX><TITLE>${'&#65;'.repeat(10_000)}${'&own;'.repeat(1000)}</TITLE></ASX>`
    assert.equal(parseAsx(text).title, 'A'.repeat(10_000) + '&own;'.repeat(1000))
  })

  test('X-04: size, depth and numbers have limits', () => {
    const attributes = Array.from({ length: 300 }, (_, at) => `a${at}=1`).join(' ')
    for (const text of [
      ' '.repeat(1_048_577),
      `<ASX>${'<REPEAT>'.repeat(100)}`,
      `<ASX><REF ${attributes}/></ASX>`,
      `<ASX><REF HREF="${'a'.repeat(65_537)}"/></ASX>`,
      `<ASX><TITLE>${'a'.repeat(65_537)}</TITLE></ASX>`,
      `<ASX><ENTRY>${'<REF HREF=a />'.repeat(10_001)}</ENTRY></ASX>`,
      `<ASX>${'<a>'.repeat(100_001)}</ASX>`,
      `<ASX>${Array.from({ length: 101 }, (_, at) => `<LOGURL HREF=${at} />`).join('')}</ASX>`,
      `[Reference]\n${'Ref1=a\n'.repeat(10_001)}`,
      `ASF ${'a'.repeat(65_537)}`,
    ]) {
      assert.throws(() => parseAsx(text), { code: 'ERR_ASX_TOO_LARGE' }, text.slice(0, 40))
    }
    assert.deepEqual(parseAsx(`<ASX>${'<a>'.repeat(90_000)}</ASX>`).items, [])
  })

  test('other texts are refused, and what ends within a tag', () => {
    for (const text of [
      '',
      '   ',
      'hello',
      '<html></html>',
      'text <ASX>',
      '<ASX',
      '<ASX><REF HREF="a',
      '<ASX><!-- a',
      '</ASX>',
      '{}',
    ]) {
      assert.throws(
        () => parseAsx(text),
        (error) => error instanceof FormatError && error.code === 'ERR_ASX_SYNTAX',
        text,
      )
    }
  })

  test('a file that was cut anywhere ends in a result or in our error', () => {
    for (let length = 0; length < FULL_TEXT.length; length++) {
      try {
        parseAsx(FULL_TEXT.slice(0, length))
      } catch (error) {
        assert.ok(error instanceof FormatError, `${length} characters: ${String(error)}`)
      }
    }
  })
})
