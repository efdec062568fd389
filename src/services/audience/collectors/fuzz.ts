/** Fuzz targets of the doors for reports: whatever comes in can be read by the spool, and says nothing that must not be kept. */
import { assert } from '../../../errors.ts'
import type { FuzzTarget } from '../../../fuzz-target.ts'
import { cmcdLines } from '../../../playlog/cmcd/message.ts'
import type { PlayEvent } from '../../../playlog/play-event.ts'
import { LINE_44, LINE_47, LINE_52 } from '../../../playlog/vectors.ts'
import { formatWebLogBody } from '../../../playlog/weblog.ts'
import { parseWmlogLine } from '../../../playlog/wmlog-line.ts'
import { wmlogToEvent } from '../../../playlog/wmlog-to-event.ts'
import { SILENT_LOGGER } from '../../../protocols/protocol.ts'
import { Privacy } from '../privacy.ts'
import { formatEvents, parseEvent } from '../spool/event-lines.ts'
import { AddressLimit } from './address-limit.ts'
import { cmcdReport } from './cmcd-report.ts'
import { mediaPathOf } from './media-path.ts'
import { tellRequest } from './request-reports.ts'
import { wmsReport } from './wms-report.ts'

const REMOTE = '203.0.113.77'
const privacy = new Privacy()

/** For scripts/fuzz.ts. */
export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'audience/cmcd-report',
    seeds: () =>
      [
        'sid="a",e=ps,sta=p,sn=1,ts=1,v=2\nsid="b",bl=(1000;v)',
        'sid="a",e=rr,url="https://h/live/a/video-1.m3u8?k=1"',
      ].map(encode),
    run(input) {
      const sender = { remoteAddress: REMOTE, userAgent: 'player', optedOut: false }
      for (const event of cmcdReport(cmcdLines(decode(input)), sender, { name: (_, { path }) => path }).events)
        keep(event)
    },
  },
  {
    name: 'audience/request',
    seeds: () =>
      [
        '/live/a/video-1.m3u8?CMCD=sid%3D%22a%22%2Cbl%3D1000',
        '/vod/%C3%A4.mp4?a=1&CMCD=sid%3D%22a%22',
        'mms://h/live/a',
      ].map(encode),
    run(input) {
      const target = decode(input)
      const media = mediaPathOf(target)
      assert(media === undefined || /^(?:live|channel|vod)\/./s.test(media.path), 'a path of what is played')
      const data = { target, headers: undefined, userAgent: undefined, remoteAddress: REMOTE, optedOut: false }
      tellRequest(
        { data, receivedAt: 1 },
        {
          reports: {
            append: () => Promise.resolve(),
            appendLog: () => Promise.resolve(),
            tell: keep,
            name: () => undefined,
          },
          limit: new AddressLimit(() => 1_000_000),
          log: SILENT_LOGGER,
        },
      )
    },
  },
  {
    name: 'audience/wms-report',
    seeds: () =>
      [LINE_44, LINE_47, LINE_52].map((line) => encode(line)).concat(encode(formatWebLogBody(parseWmlogLine(LINE_47)))),
    run(input) {
      keep(wmlogToEvent(wmsReport(input, REMOTE), 'a'))
    },
  },
]

function keep(event: PlayEvent): void {
  const kept = privacy.keep(event, { address: 'network', doNotTrack: true }, false)
  const line = formatEvents([kept])
  assert(!/[\n\r]/.test(line), 'one line')
  assert(kept.address === '203.0.113.0/24', 'no whole address')
  parseEvent(line)
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
