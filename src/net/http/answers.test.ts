import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { FormatError, PeerError } from '../../errors.ts'
import { addressGroup, plainAddress, TrustedProxies } from './client-address.ts'
import { acceptsGzip } from './compress.ts'
import { hotAnswer } from './hot-answer.ts'
import { headerValue, problemBytes, problemOf } from './problem.ts'

describe('hotAnswer', () => {
  it('writes head and body once, with a gzip form when that is smaller', () => {
    const body = Buffer.from('#EXTM3U\n'.repeat(50))
    const { bytes, gzipBytes } = hotAnswer({ headers: { 'Cache-Control': 'no-cache' }, body, gzip: true })

    const [head = '', rest] = Buffer.from(bytes).toString('latin1').split('\r\n\r\n')
    assert.match(head, /^HTTP\/1.1 200 OK\r\n/)
    assert.match(head, /\r\nCache-Control: no-cache\r\n/)
    assert.match(head, /\r\nVary: Accept-Encoding\r\n/)
    assert.match(head, /\r\nContent-Length: 400$/)
    assert.equal(rest, body.toString())
    const packed = Buffer.from(gzipBytes ?? new Uint8Array())
    assert.deepEqual(gunzipSync(Uint8Array.from(packed.subarray(packed.indexOf('\r\n\r\n') + 4))), body)
    assert.equal(hotAnswer({ headers: {}, body: Buffer.from('short'), gzip: true }).gzipBytes, undefined)
  })

  it('H-10: lets no value end a header', () => {
    const evil = 'title\r\nSet-Cookie: a=b\r\n\r\n<script>\0é'
    const { bytes } = hotAnswer({ headers: { 'X-Title': evil, 'X\r\nY': 'a' }, body: Buffer.from('') })
    const lines = Buffer.from(bytes).toString('latin1').split('\r\n')
    assert.ok(lines.includes('X-Title: titleSet-Cookie: a=b<script>'))
    assert.ok(lines.includes('XY: a'))
    assert.ok(!lines.some((line) => line.startsWith('Set-Cookie')))
    assert.equal(headerValue(' a\r\nb\t\u2028 '), 'ab')
  })
})

describe('problems', () => {
  it('tells our errors and hides the others', () => {
    const found = problemOf(new PeerError('ERR_PATH_INVALID', 'expected x'))
    assert.deepEqual(found, { title: 'Bad Request', status: 400, code: 'ERR_PATH_INVALID', detail: 'expected x' })
    const hidden = { title: 'Internal Server Error', status: 500, code: 'ERR_INTERNAL' }
    assert.deepEqual(problemOf(new Error('password is 123')), hidden)
    assert.deepEqual(problemOf(new FormatError('ERR_UNLISTED_CODE', 'internals')), hidden)
    assert.deepEqual(problemOf('text'), hidden)
  })

  it('H-10: an error text cannot leave the body', () => {
    const bytes = problemBytes(new PeerError('ERR_PATH_INVALID', 'a\r\n\r\nHTTP/1.1 200 OK\r\n'))
    const text = bytes.toString()
    assert.equal(text.split('\r\n\r\n').length, 2)
    assert.match(text, /Connection: close/)
  })
})

it('negotiates gzip', () => {
  for (const value of ['gzip', 'GZIP', 'br, gzip;q=0.5', 'x-gzip']) assert.ok(acceptsGzip(value), value)
  for (const value of [undefined, '', 'br', 'gzip;q=0', 'gzip; q=0.000', '*', 'agzip'])
    assert.ok(!acceptsGzip(value), String(value))
})

describe('client address', () => {
  it('N-10: takes the last address that no trusted proxy vouches for', () => {
    const proxies = new TrustedProxies(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32'])
    assert.equal(proxies.clientOf('10.1.1.1', '9.9.9.9, 203.0.113.7'), '203.0.113.7')
    assert.equal(proxies.clientOf('10.1.1.1', '203.0.113.7, 10.2.2.2, 192.0.2.1'), '203.0.113.7')
    assert.equal(proxies.clientOf('2001:db8::1', '::ffff:203.0.113.7'), '203.0.113.7')
    assert.equal(proxies.clientOf('203.0.113.9', '1.2.3.4'), '203.0.113.9')
    assert.equal(proxies.clientOf('10.1.1.1', undefined), '10.1.1.1')
    assert.equal(proxies.clientOf('10.1.1.1', 'nonsense, <b>'), '10.1.1.1')
    assert.equal(new TrustedProxies().clientOf('10.1.1.1', '1.2.3.4'), '10.1.1.1')
  })

  it('refuses wrong settings', () => {
    for (const entry of ['', 'proxy', '10.0.0.0/33', '10.0.0.0/x', '::/129']) {
      assert.throws(() => new TrustedProxies([entry]), /ERR_CONFIG|expected an address/)
    }
  })

  it('counts IPv6 by network', () => {
    assert.equal(addressGroup('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64')
    assert.equal(addressGroup('2001:db8::6'), '2001:db8:0:0::/64')
    assert.equal(addressGroup('10.0.0.1'), '10.0.0.1')
    assert.equal(plainAddress('::ffff:10.0.0.1'), '10.0.0.1')
    assert.equal(plainAddress(undefined), 'unknown')
  })
})
