/** What the server itself knows of those who play, as reports: that they came, how it goes, and how it ended, under the name their player gives. */
import type { Session, SessionEnd } from '../../../live/sessions.ts'
import type { PlayEvent } from '../../../playlog/play-event.ts'
import type { ReportingViewer } from '../../../playlog/play-reports.ts'
import { SILENCE_MS } from '../store/audience-store.ts'

export interface PlaySessionsOptions {
  readonly tell: (event: PlayEvent, optedOut: boolean) => void
  /** Whether sessions are told of; asked each time. */
  readonly enabled: () => boolean
  /** Unix time, milliseconds. */
  readonly now?: () => number
}

/** A session waits this long for the name that its player gives it, before its begin is told under its own, milliseconds. */
export const NAME_MS = 5000
/** Between two reports of a session: a third of what counts as silence, milliseconds. */
export const INTERVAL_MS = SILENCE_MS / 3
/** How long a name is good for sessions that open behind it, milliseconds. */
const NAME_KEPT_MS = 60_000
/** Names that wait for their session; the oldest is forgotten first. */
const MAX_NAMES = 20_000
/** Sessions of one address and User-Agent that a name may be for. */
const MAX_OF_VIEWER = 64
/** How often sessions are looked at, milliseconds. */
const SWEEP_MS = 1000
/** As the registry of viewers without a connection has it. */
const MAX_USER_AGENT = 200
/** Viewers without a connection, who are gone some time before it is noticed. */
const WITHOUT_CONNECTION: ReadonlySet<string> = new Set(['hls', 'dash'])

/** A program that fetches a file as it is opens one for each range: how many say nothing of playbacks. */
const NO_PLAYBACK: ReadonlySet<string> = new Set(['download'])

interface Known {
  readonly session: Session
  readonly viewer: string
  name: string | undefined
  optedOut: boolean
  /** Its begin was told. */
  told: boolean
  /** Bytes when it was looked at last, and when they changed last. */
  bytes: number
  movedAt: number
  reportAt: number
}

export class PlaySessions {
  readonly #options: PlaySessionsOptions
  readonly #now: () => number
  readonly #known = new Map<Session, Known>()
  /** By address and User-Agent. */
  readonly #viewers = new Map<string, Set<Known>>()
  /** By viewer and path, in the order they were given. */
  readonly #names = new Map<string, { readonly name: string; readonly optedOut: boolean; readonly at: number }>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: PlaySessionsOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  opened(session: Session): void {
    const { role, protocol, path, remoteAddress, userAgent } = session.start
    if (role !== 'play' || NO_PLAYBACK.has(protocol) || !this.#options.enabled()) return
    const viewer = viewerOf(remoteAddress, userAgent)
    const named = this.#names.get(`${viewer}\n${path}`)
    const now = this.#now()
    const known: Known = {
      session,
      viewer,
      name: named?.name,
      optedOut: session.start.optedOut === true || named?.optedOut === true,
      told: false,
      bytes: 0,
      movedAt: now,
      reportAt: now + INTERVAL_MS,
    }
    this.#known.set(session, known)
    const those = this.#viewers.get(viewer)
    if (those === undefined) this.#viewers.set(viewer, new Set([known]))
    else if (those.size < MAX_OF_VIEWER) those.add(known)
    if (named !== undefined) this.#tellOpen(known)
    this.#timer ??= setInterval(() => this.sweep(), SWEEP_MS).unref()
  }

