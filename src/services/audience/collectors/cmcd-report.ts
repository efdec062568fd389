/** Reports that players post, or send with a query, as events (CTA-5004-B section 3). */
import type { IncomingMessage } from 'node:http'
import { FormatError, PeerError } from '../../../errors.ts'
import { cmcdOfHeaders, cmcdOfQuery, MAX_CMCD_RECORDS } from '../../../playlog/cmcd/message.ts'
import { type CmcdRecord, readCmcd } from '../../../playlog/cmcd/record.ts'
import { cmcdToEvent } from '../../../playlog/cmcd/to-event.ts'
import type { PlayEvent } from '../../../playlog/play-event.ts'
import type { PlayReports, ReportingViewer } from '../../../playlog/play-reports.ts'
import { type MediaPath, mediaPathOf } from './media-path.ts'

export interface CmcdReport {
  readonly events: readonly PlayEvent[]
  /** Records of which there is no event. */
  readonly refused: number
  /** Of one of them: why. */
  readonly reason: string | undefined
}

/** Who sends a report, as far as its request tells. */
export type ReportSender = Omit<ReportingViewer, 'path'>

/**
 * `texts`: one for each record; `undefined`: too many. Throws PeerError ERR_AUDIENCE_BATCH for these, FormatError ERR_AUDIENCE_REPORT where none can
 * be read. Records of a newer version than is known are left out, as the specification asks.
 */
export function cmcdReport(
  texts: readonly string[] | undefined,
  { remoteAddress, userAgent, optedOut }: ReportSender,
  reports: Pick<PlayReports, 'name'>,
): CmcdReport {
  if (texts === undefined) throw new PeerError('ERR_AUDIENCE_BATCH', `expected at most ${MAX_CMCD_RECORDS} records`)
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

/** The one record of a request without a body: of its headers, else of its query. None: an empty list. */
export function textsOfRequest({ headers, url = '' }: Pick<IncomingMessage, 'headers' | 'url'>): readonly string[] {
  const mark = url.indexOf('?')
  const text = cmcdOfHeaders(headers) ?? (mark < 0 ? undefined : cmcdOfQuery(url.slice(mark + 1)))
  return text === undefined ? [] : [text]
}

/** What the address of an object that was received says (`url`, of events `rr`). */
function mediaOf({ values }: CmcdRecord): MediaPath | undefined {
  const url = values.get('url')
  return typeof url === 'string' ? mediaPathOf(url) : undefined
}
