/** Totals over all sessions since the start, those that are over included. */
import type { Session, SessionRole } from '../../live/sessions.ts'

export interface SessionTotals {
  readonly protocol: string
  readonly role: SessionRole
  open: number
  total: number
  bytesIn: number
  bytesOut: number
  skipped: number
}

export class Counters {
  readonly #closed = new Map<string, SessionTotals>()

  opened(session: Session): void {
    const totals = entry(this.#closed, session)
    totals.total++
  }

  closed(session: Session): void {
    add(entry(this.#closed, session), session)
  }

  /** Totals by protocol and role; `open` sessions count with what they have moved so far. */
  sessions(open: Iterable<Session>): readonly SessionTotals[] {
    const result = new Map<string, SessionTotals>()
    for (const [key, totals] of this.#closed) result.set(key, { ...totals })
    for (const session of open) {
      const totals = entry(result, session)
      totals.open++
      add(totals, session)
    }
    return [...result.values()]
  }
}

function entry(map: Map<string, SessionTotals>, session: Session): SessionTotals {
  const { protocol, role } = session.start
  const key = `${protocol} ${role}`
  let totals = map.get(key)
  if (totals === undefined) {
    totals = { protocol, role, open: 0, total: 0, bytesIn: 0, bytesOut: 0, skipped: 0 }
    map.set(key, totals)
  }
  return totals
}

function add(totals: SessionTotals, session: Session): void {
  totals.bytesIn += session.bytesIn
  totals.bytesOut += session.bytesOut
  totals.skipped += session.skipped
}
