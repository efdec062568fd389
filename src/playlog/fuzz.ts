/** Fuzz targets of the play logs: CMCD, CMSD, and WMLOG as line, as XML and as the body a web server gets. */
import { assert } from '../errors.ts'
import type { FuzzTarget } from '../fuzz-target.ts'
import { cmcdOfBody } from './cmcd/message.ts'
import { readCmcd } from './cmcd/record.ts'
import { writeCmcd } from './cmcd/write.ts'
import { MAX_CMSD_LENGTH, readCmsdDynamic, readCmsdStatic } from './cmsd/record.ts'
import { DYNAMIC, STATIC } from './cmsd/vectors.ts'
import { writeCmsdHop, writeCmsdStatic } from './cmsd/write.ts'
import { LINE_44, LINE_47, LINE_52, STREAMING_LINE } from './vectors.ts'
import { formatWebLogBody } from './weblog.ts'
import { wmlogKind } from './wmlog.ts'
import { parseWmlogBody } from './wmlog-body.ts'
import { formatWmlogLine, parseWmlogLine } from './wmlog-line.ts'
import { formatWmlogXml, parseWmlogXml } from './wmlog-xml.ts'

const EXTRAS =
  '<ContentDescription><title>Harbour &amp; more</title></ContentDescription><Shop><item>7</item></Shop></XML>'

/** For scripts/fuzz.ts. */
export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'playlog/cmcd',
    seeds: () =>
      ['bl=21300,bs,cid="a",ot=v,pr=1.08', 'br=(42;v 2),e=ps,nor=("b.m4s";r="0-9"),sta=p,ts=1,v=2\ne=t,su=?0,v=2'].map(
        encode,
      ),
    run(input) {
      for (const read of cmcdOfBody(decode(input)) ?? []) {
        if (typeof read === 'string') continue
        const text = writeCmcd(read.values, read.version)
        const again = readCmcd(text)
        assert(text === '' || (typeof again === 'object' && again.ignored === 0), 'what is written can be read')
      }
    },
  },
  {
    name: 'playlog/cmsd',
    seeds: () => [STATIC, DYNAMIC].map(encode),
    run(input) {
      const text = decode(input)
      const record = readCmsdStatic(text)
      const written = writeCmsdStatic(record ?? {})
      assert(writeCmsdStatic(readCmsdStatic(written) ?? {}) === written, 'what is written can be read')
      const hops = readCmsdDynamic(text)?.map(writeCmsdHop).join(',') ?? ''
      // Quotes around what was a token make it longer.
      if (hops.length > MAX_CMSD_LENGTH) return
      assert(readCmsdDynamic(hops)?.map(writeCmsdHop).join(',') === hops, 'so can the way of a response')
    },
  },
  {
    name: 'playlog/line',
    seeds: () => [LINE_44, LINE_47, LINE_52, STREAMING_LINE].map(encode),
    run(input) {
      const log = parseWmlogLine(decode(input))
      const line = formatWmlogLine(log, log.form)
      assert(!/[^\u0021-\u007e\u00a0-\u{10ffff} ]/u.test(line), 'nothing but printable characters')
      assert(formatWmlogLine(parseWmlogLine(line), log.form) === line, 'a line comes out as it came in')
    },
  },
  {
    name: 'playlog/xml',
    seeds: () =>
      [LINE_44, LINE_52].map((line) => encode(formatWmlogXml(parseWmlogLine(line)).replace('</XML>', EXTRAS))),
    run(input) {
      const xml = formatWmlogXml(parseWmlogXml(decode(input)))
      assert(formatWmlogXml(parseWmlogXml(xml)) === xml, 'a log comes out as it came in')
    },
  },
  {
    name: 'playlog/web-body',
    seeds: () => [LINE_44, LINE_47].map((line) => encode(formatWebLogBody(parseWmlogLine(line)))),
    run(input) {
      const log = parseWmlogBody(input)
      wmlogKind(log)
      parseWmlogBody(encode(formatWebLogBody(log)))
    },
  },
]

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
