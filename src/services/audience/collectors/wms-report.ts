/** Logs that Windows Media players post to a web server: a line behind `MX_STATS_LogLine:`, a bare one, or XML (MS-WMLOG 2.2 to 2.4). */
import { FormatError, HeadendError } from '../../../errors.ts'
import { type PlayLog, playLogOf } from '../../../playlog/play-log.ts'
import type { Wmlog } from '../../../playlog/wmlog.ts'
import { parseWmlogBody } from '../../../playlog/wmlog-body.ts'
import { mediaPathOf } from './media-path.ts'

/** Throws FormatError ERR_AUDIENCE_REPORT, with what is wrong. */
export function wmsReport(body: Uint8Array, remoteAddress: string): PlayLog {
  const wmlog = parse(body)
  const { fields } = wmlog
  const address = fields['cs-uri-stem'] ?? fields['cs-url']
  return playLogOf(wmlog, {
    receivedAt: new Date(),
    remoteAddress,
    protocol: 'http',
    path: (address === undefined ? undefined : mediaPathOf(address)?.path) ?? '',
  })
}

function parse(body: Uint8Array): Wmlog {
  try {
    return parseWmlogBody(body)
  } catch (cause) {
    if (!(cause instanceof HeadendError)) throw cause
    throw new FormatError('ERR_AUDIENCE_REPORT', cause.message, undefined, { cause })
  }
}
