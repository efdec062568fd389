/** What is said to web servers that take logs, and what is taken from players. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FormatError } from '../errors.ts'
import { LINE_44, LINE_47, LINE_52 } from './vectors.ts'
import { formatWebLogBody, isWebLogSink, parseWebLogBody, WEB_LOG_PAGE } from './weblog.ts'
import { parseWmlogBody } from './wmlog-body.ts'
import { formatWmlogLine, parseWmlogLine } from './wmlog-line.ts'
import { formatWmlogXml } from './wmlog-xml.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

describe('a web server that takes logs', () => {
  test('LOG-18: its page has the tags players look for', () => {
    assert.match(WEB_LOG_PAGE, /<body><h1>WMS ISAPI Log Dll\/\d+\.\d+\.\d+\.\d+<\/h1>/)
    assert.ok(isWebLogSink(200, WEB_LOG_PAGE))
  })

  test('LOG-16: another page is not taken for it', () => {
    assert.ok(isWebLogSink(200, '<html><head></head><body><h1>NetShow ISAPI Log Dll</h1>text</body>'))
    assert.ok(isWebLogSink(200, '<body><h1>WMS ISAPI Log Dll/0.0.0.0</h1></body>'))
    for (const page of [
      '',
      '<body><h1>It works</h1></body>',
      '<body> <h1>NetShow ISAPI Log Dll</h1></body>',
      '<body><h1>WMS ISAPI Log Dll/9.0.0</h1></body>',
      '<body><h1>WMS ISAPI Log Dll/9.0.0.12345</h1></body>',
      '<body><h1>NetShow ISAPI Log Dll</h1>',
    ]) {
      assert.ok(!isWebLogSink(200, page), page)
    }
    assert.ok(!isWebLogSink(404, WEB_LOG_PAGE))
  })

  test('LOG-17: a body is the mark, a space, a tab and the fields', () => {
    const log = parseWmlogLine(LINE_47)
    assert.equal(formatWebLogBody(log), `MX_STATS_LogLine: \t${LINE_47}`)
    assert.equal(formatWebLogBody(log, 44), `MX_STATS_LogLine: \t${LINE_44}`)
    assert.deepEqual(parseWebLogBody(formatWebLogBody(log)), log)
    assert.deepEqual(parseWebLogBody(`mx_stats_logline:${LINE_44}\r\n`), parseWmlogLine(LINE_44))
    assert.throws(() => parseWebLogBody(LINE_44), { code: 'ERR_WMLOG_FIELDS' })
  })
})

describe('a log from bytes', () => {
  test('is read in whichever form it is', () => {
    const log = parseWmlogLine(LINE_52)
    assert.deepEqual(parseWmlogBody(bytes(LINE_52)), log)
    assert.deepEqual(parseWmlogBody(bytes(`\ufeff\r\n${formatWmlogXml(log)}\0`)), log)
    assert.deepEqual(parseWmlogBody(bytes(`MX_STATS_LogLine: \t${LINE_52}`)), log)
    assert.equal(formatWmlogLine(parseWmlogBody(bytes(LINE_44)), 44), LINE_44)
  })

  test('M-08: what is too long or no UTF-8 is refused, and the input stays as it is', () => {
    assert.throws(() => parseWmlogBody(new Uint8Array(1 << 20)), { code: 'ERR_WMLOG_TOO_LARGE' })
    for (const tail of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
      const input = Uint8Array.of(...bytes(LINE_44), ...tail)
      const before = input.slice()
      assert.throws(() => parseWmlogBody(input), { code: 'ERR_WMLOG_ENCODING' })
      assert.deepEqual(input, before)
    }
  })

  test('a log that was cut anywhere is refused or misses its end only', () => {
    const whole = bytes(formatWmlogXml(parseWmlogLine(LINE_47)))
    for (let length = 0; length < whole.length; length++) {
      assert.throws(() => parseWmlogBody(whole.subarray(0, length)), FormatError, `${length} bytes`)
    }
  })
})
