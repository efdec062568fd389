import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeadendError } from '../../errors.ts'
import { formatResponse } from './response-head.ts'
import { type ResponseEvent, WmResponseReader } from './response-reader.ts'

function readAll(text: string, options: { step?: number; end?: boolean } = {}): ResponseEvent[] {
  const reader = new WmResponseReader()
  const bytes = Buffer.from(text, 'latin1')
  const step = options.step ?? bytes.length
  const events: ResponseEvent[] = []
  const drain = () => {
    for (let event = reader.read(); event !== undefined; event = reader.read()) events.push(event)
  }
  for (let at = 0; at < bytes.length; at += step) {
    reader.write(new Uint8Array(bytes.subarray(at, at + step)))
    drain()
  }
  if (options.end) reader.end()
  drain()
  return events
}

function summary(events: readonly ResponseEvent[]): string[] {
  const list: string[] = []
  let body = ''
  for (const event of events) {
    if (event.type === 'response') list.push(`${event.response.status} ${event.response.reason}`)
    else if (event.type === 'body') body += Buffer.from(event.bytes).toString('latin1')
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

const SIZED = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'
const CHUNKED =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n$T\0\0\r\n00a;x=y\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n'
const EMPTY = 'HTTP/1.0 204 No Content\r\nSet-Cookie: push-id=7\r\n\r\n'
const CLOSED = 'HTTP/1.0 200\r\nServer: Cougar 4.1.0.3921\r\n\r\nall that comes'

test('bodies by length, in chunks, without any and up to the close, whole and byte by byte', () => {
  const text = `HTTP/1.1 100 Continue\r\n\r\n${SIZED}${CHUNKED}${EMPTY}${SIZED}${CLOSED}`
  const expected = [
    '200 OK',
    'hello',
    '200 OK',
    '$T\0\x000123456789',
    '204 No Content',
    '',
    '200 OK',
    'hello',
    '200 ',
    'all that comes',
  ]
  for (const step of [text.length, 1, 3, 50]) assert.deepEqual(summary(readAll(text, { step, end: true })), expected)
})

test('a body with a length that is cut short does not end', () => {
  assert.deepEqual(
    readAll(SIZED.slice(0, -1), { end: true }).map(({ type }) => type),
    ['response', 'body'],
  )
})

test('a chunk is given out before the last one has come', () => {
  const events = readAll('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n$T\0\0\r\n')
  assert.deepEqual(
    events.map(({ type }) => type),
    ['response', 'body'],
  )
})

test('closes: told by version and Connection', () => {
  const closes = (text: string) => {
    const [event] = readAll(text)
    return event?.type === 'response' && event.response.closes
  }
  assert.equal(closes(SIZED), false)
  assert.equal(closes('HTTP/1.1 200 OK\r\nConnection: Close\r\n\r\n'), true)
  assert.equal(closes(EMPTY), true)
  assert.equal(closes('HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n'), false)
})

test('N-05: lengths that are no lengths are refused', () => {
  refuses('HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n', 'ERR_WMS_BODY_LENGTH')
  refuses('HTTP/1.1 200 OK\r\nContent-Length: 9007199254740993\r\n\r\n', 'ERR_WMS_BODY_LENGTH')
  refuses('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 'ERR_WMS_BODY_LENGTH')
  refuses('HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n', 'ERR_WMS_BODY_LENGTH')
  const chunk = (line: string) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${line}`
  refuses(chunk('ffffffffffffffff\r\n'), 'ERR_WMS_CHUNK_INVALID')
  refuses(chunk('-1\r\n'), 'ERR_WMS_CHUNK_INVALID')
  refuses(chunk('1\n'), 'ERR_WMS_CHUNK_INVALID')
  refuses(chunk('1\r\nab\r\n'), 'ERR_WMS_CHUNK_INVALID')
  refuses(chunk('1'.repeat(2000)), 'ERR_WMS_CHUNK_INVALID')
  refuses(chunk(`0\r\n${'A: b\r\n'.repeat(65)}`), 'ERR_WMS_CHUNK_INVALID')
  refuses('HTTP/1.1 100 Continue\r\n\r\n'.repeat(9), 'ERR_WMS_HEAD_INVALID')
  refuses('ICY 200 OK\r\n\r\n', 'ERR_WMS_HEAD_INVALID')
})

test('heads are written with the capitals that Windows Media Encoder looks for', () => {
  const bytes = formatResponse({
    http11: false,
    status: 401,
    headers: [
      ['WWW-Authenticate', 'Digest realm="x"'],
      ['Set-Cookie', 'push-id=1'],
      ['Content-Length', '0'],
    ],
  })
  assert.equal(
    Buffer.from(bytes).toString(),
    'HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm="x"\r\nSet-Cookie: push-id=1\r\nContent-Length: 0\r\n\r\n',
  )
  assert.throws(() => formatResponse({ http11: true, status: 302, headers: [['Location', 'a\r\nb: c']] }))
})
