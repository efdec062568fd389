/** Which logs that Windows Media players send to a web server are of one playback: nothing in them says so (MS-WMLOG 2.5 to 2.7). */
import { randomUUID } from 'node:crypto'
import type { PlayLog } from '../../../playlog/play-log.ts'
import type { LogPlace } from '../../../playlog/play-reports.ts'
import type { WmlogKind } from '../../../playlog/wmlog.ts'
import { formatWmlogLine } from '../../../playlog/wmlog-line.ts'

/** Logs of one playback come within this time, milliseconds: of what was received at its end, of what was shown when the player closes. */
const TOGETHER_MS = 600_000
/** Playbacks that are remembered; the oldest is forgotten first. */
const MAX_PLAYBACKS = 20_000

interface Playback {
  readonly id: string
  readonly at: number
  readonly logs: { readonly kind: WmlogKind; readonly line: string }[]
}

export class LogSessions {
  readonly #playbacks = new Map<string, Playback>()

  /** The same for a log that is sent again, and the same playback for the other log of it; another one for a second log of a kind that was there. */
  placeOf(log: PlayLog): LogPlace {
    const { kind, wmlog, receivedAt, remoteAddress } = log
    const { fields, form } = wmlog
    const key = [remoteAddress, fields['c-playerid'], fields['cs-uri-stem'] ?? fields['cs-url']].join('\n')
    const line = form === 'connect-time' ? JSON.stringify(fields) : formatWmlogLine(wmlog, form)
    const at = receivedAt.getTime()
    const known = this.#playbacks.get(key)
    if (known !== undefined && at - known.at < TOGETHER_MS) {
      const again = known.logs.findIndex((one) => one.line === line)
      if (again >= 0) return { sessionId: known.id, sequence: again + 1 }
      if (belongs(kind, known)) return { sessionId: known.id, sequence: known.logs.push({ kind, line }) }
    }
    const id = randomUUID()
    this.#playbacks.delete(key)
    this.#playbacks.set(key, { id, at, logs: [{ kind, line }] })
    const [oldest] = this.#playbacks.keys()
    if (this.#playbacks.size > MAX_PLAYBACKS && oldest !== undefined) this.#playbacks.delete(oldest)
    return { sessionId: id, sequence: 1 }
  }
}

/** One log of the connection, and then one that tells all, or one of what was received and one of what was shown. */
function belongs(kind: WmlogKind, { logs }: Playback): boolean {
  const kinds = logs.map((one) => one.kind)
  if (kinds.includes(kind) || kinds.includes('legacy')) return false
  return kind === 'streaming' || kind === 'rendering' || kinds.every((one) => one === 'connect-time')
}
