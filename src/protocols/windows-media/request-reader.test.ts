import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeadendError } from '../../errors.ts'
import { MAX_HEAD_BYTES, MAX_HEADER_LINES } from './message-head.ts'
import { type RequestEvent, type WmRequest, WmRequestReader } from './request-reader.ts'

function readAll(text: string, step = text.length): RequestEvent[] {
  const reader = new WmRequestReader()
  const bytes = Buffer.from(text, 'latin1')
  const events: RequestEvent[] = []
  for (let at = 0; at < bytes.length; at += step) {
    reader.write(new Uint8Array(bytes.subarray(at, at + step)))
    for (let event = reader.read(); event !== undefined; event = reader.read()) events.push(event)
  }
  return events
}

function head(text: string): WmRequest {
  const [event] = readAll(text)
  assert.equal(event?.type, 'request')
  return (event as RequestEvent & { type: 'request' }).request
}

/** Events with pieces of bodies joined, to compare readings. */
function summary(events: readonly RequestEvent[]): unknown[] {
  const list: unknown[] = []
  let body = ''
  for (const event of events) {
    if (event.type === 'body') body += Buffer.from(event.bytes).toString('latin1')
    else if (event.type === 'request') list.push([event.request.method, event.request.path, event.request.headers])
    else {
      list.push(body)
      body = ''
    }
  }
  return list
}

function refuses(text: string, code: string): void {
  assert.throws(
    () => readAll(text),
    (error: unknown) => error instanceof HeadendError && error.code === code,
    `${code} for ${JSON.stringify(text.slice(0, 80))}`,
  )
}

const PLAY = `GET /live/a%20b?WMCache=0 HTTP/1.0\r
Accept: */*\r
User-Agent: NSPlayer/4.1.0.3856\r
Host: 127.0.0.1:8080\r
Pragma: no-cache,rate=1.000000,stream-time=0Connection: Close\r
Pragma: xClientGUID={c77e7400-738a-11d2-9add-0020af0a3278}\r
\r
`
const POST = `POST http://media.test:80/studio HTTP/1.1\r
Content-Type: application/x-wms-pushsetup\r
Content-Length: 16\r
\r
AutoDestroy: 1\r
`
const BODYLESS = 'OPTIONS * HTTP/1.1\r\n\r\n'

test('requests behind one another, whole and byte by byte', () => {
  const text = PLAY + POST + BODYLESS + PLAY
  const whole = summary(readAll(text))
  assert.equal(whole.length, 8)
  for (const step of [1, 2, 7, 100]) assert.deepEqual(summary(readAll(text, step)), whole)
})

test('a request says method, path, query and headers', () => {
  const request = head(PLAY)
  assert.equal(request.method, 'GET')
  assert.equal(request.target, '/live/a%20b?WMCache=0')
  assert.equal(request.path, '/live/a b')
  assert.equal(request.rawPath, '/live/a%20b')
  assert.equal(request.query.get('WMCache'), '0')
  assert.equal(request.http11, false)
  assert.equal(request.contentLength, 0)
  assert.equal(request.header('uSER-aGENT'), 'NSPlayer/4.1.0.3856')
  assert.equal(request.headerAll('Pragma').length, 2)
  assert.equal(request.header('cookie'), undefined)
})

test('absolute targets, the asterisk, and targets that nobody encoded', () => {
  assert.equal(head(POST).path, '/studio')
  assert.equal(head(BODYLESS).path, '*')
  assert.equal(head('GET mms://host HTTP/1.0\r\n\r\n').path, '/')
  assert.equal(head('GET mms://host?key=x HTTP/1.0\r\n\r\n').query.get('key'), 'x')
  assert.equal(head('GET /vod/My Caf\xc3\xa9.wmv HTTP/1.0\r\n\r\n').path, '/vod/My Café.wmv')
})

test('a body is given out as it comes, with a length of 2^31 - 1', () => {
  const reader = new WmRequestReader()
  reader.write(Buffer.from('POST /a HTTP/1.1\r\nContent-Length: 2147483647\r\n\r\nabc'))
  assert.equal(reader.read()?.type, 'request')
  const body = reader.read()
  assert.equal(body?.type === 'body' && Buffer.from(body.bytes).toString(), 'abc')
  assert.equal(reader.read(), undefined)
  assert.equal(reader.waiting, 0)
  assert.equal(reader.idle, false)
})

test('N-05: lengths that are no lengths are refused', () => {
  for (const value of ['-1', '9007199254740992', '18446744073709551616', '1e3', '0x10', '', '+5', '5, 5']) {
    refuses(`POST /a HTTP/1.1\r\nContent-Length: ${value}\r\n\r\n`, 'ERR_WMS_BODY_LENGTH')
  }
})

test('H-07: what could be cut in two ways is refused', () => {
  refuses('POST /a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n', 'ERR_WMS_BODY_LENGTH')
  refuses('POST /a HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 'ERR_WMS_BODY_LENGTH')
  refuses('POST /a HTTP/1.1\r\ntransfer-ENCODING: identity\r\n\r\n', 'ERR_WMS_BODY_LENGTH')
  refuses('GET /a HTTP/1.1\r\nA: b\nC: d\r\n\r\n', 'ERR_WMS_HEAD_INVALID')
  refuses('GET /a HTTP/1.1\r\nA: b\r\n folded\r\n\r\n', 'ERR_WMS_HEAD_INVALID')
  refuses('GET /a HTTP/1.1\r\nContent-Length : 5\r\n\r\n', 'ERR_WMS_HEAD_INVALID')
  refuses('GET /a HTTP/1.1\r\nA: b\0c\r\n\r\n', 'ERR_WMS_HEAD_INVALID')
  refuses('GET /a HTTP/2.0\r\n\r\n', 'ERR_WMS_HEAD_INVALID')
  refuses('\x16\x03\x01 HTTP/1.1\r\n\r\n', 'ERR_WMS_HEAD_INVALID')
  refuses('GET /a%2f..%2fb HTTP/1.1\r\n\r\n', 'ERR_HTTP_TARGET_INVALID')
  refuses('GET /a/../b HTTP/1.1\r\n\r\n', 'ERR_HTTP_TARGET_INVALID')
})

test('M-05: a head has a limit in bytes and in lines', () => {
  const lines = (count: number) => 'Pragma: no-cache\r\n'.repeat(count)
  assert.equal(head(`GET /a HTTP/1.0\r\n${lines(MAX_HEADER_LINES)}\r\n`).headers.length, MAX_HEADER_LINES)
  refuses(`GET /a HTTP/1.0\r\n${lines(MAX_HEADER_LINES + 1)}\r\n`, 'ERR_WMS_HEAD_TOO_LARGE')
  refuses(`GET /a HTTP/1.0\r\n${lines(1000)}`, 'ERR_WMS_HEAD_TOO_LARGE')
  refuses(`GET /a HTTP/1.0\r\nA: ${'x'.repeat(MAX_HEAD_BYTES)}`, 'ERR_WMS_HEAD_TOO_LARGE')
  refuses('\r\n'.repeat(5), 'ERR_WMS_HEAD_INVALID')
  assert.equal(readAll(`\r\n${BODYLESS}`, 1)[0]?.type, 'request')
})

test('the input is not changed', () => {
  const bytes = Buffer.from(PLAY + POST)
  const before = Buffer.from(bytes)
  const reader = new WmRequestReader()
  reader.write(bytes)
  for (let event = reader.read(); event !== undefined; event = reader.read());
  assert.deepEqual(bytes, before)
})
