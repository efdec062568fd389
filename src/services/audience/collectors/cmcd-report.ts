/** Reports that players post, or send with a query, as events (CTA-5004-B section 3). */
import { FormatError, PeerError } from '../../../errors.ts'
import type { HttpRequest } from '../../../net/http/routes.ts'
import { cmcdLines, cmcdOfHeaders, cmcdOfQuery, MAX_CMCD_RECORDS } from '../../../playlog/cmcd/message.ts'
import { type CmcdRecord, readCmcd } from '../../../playlog/cmcd/record.ts'
import { cmcdToEvent } from '../../../playlog/cmcd/to-event.ts'
import type { PlayEvent } from '../../../playlog/play-event.ts'
import type { PlayReports } from '../../../playlog/play-reports.ts'
import { type MediaPath, mediaPathOf } from './media-path.ts'

/** Bytes of one body. */
export const MAX_CMCD_BODY = 256 * 1024

export interface CmcdReport {
  readonly events: readonly PlayEvent[]
  /** Records of which there is no event. */
  readonly refused: number
  /** Of one of them: why. */
  readonly reason: string | undefined
}

/**
 * `body`: of a POST; else the headers count, or the query. Throws PeerError ERR_AUDIENCE_BATCH for too many records, FormatError ERR_AUDIENCE_REPORT
 * where none can be read. Records of a newer version than is known are left out, as the specification asks.
 */
export function cmcdReport(
  { raw, remoteAddress }: HttpRequest,
  body: string | undefined,
  optedOut: boolean,
  reports: Pick<PlayReports, 'name'>,
): CmcdReport {
  const texts = body === undefined ? textsOfRequest(raw) : cmcdLines(body)
  if (texts === undefined) throw new PeerError('ERR_AUDIENCE_BATCH', `expected at most ${MAX_CMCD_RECORDS} records`)
  const userAgent = raw.headers['user-agent']
  const receivedAt = Date.now()
  const paths = new Map<string, string | undefined>()
  const events: PlayEvent[] = []
  let reason: string | undefined
  let hasNewer = false
  for (const original of texts) {
    const record = readCmcd(original)
    if (typeof record === 'string') {
      hasNewer ||= record === 'newer-version'
      reason = record
      continue
    }
    const media = mediaOf(record)
    const event = cmcdToEvent(record, {
      receivedAt,
      address: remoteAddress,
      original,
      ...(media?.protocol === undefined ? {} : { protocol: media.protocol }),
      ...(userAgent === undefined ? {} : { userAgent }),
    })
    if (event === undefined) {
      reason = 'no sid'
      continue
    }
    const { sessionId } = event
    let path = paths.get(sessionId)
    // Once for each session, and once more for the first record that says the path.
    if (!paths.has(sessionId) || (path === undefined && media !== undefined)) {
      path = reports.name(sessionId, { remoteAddress, userAgent, path: media?.path, optedOut })
      paths.set(sessionId, path)
    }
    events.push(path === undefined ? event : { ...event, path })
  }
  if (events.length === 0 && !hasNewer) {
    throw new FormatError('ERR_AUDIENCE_REPORT', `expected records with a sid, found ${reason ?? 'none'}`)
  }
  return { events, refused: texts.length - events.length, reason }
}

function textsOfRequest({ headers, url = '' }: HttpRequest['raw']): readonly string[] {
  const mark = url.indexOf('?')
  const text = cmcdOfHeaders(headers) ?? (mark < 0 ? undefined : cmcdOfQuery(url.slice(mark + 1)))
  return text === undefined ? [] : [text]
}

/** What the address of an object that was received says (`url`, of events `rr`). */
function mediaOf({ values }: CmcdRecord): MediaPath | undefined {
  const url = values.get('url')
  return typeof url === 'string' ? mediaPathOf(url) : undefined
}
