/** Play logs as lines and as XML: fields, kinds, round trips, and what is refused. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FormatError } from '../errors.ts'
import { playLogOf } from './play-log.ts'
import { LINE_44, LINE_47, LINE_52, STREAMING_LINE } from './vectors.ts'
import { wmlogKind } from './wmlog.ts'
import { WMLOG_FIELDS, WMLOG_LINES, type WmlogField } from './wmlog-fields.ts'
import { formatWmlogLine, parseWmlogLine } from './wmlog-line.ts'
import { formatWmlogXml, parseWmlogXml } from './wmlog-xml.ts'

const CONNECT_XML =
  '<XML><Summary></Summary><c-dns>-</c-dns><c-ip>0.0.0.0</c-ip><c-os>Linux</c-os><c-osversion>6.1.0.0</c-osversion>' +
  '<date>2031-05-06</date><time>07:08:01</time><c-cpu>x64</c-cpu><transport>TCP</transport></XML>'

/** The line with one field replaced. */
function withField(line: string, name: WmlogField, value: string): string {
  const words = line.split(' ')
  const form = words.length as 44 | 47 | 52
  words[WMLOG_LINES[form].indexOf(name)] = value
  return words.join(' ')
}

function throwsCode(run: () => unknown, code: string, message?: RegExp): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof FormatError, String(error))
    assert.equal(error.code, code)
    if (message !== undefined) assert.match(error.message, message)
    return true
  })
}

