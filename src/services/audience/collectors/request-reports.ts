/** Client data of requests of media as reports (CTA-5004-B sections 2 and 3). */

import { cmcdOfQuery } from '../../../playlog/cmcd/message.ts'
import { readCmcd } from '../../../playlog/cmcd/record.ts'
import { cmcdToEvent } from '../../../playlog/cmcd/to-event.ts'
import type { PlayReports } from '../../../playlog/play-reports.ts'
import type { Logger } from '../../../protocols/protocol.ts'
import type { AddressLimit } from './address-limit.ts'
import { mediaPathOf } from './media-path.ts'
import type { ReceivedData } from './request-queue.ts'

export interface RequestReportsOptions {
  readonly reports: PlayReports
  readonly limit: AddressLimit
  readonly log: Logger
}

/** Tells what a player said with a request of something that is played here. What cannot be read, or says no session, is left out and counted. */
export function tellRequest({ data, receivedAt }: ReceivedData, { reports, limit, log }: RequestReportsOptions): void {
  const { target, headers, userAgent, remoteAddress, optedOut } = data
  const media = mediaPathOf(target)
  if (media === undefined) return
  if (limit.take(remoteAddress) > 0) {
    log.counted(
      'ERR_AUDIENCE_RATE',
      { remoteAddress },
      'client data of requests is left out: too much from one address',
    )
    return
  }
  const mark = target.indexOf('?')
  const text = headers ?? (mark < 0 ? undefined : cmcdOfQuery(target.slice(mark + 1)))
  if (text === undefined) return
  const record = readCmcd(text)
  if (typeof record === 'string') {
    log.counted('ERR_AUDIENCE_REPORT', { remoteAddress, reason: record }, 'client data of a request cannot be read')
    return
  }
  const event = cmcdToEvent(record, {
    receivedAt,
    path: media.path,
    address: remoteAddress,
    original: text,
    ...(media.protocol === undefined ? {} : { protocol: media.protocol }),
    ...(userAgent === undefined ? {} : { userAgent }),
  })
  if (event === undefined) return
  reports.name(event.sessionId, { remoteAddress, userAgent, path: media.path, optedOut })
  reports.tell(event, optedOut)
}
