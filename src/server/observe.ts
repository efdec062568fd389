/** What happens in the hub and the sessions, as log lines, totals and events. */
import type { Hub } from '../live/hub.ts'
import type { Session, Sessions } from '../live/sessions.ts'
import type { Logger } from '../protocols/protocol.ts'
import type { Counters } from '../services/admin/counters.ts'
import type { EventHub, SessionEvent } from './events.ts'
import type { ServerReports } from './server-reports.ts'

export interface Observed {
  readonly hub: Hub
  readonly sessions: Sessions
  readonly counters: Counters
  readonly events: EventHub
  readonly reports: ServerReports
  readonly log: Logger
}

/** Called once, before the first session opens. */
export function observe({ hub, sessions, counters, events, reports, log }: Observed): void {
  hub.observe({
    stream: (stream, change) => {
      const { path } = stream
      if (change === 'started' || change === 'resumed') {
        const session = hub.publisherOf(path)
        log.info({ path }, change === 'started' ? 'stream is on air' : 'stream is on air again')
        events.emit('publish', { path, session: session === undefined ? undefined : eventOf(session) })
        return
      }
      log.info({ path }, change === 'waiting' ? 'stream waits for its publisher' : 'stream has ended')
      events.emit('unpublish', { path, final: change === 'ended' })
    },
  })
  sessions.observe({
    open: (session) => {
      counters.opened(session)
      reports.opened(session)
      log.info({ ...logFields(session) }, `${session.start.role} begins`)
      if (session.start.role === 'play') events.emit('play', eventOf(session))
    },
    close: (session, reason) => {
      counters.closed(session)
      reports.closed(session, reason)
      const { bytesIn, bytesOut, skipped } = session
      const durationMs = Date.now() - session.startedAt.getTime()
      const counts = { bytesIn, bytesOut, skipped }
      log.info({ ...logFields(session), ...counts, durationMs, reason }, `${session.start.role} ends`)
      if (session.start.role === 'play') {
        events.emit('stop', { ...eventOf(session), ...counts, reason: reason?.code })
      }
    },
  })
}

function eventOf({ id, start, startedAt }: Session): SessionEvent {
  const { protocol, role, path, remoteAddress } = start
  return { id, protocol, role, path, remoteAddress, startedAt }
}

function logFields(session: Session) {
  const { id, start } = session
  const { protocol, path, remoteAddress, userAgent } = start
  return { session: id, protocol, path, remoteAddress, userAgent }
}