describe('a log line', () => {
  test('LOG-01: has 44, 47 or 52 fields in the given order', () => {
    assert.deepEqual(
      [44, 47, 52].map((form) => WMLOG_LINES[form as 44].length),
      [44, 47, 52],
    )
    assert.equal(WMLOG_LINES[44].indexOf('c-pkts-received'), 30)
    assert.equal(WMLOG_LINES[44][43], 's-cpu-util')
    assert.deepEqual(WMLOG_LINES[47].slice(44), ['cs-url', 'cs-media-name', 'cs-media-role'])
    assert.deepEqual(WMLOG_LINES[52].slice(44), [
      'cs-user-name',
      's-session-id',
      's-content-path',
      'cs-url',
      'cs-media-name',
      'c-max-bandwidth',
      'cs-media-role',
      's-proxied',
    ])
    for (const form of [44, 47, 52] as const) assert.equal(new Set(WMLOG_LINES[form]).size, form)
    assert.deepEqual(new Set(WMLOG_LINES[52]), new Set(Object.keys(WMLOG_FIELDS)))
  })

  test('comes out as it came in', () => {
    for (const [line, form] of [
      [LINE_44, 44],
      [LINE_47, 47],
      [LINE_52, 52],
      [STREAMING_LINE, 47],
    ] as const) {
      const log = parseWmlogLine(line)
      assert.equal(log.form, form)
      assert.equal(formatWmlogLine(log, form), line)
    }
  })

  test('has typed fields; - is undefined', () => {
    const { fields } = parseWmlogLine(LINE_47)
    assert.equal(fields['c-ip'], '0.0.0.0')
    assert.equal(fields.date, '2031-05-06')
    assert.equal(fields['c-starttime'], 12)
    assert.equal(fields['x-duration'], 48)
    assert.equal(fields['c-rate'], 1)
    assert.equal(fields['c-status'], 200)
    assert.equal(fields['cs-User-Agent'], 'TestPlayer/1.4_(Suite)')
    assert.equal(fields['cs-url'], 'http://media.test/harbour.wmv?WMCache=0')
    assert.ok(!('c-dns' in fields))
    assert.ok(!('cs-media-role' in fields))
  })

  test('is read with what players put around it', () => {
    assert.equal(formatWmlogLine(parseWmlogLine(` \t${LINE_44}\r\n\0`), 44), LINE_44)
  })

  test('fills and drops fields when written in another form', () => {
    const log = parseWmlogLine(LINE_52)
    assert.equal(formatWmlogLine(log, 44), LINE_52.split(' ').slice(0, 44).join(' '))
    assert.equal(formatWmlogLine(parseWmlogLine(LINE_44), 47), `${LINE_44} - - -`)
  })

  test('LOG-02: spaces become _, nothing becomes -, URLs are percent-encoded UTF-8', () => {
    const fields = {
      'cs-User-Agent': 'A b  c',
      'c-hostexe': '',
      'cs-media-name': 'Café 1',
      'cs-url': 'http://a.test/Ä b?c=d%20e',
      'cs-uri-stem': 'http://a.test/💧',
    }
    const log = parseWmlogLine(formatWmlogLine({ fields }, 47))
    assert.equal(log.fields['cs-User-Agent'], 'A_b__c')
    assert.equal(log.fields['c-hostexe'], undefined)
    assert.equal(log.fields['cs-media-name'], 'Café_1')
    assert.equal(log.fields['cs-url'], 'http://a.test/%C3%84%20b?c=d%20e')
    assert.equal(log.fields['cs-uri-stem'], 'http://a.test/%F0%9F%92%A7')
  })

  test('M-08: 43 and 53 fields are refused, and the error tells the number', () => {
    const words = LINE_52.split(' ')
    for (const length of [0, 1, 43, 45, 46, 48, 51]) {
      const found = Math.max(1, length)
      throwsCode(() => parseWmlogLine(words.slice(0, length).join(' ')), 'ERR_WMLOG_FIELDS', RegExp(`found ${found}$`))
    }
    throwsCode(() => parseWmlogLine(`${LINE_52} 1`), 'ERR_WMLOG_FIELDS', /44, 47 or 52 fields, found 53$/)
    throwsCode(() => parseWmlogLine(' '.repeat(65_537)), 'ERR_WMLOG_TOO_LARGE')
    throwsCode(() => parseWmlogLine(`a${' '.repeat(65_000)}b`), 'ERR_WMLOG_FIELDS', /found 65001$/)
  })

  test('LOG-19, M-08: control characters are refused, wherever they are', () => {
    for (const name of WMLOG_LINES[47]) {
      for (const control of ['\0', '\x07', '\x1b', '\x7f', '\x85', '\x9b', '\t', '\r', '\n']) {
        const line = withField(LINE_47, name, `1${control}1`)
        assert.throws(() => parseWmlogLine(line), FormatError, `${name} ${JSON.stringify(control)}`)
      }
    }
    throwsCode(() => parseWmlogLine(withField(LINE_47, 'c-os', 'a\x1b[31mb')), 'ERR_WMLOG_CONTROL', /c-os: .*U\+001b$/)
  })

  test('LOG-19, L-01: text that misleads readers is made harmless', () => {
    const { fields } = parseWmlogLine(withField(LINE_47, 'cs-media-name', 'a\u202eb\u2028c\u2066d\ud800e'))
    assert.equal(fields['cs-media-name'], 'a_b_c_d_e')
    const hostile = formatWmlogLine(
      { fields: { 'c-os': 'a\r\nb\x1b \u202e\udfff', 'cs-url': 'a\r\n\u2028\ud800' } },
      47,
    )
    assert.doesNotMatch(hostile, /[^\x20-\x7e]/)
    assert.equal(hostile.split(' ').length, 47)
  })

  test('LOG-19, M-08: numbers are numbers of their range', () => {
    for (const [name, value] of [
      ['c-bytes', '1000000000000'],
      ['c-bytes', '4294967296'],
      ['c-bytes', '-1'],
      ['c-bytes', '1.5'],
      ['c-bytes', '0x10'],
      ['c-bytes', '1e3'],
      ['c-bytes', '٣'],
      ['c-rate', '100'],
      ['c-rate', '--1'],
      ['c-status', '99'],
      ['c-quality', '101'],
      ['s-cpu-util', '101'],
    ] as const) {
      throwsCode(() => parseWmlogLine(withField(LINE_47, name, value)), 'ERR_WMLOG_VALUE', RegExp(`${name}: expected`))
    }
    throwsCode(() => parseWmlogLine(withField(LINE_52, 's-proxied', '2')), 'ERR_WMLOG_VALUE')
    assert.equal(parseWmlogLine(withField(LINE_47, 'c-bytes', '4294967295')).fields['c-bytes'], 4_294_967_295)
    assert.equal(parseWmlogLine(withField(LINE_47, 'c-rate', '-10')).fields['c-rate'], -10)
    assert.equal(parseWmlogLine(withField(LINE_47, 'c-rate', '-0')).fields['c-rate'], 0)
  })

  test('LOG-10: dates and times are dates and times', () => {
    for (const [name, value] of [
      ['date', '2031-13-01'],
      ['date', '2031-5-06'],
      ['date', '06-05-2031'],
      ['time', '24:00:00'],
      ['time', '7:08:09'],
    ] as const) {
      throwsCode(() => parseWmlogLine(withField(LINE_47, name, value)), 'ERR_WMLOG_VALUE')
    }
  })

  test('values have limits', () => {
    throwsCode(() => parseWmlogLine(withField(LINE_47, 'c-os', 'a'.repeat(1025))), 'ERR_WMLOG_VALUE', /found 1025$/)
    throwsCode(() => parseWmlogLine(withField(LINE_47, 'cs-url', 'a'.repeat(8193))), 'ERR_WMLOG_VALUE')
    const fields = { 'c-os': 'ä'.repeat(2000), 'cs-url': 'ä'.repeat(5000), 'cs-media-name': `${'a'.repeat(1023)}💧` }
    const line = formatWmlogLine({ fields }, 47)
    assert.equal(formatWmlogLine(parseWmlogLine(line), 47), line)
    assert.doesNotMatch(line, /%.?( |$)/)
  })

  test('numbers are brought into their range when written', () => {
    const fields = { 'c-bytes': 2 ** 40, 'x-duration': -3, avgbandwidth: 1.6, 'c-rate': Number.NaN, 'c-quality': 100.4 }
    const written = parseWmlogLine(formatWmlogLine({ fields }, 44)).fields
    assert.deepEqual(written, { 'c-bytes': 4_294_967_295, 'x-duration': 0, avgbandwidth: 2, 'c-quality': 100 })
  })
})

