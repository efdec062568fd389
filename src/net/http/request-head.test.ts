import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { mayBecomeHead, plainHeaders, plainTarget } from './request-head.ts'

describe('plainTarget', () => {
  it('takes the target of an exact request line', () => {
    assert.equal(plainTarget('GET /live/a/index.m3u8?_HLS_msn=3 HTTP/1.1'), '/live/a/index.m3u8?_HLS_msn=3')
    assert.equal(plainTarget('xxGET / HTTP/1.1\r\n', 2, 16), '/')
  })

  it('leaves everything else', () => {
    for (const line of [
      'GET / HTTP/1.0',
      'GET  / HTTP/1.1',
      'GET / x HTTP/1.1',
      'GET /\t HTTP/1.1',
      'GET /é HTTP/1.1',
      'GET http://x/ HTTP/1.1',
      'get / HTTP/1.1',
      'HEAD / HTTP/1.1',
      'GET / HTTP/1.1 ',
      'GET /',
      '',
    ]) {
      assert.equal(plainTarget(line), undefined, line)
    }
  })
})

describe('plainHeaders', () => {
  it('takes headers of browsers and players', () => {
    const lines =
      'Host: a:8080\r\nUser-Agent: Mozilla/5.0 (X11)\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br\r\n' +
      'Origin: https://b\r\nConnection: Keep-Alive\r\nSec-Fetch-Mode: cors\r\nX-Forwarded-For: 1.2.3.4\r\nEmpty:\r\n'
    const nothing = {
      gzip: false,
      forwardedFor: undefined,
      userAgent: undefined,
      clientData: undefined,
      optedOut: false,
      bodyBytes: undefined,
      contentType: undefined,
    }
    const userAgent = 'Mozilla/5.0 (X11)'
    assert.deepEqual(plainHeaders(lines), { ...nothing, gzip: true, forwardedFor: '1.2.3.4', userAgent })
    assert.deepEqual(plainHeaders('host: a\r\n'), nothing)
  })

  it('keeps client data of the four headers, and the wish not to be tracked', () => {
    const found = plainHeaders(
      'Host: a\r\nCMCD-Session: sid="a"\r\ncmcd-request: bl=1000\r\nCMCD-Other: x\r\nSec-GPC: 1\r\nDNT: 0\r\n',
    )
    assert.equal(found?.clientData, 'sid="a",bl=1000')
    assert.equal(found?.optedOut, true)
    assert.equal(plainHeaders('Host: a\r\nDNT: 0\r\n')?.optedOut, false)
    assert.equal(plainHeaders('Host: a\r\nDNT: 1\r\n')?.optedOut, true)
  })

  it('tells how long a body is, and of what type', () => {
    const found = plainHeaders('Host: a\r\nContent-Length: 120\r\ncontent-type: application/cmcd\r\n')
    assert.equal(found?.bodyBytes, 120)
    assert.equal(found?.contentType, 'application/cmcd')
  })

  it('leaves what changes the answer, the framing or the connection, and what is odd', () => {
    for (const line of [
      'Range: bytes=0-1',
      'If-None-Match: "a"',
      'Expect: 100-continue',
      'Content-Length: ',
      'Content-Length: +1',
      'Content-Length: 1, 1',
      'Content-Length: 1\r\nContent-Length: 1',
      'Content-Length: 12345678901',
      'Content-Type: a\r\nContent-Type: a',
      'Content-Encoding: gzip',
      'Transfer-Encoding: chunked',
      'Connection: close',
      'Connection: keep-alive, Upgrade',
      'Upgrade: websocket',
      'Host: b',
      'X : a',
      'X',
      ': a',
      ' folded',
      'X: a\0',
      'X: a\nY: b',
      'X: é',
    ]) {
      assert.equal(plainHeaders(`Host: a\r\n${line}\r\n`), undefined, line)
    }
    assert.equal(plainHeaders('Accept: */*\r\n'), undefined)
    assert.equal(plainHeaders('Host: a'), undefined)
    assert.equal(plainHeaders(''), undefined)
    assert.equal(plainHeaders(`Host: a\r\n${'X: a\r\n'.repeat(64)}`), undefined)
  })
})

describe('mayBecomeHead', () => {
  it('waits for the rest of a head, not of anything else', () => {
    for (const text of ['', 'G', 'GET / HTTP/1.1\r\nHost: a\r\n', 'POST'])
      assert.ok(mayBecomeHead(Buffer.from(text)), text)
    for (const text of ['\x16\x03', 'get', '\r\n', 'GET / HTTP/1.1\n', `GET /${'a'.repeat(17_000)}`]) {
      assert.ok(!mayBecomeHead(Buffer.from(text)), text.slice(0, 20))
    }
  })
})