  closed(session: Session, reason: SessionEnd): void {
    const known = this.#known.get(session)
    if (known === undefined) return
    this.#look(known)
    this.#tellOpen(known)
    this.#tell(known, {
      kind: 'close',
      time: WITHOUT_CONNECTION.has(session.start.protocol) ? known.movedAt : this.#now(),
      ...(reason === undefined ? {} : { reason: reason.code }),
    })
    this.#known.delete(session)
    const those = this.#viewers.get(known.viewer)
    those?.delete(known)
    if (those?.size === 0) this.#viewers.delete(known.viewer)
  }

  /** See `PlayReports.name`. */
  name(name: string, { remoteAddress, userAgent, path, optedOut }: ReportingViewer): string | undefined {
    const viewer = viewerOf(remoteAddress, userAgent)
    const those = [...(this.#viewers.get(viewer) ?? [])].filter(
      ({ session }) => path === undefined || session.start.path === path,
    )
    const known = those.find((one) => one.name === name) ?? unnamedOf(those)
    if (known !== undefined) {
      const formerId = known.told && known.name === undefined ? known.session.id : undefined
      known.optedOut ||= optedOut
      known.name = name
      this.#tellOpen(known)
      if (formerId !== undefined) this.#tell(known, { kind: 'interval', time: this.#now(), formerId })
      return known.session.start.path
    }
    if (path !== undefined) {
      this.#keepName(`${viewer}\n${path}`, name, optedOut)
      return path
    }
    const paths = new Set(those.map(({ session }) => session.start.path))
    const [only] = paths
    return paths.size === 1 ? only : undefined
  }

  /** Tells what is due. Called by its own timer. */
  sweep(): void {
    const now = this.#now()
    for (const known of this.#known.values()) {
      this.#look(known)
      if (!known.told && now - known.session.startedAt.getTime() >= NAME_MS) this.#tellOpen(known)
      if (now < known.reportAt) continue
      known.reportAt = now + INTERVAL_MS
      // Of one who may be gone, nothing is said.
      if (now - known.movedAt < INTERVAL_MS || !WITHOUT_CONNECTION.has(known.session.start.protocol)) {
        this.#tell(known, { kind: 'interval', time: now })
      }
    }
    for (const [key, { at }] of this.#names) {
      if (now - at < NAME_KEPT_MS) break
      this.#names.delete(key)
    }
    if (this.#known.size > 0 || this.#names.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** Tells of the sessions that are there as if they ended now: for the end of the server. */
  close(): void {
    for (const session of [...this.#known.keys()]) this.closed(session, undefined)
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #keepName(key: string, name: string, optedOut: boolean): void {
    // The newest is the last.
    this.#names.delete(key)
    this.#names.set(key, { name, optedOut, at: this.#now() })
    const [oldest] = this.#names.keys()
    if (this.#names.size > MAX_NAMES && oldest !== undefined) this.#names.delete(oldest)
    this.#timer ??= setInterval(() => this.sweep(), SWEEP_MS).unref()
  }

  #look(known: Known): void {
    const { bytesOut } = known.session
    if (bytesOut === known.bytes) return
    known.bytes = bytesOut
    known.movedAt = this.#now()
  }

  #tellOpen(known: Known): void {
    if (known.told) return
    known.told = true
    this.#tell(known, { kind: 'open', time: known.session.startedAt.getTime() })
  }

  #tell(known: Known, what: Pick<PlayEvent, 'kind' | 'time' | 'reason' | 'formerId'>): void {
    if (!this.#options.enabled()) return
    const { id, start, bytesOut, skipped } = known.session
    const { path, protocol, remoteAddress, userAgent } = start
    this.#options.tell(
      {
        sessionId: known.name ?? id,
        source: 'server',
        receivedAt: this.#now(),
        path,
        protocol,
        address: remoteAddress,
        ...(userAgent === undefined ? {} : { userAgent }),
        ...what,
        ...(what.kind === 'open' ? {} : { bytes: bytesOut }),
        ...(skipped === 0 ? {} : { lostPackets: skipped }),
      },
      known.optedOut,
    )
  }
}

/** Which of a viewer's sessions a new name is for: one that waits for it, else the only one there is. */
function unnamedOf(those: readonly Known[]): Known | undefined {
  const unnamed = those.filter(({ name }) => name === undefined)
  return unnamed.find(({ told }) => !told) ?? (unnamed.length === 1 && those.length === 1 ? unnamed[0] : undefined)
}

function viewerOf(remoteAddress: string, userAgent = ''): string {
  return `${remoteAddress}\n${userAgent.slice(0, MAX_USER_AGENT)}`
}