describe('the kinds of logs', () => {
  test('are told apart', () => {
    assert.equal(wmlogKind(parseWmlogLine(LINE_44)), 'legacy')
    assert.equal(wmlogKind(parseWmlogLine(LINE_47)), 'legacy')
    assert.equal(wmlogKind(parseWmlogLine(STREAMING_LINE)), 'streaming')
    assert.equal(wmlogKind(parseWmlogLine(LINE_52)), 'rendering')
    assert.equal(wmlogKind(parseWmlogLine(withField(LINE_47, 'protocol', 'Cache'))), 'rendering')
    assert.equal(wmlogKind(parseWmlogXml(CONNECT_XML)), 'connect-time')
    const received = { receivedAt: new Date(0), remoteAddress: '192.0.2.1', protocol: 'http', path: 'vod/a.wmv' }
    assert.equal(playLogOf(parseWmlogLine(STREAMING_LINE), received).kind, 'streaming')
  })
})

describe('a log as XML', () => {
  test('comes out as it came in', () => {
    for (const line of [LINE_44, LINE_47, LINE_52, STREAMING_LINE]) {
      const log = parseWmlogLine(line)
      const xml = formatWmlogXml(log)
      assert.deepEqual(parseWmlogXml(xml), log)
      assert.equal(formatWmlogXml(parseWmlogXml(xml)), xml)
    }
    assert.equal(formatWmlogXml(parseWmlogXml(CONNECT_XML)), CONNECT_XML)
  })

  test('LOG-06: the connect-time form has an empty Summary and eight elements', () => {
    const { form, fields } = parseWmlogXml(CONNECT_XML)
    assert.equal(form, 'connect-time')
    assert.deepEqual(Object.keys(fields).length, 7)
    assert.equal(fields['c-os'], 'Linux')
  })

  test('has the elements in the order of the line, then cs-url', () => {
    const xml = formatWmlogXml(parseWmlogLine(LINE_47))
    const names = [...xml.matchAll(/<([A-Za-z][\w-]*)>/g)].map(([, name]) => name)
    assert.deepEqual(names, ['XML', 'Summary', ...WMLOG_LINES[44], 'cs-url'])
  })

  test('LOG-15: a content description is kept, and none is not made up', () => {
    const xml = formatWmlogXml(parseWmlogLine(LINE_47)).replace(
      '</XML>',
      '<ContentDescription><title>Harbour Cam</title><WMS_CONTENT_DESCRIPTION_ROLE>ad &amp; more</WMS_CONTENT_DESCRIPTION_ROLE>' +
        '</ContentDescription></XML>',
    )
    const log = parseWmlogXml(xml)
    assert.deepEqual(log.contentDescription, [
      { name: 'title', value: 'Harbour Cam' },
      { name: 'WMS_CONTENT_DESCRIPTION_ROLE', value: 'ad & more' },
    ])
    assert.equal(formatWmlogXml(log), xml)
    assert.ok(!('contentDescription' in parseWmlogXml(formatWmlogXml(parseWmlogLine(LINE_47)))))
  })

  test('elements of playlists are kept', () => {
    const xml = formatWmlogXml(parseWmlogLine(LINE_47)).replace(
      '</XML>',
      '<Shop><item>7</item><item>8</item></Shop><campaign>spring</campaign></XML>',
    )
    const log = parseWmlogXml(xml)
    assert.deepEqual(log.extensions, [
      {
        name: 'Shop',
        items: [
          { name: 'item', value: '7' },
          { name: 'item', value: '8' },
        ],
      },
      { name: 'campaign', value: 'spring', items: [] },
    ])
    assert.equal(formatWmlogXml(log), xml)
  })

  test('Windows Media Services: elements may come twice, and indented, and with a prologue', () => {
    const xml = formatWmlogXml(parseWmlogLine(LINE_44))
      .replace('<Summary>', '\r\n<Summary>')
      .replace('</c-channelURL>', '</c-channelURL>\r\n<c-channelURL>http://a.test/b.nsc</c-channelURL>\r\n')
      .replace('</XML>', '<cs-media-role>-</cs-media-role><cs-media-role>ad</cs-media-role></XML>\r\n\0')
    const log = parseWmlogXml(`<?xml version="1.0"?>\r\n${xml}`)
    assert.equal(log.fields['cs-media-role'], 'ad')
    assert.equal(log.fields['c-channelURL'], undefined)
    assert.equal(formatWmlogLine(log, 44), LINE_44)
  })

  test('a bare ampersand is read as one, an entity of their own stays text', () => {
    const url = 'http://a.test/b?c=d&amp;e=f'
    const line = withField(LINE_47, 'cs-url', 'http://a.test/b?c=d&e=f')
    const xml = formatWmlogXml(parseWmlogLine(line))
    assert.ok(xml.includes(url))
    assert.deepEqual(parseWmlogXml(xml.replaceAll('&amp;', '&')), parseWmlogLine(line))
    assert.equal(parseWmlogXml(CONNECT_XML.replace('Linux', '&own;')).fields['c-os'], '&own;')
  })

  test('X-01, X-02, X-03, M-08: a document type definition is refused where it begins', () => {
    for (const dtd of [
      '<!DOCTYPE a>',
      '<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;&b;">]>',
      '<!DOCTYPE a SYSTEM "http://127.0.0.1/a">',
      '<!doctype a>',
    ]) {
      throwsCode(() => parseWmlogXml(dtd + CONNECT_XML), 'ERR_XML_SYNTAX', /document type definition/)
    }
    throwsCode(() => parseWmlogXml(CONNECT_XML.replace('Linux', '<!ENTITY a "b">')), 'ERR_XML_SYNTAX')
  })

  test('X-04: size, depth and number of elements have limits', () => {
    throwsCode(() => parseWmlogXml(`<XML>${' '.repeat(65_536)}</XML>`), 'ERR_WMLOG_TOO_LARGE')
    throwsCode(() => parseWmlogXml('<XML>'.repeat(100)), 'ERR_XML_TOO_LARGE')
    throwsCode(() => parseWmlogXml(`<XML>${'<a/>'.repeat(257)}</XML>`), 'ERR_WMLOG_XML', /at most 256 elements/)
    throwsCode(() => parseWmlogXml(`<XML><a>${'<a/>'.repeat(257)}</a></XML>`), 'ERR_WMLOG_XML', /at most 256 items/)
    const references = CONNECT_XML.replace('Linux', '&#65;'.repeat(2000))
    throwsCode(() => parseWmlogXml(references), 'ERR_WMLOG_VALUE', /c-os: .*found 2000/)
  })

  test('other documents are refused', () => {
    throwsCode(() => parseWmlogXml('<html></html>'), 'ERR_WMLOG_XML', /expected an <XML> element, found "html"/)
    throwsCode(() => parseWmlogXml(''), 'ERR_XML_SYNTAX')
    throwsCode(() => parseWmlogXml('<XML><Summary>'), 'ERR_XML_SYNTAX')
    throwsCode(() => parseWmlogXml('<XML><Summary>a b</Summary></XML>'), 'ERR_WMLOG_FIELDS')
    throwsCode(() => parseWmlogXml(CONNECT_XML.replace('Linux', 'a&#10;b')), 'ERR_WMLOG_CONTROL')
  })
})
