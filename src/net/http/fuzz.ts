/** Fuzz targets of what reads requests before anybody is trusted. */
import { assert } from '../../errors.ts'
import type { FuzzTarget } from '../../fuzz-target.ts'
import { TrustedProxies } from './client-address.ts'
import { acceptsGzip } from './compress.ts'
import { conditionOf, rangeApplies } from './conditional.ts'
import { MAX_RANGES, parseRanges } from './range.ts'
import { mayBecomeHead, plainHeaders, plainTarget } from './request-head.ts'
import { parseTarget } from './request-target.ts'

const seed = (text: string): Uint8Array => Buffer.from(text, 'latin1')
const textOf = (input: Uint8Array): string => Buffer.from(input).toString('latin1')
const proxies = new TrustedProxies(['10.0.0.0/8'])

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'http/request-head',
    seeds: () => [
      seed('GET /live/a/index.m3u8?x=1 HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: keep-alive\r\n\r\n'),
      seed('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc'),
      seed('GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4, 10.0.0.1\r\nRange: bytes=0-1\r\n\r\n'),
    ],
    run: (input) => {
      mayBecomeHead(Buffer.from(input))
      const text = textOf(input)
      const end = text.indexOf('\r\n\r\n')
      const lineEnd = text.indexOf('\r')
      if (end < 0 || text[lineEnd + 1] !== '\n') return
      const target = plainTarget(text, 0, lineEnd) ?? plainTarget(text, 0, lineEnd, 'POST')
      const headers = plainHeaders(text.slice(lineEnd + 2, end + 2))
      if (target === undefined || headers === undefined) return
      const head = text.slice(0, end)
      assert(!/[^\t\r\n -~]/.test(head), 'a plain head is ASCII')
      assert(!/\r(?!\n)|(?<!\r)\n|\n[ \t]/.test(head), 'a plain head has whole line ends and no folding')
      assert(!/\n(transfer-encoding|upgrade|range)[ \t]*:/i.test(head), 'a plain head has no body but a counted one')
      const lengths = head.match(/\ncontent-length:[ \t]*\d+/gi) ?? []
      assert((headers.bodyBytes === undefined ? 0 : 1) === lengths.length, 'a plain head counts its body once')
      assert(head.match(/\nhost:/gi)?.length === 1, 'a plain head names one host')
      proxies.clientOf('10.0.0.1', headers.forwardedFor)
    },
  },
  {
    name: 'http/request-target',
    seeds: () => [seed('/live/a.flv?key=a%2Fb&wait=3'), seed('/vod/%C3%A9%20100%25.mp4'), seed('/%252e%252e/..%2f')],
    run: (input) => {
      const { path } = parseTarget(textOf(input))
      assert(path.startsWith('/') && !/[\0\\]|\/\//.test(path), 'a checked path is clean')
      assert(!path.split('/').some((segment) => segment === '..' || segment === '.'), 'a checked path goes down only')
    },
  },
  {
    name: 'http/field-values',
    seeds: () => [seed('bytes=0-99'), seed('bytes=-5,1-2'), seed('gzip;q=0.5, br'), seed('1.2.3.4, ::1')],
    run: (input) => {
      const value = textOf(input)
      acceptsGzip(value)
      proxies.clientOf('10.0.0.1', value)
      const validators = { etag: '"a-1"', modified: new Date(0) }
      conditionOf({ 'if-none-match': value, 'if-modified-since': value }, validators)
      conditionOf({ 'if-match': value, 'if-unmodified-since': value }, validators)
      rangeApplies({ 'if-range': value }, validators)
      const ranges = parseRanges(value, 1000)
      if (ranges === undefined || ranges === 'unsatisfiable') return
      assert(ranges.length > 0 && ranges.length <= MAX_RANGES, 'ranges are few')
      let sum = 0
      for (const { start, end } of ranges) {
        assert(start >= 0 && start < end && end <= 1000, 'a range lies within the body')
        sum += end - start
      }
      assert(sum <= 1000, 'no byte is sent twice')
    },
  },
]
