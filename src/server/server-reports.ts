/** All that is reported of playback, as the server keeps it: play logs in files, and the log server, which is opened by the first report or question. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { UnavailableError } from '../errors.ts'
import type { Session, SessionEnd } from '../live/sessions.ts'
import type { PlayEvent } from '../playlog/play-event.ts'
import type { PlayLog } from '../playlog/play-log.ts'
import type { PlayReports, ReportingViewer } from '../playlog/play-reports.ts'
import { wmlogToEvent } from '../playlog/wmlog-to-event.ts'
import type { Closable, Logger } from '../protocols/protocol.ts'
import { viewPlayLog } from '../services/admin/views.ts'
import type { Audience } from '../services/audience/audience.ts'
import { LogSessions } from '../services/audience/collectors/log-sessions.ts'
import { PlaySessions } from '../services/audience/collectors/play-sessions.ts'
import type { AudienceOptions } from '../services/audience/options.ts'
import { ReportQueue } from '../services/audience/report-queue.ts'
import type { AudienceStore } from '../services/audience/store/audience-store.ts'
import { openPlayLogs, type PlayLogs } from '../services/logs/index.ts'
import { ErasingStore } from './erasing-store.ts'
import type { EventHub } from './events.ts'
import type { Settings } from './settings.ts'
import { packageVersion } from './version.ts'

export interface ServerReportsOptions {
  /** In force; asked each time. */
  readonly settings: () => Settings
  readonly events: EventHub
  readonly log: Logger
}

/** Below the data folder. */
export const AUDIENCE_FOLDER = 'audience'
/** What logs that come to a web server tell of, whatever carried them. */
const WINDOWS_MEDIA = 'wmsp'
/** After a failure, so long nobody tries to open the store again, milliseconds. */
const REOPEN_MS = 5000

export class ServerReports implements PlayReports, Closable {
  readonly playLogs: PlayLogs
  readonly #options: ServerReportsOptions
  readonly #log: Logger
  readonly #queue: ReportQueue
  readonly #sessions: PlaySessions
  readonly #logSessions = new LogSessions()
  readonly #store = new ErasingStore(
    async () => (await this.#open()).store,
    () => this.#opening !== undefined || this.#failure !== undefined,
    async (id, now) => {
      this.playLogs.forget(id)
      return (await this.#open()).erase(id, now)
    },
  )
  #opening: Promise<Audience> | undefined
  #audience: Audience | undefined
  #failure: { readonly error: unknown; readonly at: number } | undefined
  #closed = false

  constructor(options: ServerReportsOptions) {
    this.#options = options
    this.#log = options.log.child({ service: 'audience' })
    const { server } = options.settings()
    this.playLogs = openPlayLogs({
      folder: join(server.data, 'logs'),
      log: options.log.child({ service: 'logs' }),
      limits: server.logs,
      software: `Headend ${packageVersion()}`,
    })
    this.#queue = new ReportQueue({ append: this.append.bind(this), log: this.#log })
    this.#sessions = new PlaySessions({
      tell: this.tell.bind(this),
      enabled: () => this.#settings?.sessions === true,
    })
  }

  /** `undefined`: the log server is switched off. */
  get store(): AudienceStore | undefined {
    return this.#settings === undefined ? undefined : this.#store
  }

  /** Everything listens: what an earlier run has left waiting goes into the store. Never throws, never waits. */
  start(): void {
    if (this.#settings === undefined || !existsSync(this.#folder)) return
    this.#open().catch(() => undefined)
  }

  opened(session: Session): void {
    this.#sessions.opened(session)
    this.#logSessions.opened(session)
  }

  closed(session: Session, reason: SessionEnd): void {
    this.#sessions.closed(session, reason)
    this.#logSessions.closed(session)
  }

  /** Takes a log that nobody waits for. Never throws, never waits. */
  addLog(log: PlayLog): void {
    this.tell(this.#keep(log), false)
  }

  async appendLog(log: PlayLog, optedOut: boolean): Promise<void> {
    await this.append([this.#keep(log)], optedOut)
  }

  append(events: readonly PlayEvent[], optedOut: boolean): Promise<void> {
    if (this.#audience !== undefined && !this.#closed) return this.#audience.append(events, optedOut)
    return this.#open().then((audience) => audience.append(events, optedOut))
  }

  tell(event: PlayEvent, optedOut: boolean): void {
    if (this.#settings !== undefined && !this.#closed) this.#queue.add(event, optedOut)
  }

  name(sessionId: string, viewer: ReportingViewer): string | undefined {
    return this.#sessions.name(sessionId, viewer)
  }

  async close(): Promise<void> {
    this.#sessions.close()
    await this.#queue.flush()
    this.#closed = true
    await (await this.#opening?.catch(() => undefined))?.close()
    await this.playLogs.close()
  }

  get #settings(): AudienceOptions | undefined {
    return this.#options.settings().modules.get('audience') as AudienceOptions | undefined
  }

  get #folder(): string {
    return join(this.#options.settings().server.data, AUDIENCE_FOLDER)
  }

  /** What is kept has no keys in its addresses; what came may have. */
  #keep(log: PlayLog): PlayEvent {
    const { sessionId, sequence } = this.#logSessions.placeOf(log)
    const kept = this.playLogs.add(log, sessionId)
    this.#options.events.emit('playlog', { ...viewPlayLog(kept), receivedAt: kept.receivedAt })
    return { ...wmlogToEvent(kept, sessionId), sequence, protocol: WINDOWS_MEDIA }
  }

  async #open(): Promise<Audience> {
    if (this.#closed) throw new UnavailableError('ERR_AUDIENCE_STORE', 'the server is shutting down')
    if (this.#failure !== undefined && performance.now() - this.#failure.at < REOPEN_MS) throw this.#failure.error
    this.#opening ??= this.#load().catch((error: unknown) => {
      this.#opening = undefined
      this.#failure = { error, at: performance.now() }
      throw error
    })
    return this.#opening
  }

  async #load(): Promise<Audience> {
    const options = this.#settings
    if (options === undefined) throw new UnavailableError('ERR_AUDIENCE_STORE', 'the log server is switched off')
    const { Audience: AudienceClass } = await import('../services/audience/audience.ts')
    this.#audience = await AudienceClass.open({
      folder: this.#folder,
      // What is under way when it is switched off is taken by the settings of its start.
      options: () => this.#settings ?? options,
      log: this.#log,
    })
    return this.#audience
  }
}
