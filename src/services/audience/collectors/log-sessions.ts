/** Which playback the logs of Windows Media players are of: nothing in those that go to a web server says so (MS-WMLOG 2.5 to 2.7). */
import { randomUUID } from 'node:crypto'
import type { Session } from '../../../live/sessions.ts'
import type { PlayLog } from '../../../playlog/play-log.ts'
import type { WmlogKind } from '../../../playlog/wmlog.ts'
import { formatWmlogLine } from '../../../playlog/wmlog-line.ts'

/** Which playback a log is of, and which of its logs it is, from 1: one that comes again is not counted again. */
export interface LogPlace {
  readonly sessionId: string
  readonly sequence: number
}

/** Logs of one playback come within this time, milliseconds: of what was received at its end, of what was shown when the player closes. */
const TOGETHER_MS = 600_000
/** Players, with what they play, and sessions of the server, that are remembered; the oldest is forgotten first. */
const MAX_REMEMBERED = 20_000
/** Playbacks of one of them, and logs of one playback, that are remembered. */
const MAX_PLAYBACKS = 4
const MAX_LOGS = 16

interface Playback {
  readonly id: string
  /** A session of the server, from which all of its player's logs are that come while it is there or soon after. */
  readonly served: boolean
  /** When it was heard of last; of one that the server serves: not yet over. */
  at: number
  count: number
  readonly logs: { readonly kind: WmlogKind; readonly signature: string; readonly sequence: number }[]
}

export class LogSessions {
  /** By address, player and what is played; the newest playback is the last. */
  readonly #players = new Map<string, Playback[]>()
  /** Sessions of the server by their id: logs of the connection do not say which player it was. */
  readonly #served = new Map<string, Playback>()

  /** A player has come that says who it is: its logs may go to a web server, too. */
  opened({ id, start: { role, remoteAddress, playerId, path } }: Session): void {
    if (role !== 'play' || playerId === undefined) return
    this.#add(keyOf(remoteAddress, playerId, path), newPlayback(id, Number.POSITIVE_INFINITY, true))
  }

  closed({ id }: Pick<Session, 'id'>, now = Date.now()): void {
    const playback = this.#served.get(id)
    if (playback !== undefined) playback.at = now
  }

  /**
   * The same for a log that comes again, by whichever way; of a playback that the server knows all logs; of others the one log that tells all, or the
   * two of which one tells what was received and one what was shown.
   */
  placeOf(log: PlayLog): LogPlace {
    const { kind, wmlog, receivedAt, remoteAddress, path, sessionId } = log
    const { fields } = wmlog
    const what = path === '' ? (fields['cs-uri-stem'] ?? fields['cs-url'] ?? '') : path
    const key = keyOf(remoteAddress, fields['c-playerid'] ?? '', what)
    const at = receivedAt.getTime()
    const signature = signatureOf(log)
    const recent = (this.#players.get(key) ?? []).filter((one) => at - one.at < TOGETHER_MS)
    const known =
      sessionId === undefined
        ? (recent.find(({ logs }) => logs.some((one) => one.signature === signature)) ??
          recent.findLast((one) => one.served || belongs(kind, one)))
        : this.#served.get(sessionId)
    const playback = known ?? newPlayback(sessionId ?? randomUUID(), at, sessionId !== undefined)
    if (known === undefined) this.#add(key, playback)
    const again = playback.logs.find((one) => one.signature === signature)
    if (again !== undefined) return { sessionId: playback.id, sequence: again.sequence }
    const sequence = ++playback.count
    playback.logs.push({ kind, signature, sequence })
    if (playback.logs.length > MAX_LOGS) playback.logs.shift()
    return { sessionId: playback.id, sequence }
  }

  #add(key: string, playback: Playback): void {
    const those = this.#players.get(key) ?? []
    those.push(playback)
    if (those.length > MAX_PLAYBACKS) those.shift()
    remember(this.#players, key, those)
    if (playback.served) remember(this.#served, playback.id, playback)
  }
}

/** As the newest. */
function remember<Value>(all: Map<string, Value>, key: string, value: Value): void {
  all.delete(key)
  all.set(key, value)
  const [oldest] = all.keys()
  if (all.size > MAX_REMEMBERED && oldest !== undefined) all.delete(oldest)
}

function newPlayback(id: string, at: number, served: boolean): Playback {
  return { id, at, served, count: 0, logs: [] }
}

function keyOf(remoteAddress: string, playerId: string, what: string): string {
  return [remoteAddress, playerId.toLowerCase(), what].join('\n')
}

/** What a log says whoever reads it: web servers are told more of the server, and of what was shown in fewer fields. */
function signatureOf({ wmlog }: PlayLog): string {
  const { fields, form } = wmlog
  if (form === 'connect-time') return JSON.stringify(fields)
  const aside = {
    'c-ip': undefined,
    's-ip': undefined,
    's-dns': undefined,
    's-totalclients': undefined,
    's-cpu-util': undefined,
  }
  return formatWmlogLine({ fields: { ...fields, ...aside } }, 47)
}

/** One log of the connection, and then one that tells all, or one of what was received and one of what was shown. */
function belongs(kind: WmlogKind, { logs }: Playback): boolean {
  const kinds = logs.map((one) => one.kind)
  if (kinds.includes(kind) || kinds.includes('legacy')) return false
  return kind === 'streaming' || kind === 'rendering' || kinds.every((one) => one === 'connect-time')
}
