/** The log server without its doors: what is reported goes through the privacy settings into the spool, and what is too old goes out of the store. */
import { describeError, HeadendError } from '../../errors.ts'
import type { PlayEvent } from '../../playlog/play-event.ts'
import type { Logger } from '../../protocols/protocol.ts'
import { AudienceIntake } from './audience-intake.ts'
import type { AudienceOptions } from './options.ts'
import { Privacy } from './privacy.ts'
import { MAX_BATCH_EVENTS } from './spool/event-lines.ts'
import { MAX_PAYLOAD_BYTES } from './spool/record.ts'
import type { AudienceStore } from './store/audience-store.ts'
import { MAX_REMOVED } from './store/store-limits.ts'

export interface AudienceSettings {
  /** Created when missing. */
  readonly folder: string
  /** In force; asked each time. */
  readonly options: () => AudienceOptions
  readonly log: Logger
}

const DAY_MS = 86_400_000
/** Between two looks for what is too old, milliseconds; the first comes after `FIRST_RETAIN_MS`. */
const RETAIN_MS = 3_600_000
const FIRST_RETAIN_MS = 60_000
/** Bytes of an event beside its texts, about. */
const EVENT_BYTES = 768
/** Bytes that a character of a text takes at most: as JSON, in UTF-8. */
const CHARACTER_BYTES = 3

export class Audience {
  readonly #settings: AudienceSettings
  readonly #intake: AudienceIntake
  readonly #privacy = new Privacy()
  #retaining: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout
  #closed = false

  private constructor(settings: AudienceSettings, intake: AudienceIntake) {
    this.#settings = settings
    this.#intake = intake
    this.#timer = this.#retainIn(FIRST_RETAIN_MS)
  }

  /** Rejects with UnavailableError ERR_AUDIENCE_STORE. */
  static async open(settings: AudienceSettings): Promise<Audience> {
    const { folder, options, log } = settings
    const { database, spoolBytes, strict } = options()
    const onFailure = (error: unknown) => {
      const code = error instanceof HeadendError ? error.code : 'ERR_AUDIENCE_STORE'
      log.counted(code, { error: describeError(error) }, 'reports wait for the store of the audience')
    }
    const intake = await AudienceIntake.open({ folder, database, maxBytes: spoolBytes, strict, onFailure })
    return new Audience(settings, intake)
  }

  get store(): AudienceStore {
    return this.#intake.store
  }

  /** See `PlayReports.append`. No function on this way waits with events in its hands: while the disk is slow, only their bytes are kept. */
  append(events: readonly PlayEvent[], optedOut: boolean): Promise<void> {
    const options = this.#settings.options()
    const kept = events.map((event) => this.#privacy.keep(event, options, optedOut))
    const appended = batchesOf(kept).map((batch) => this.#intake.append(batch))
    return appended.length === 1 && appended[0] !== undefined
      ? appended[0]
      : Promise.all(appended).then(() => undefined)
  }

  /** Resolves when all that was appended is in the store and in its numbers. Rejects when the store takes nothing. */
  drain(): Promise<void> {
    return this.#intake.drain()
  }

  /** See `AudienceIntake.erase`. */
  erase(id: string, now: number): Promise<boolean> {
    return this.#intake.erase(id, now)
  }

  /** Removes what is too old or too much. Never rejects. */
  async retain(now = Date.now()): Promise<void> {
    const { eventDays, sessionDays, maxBytes } = this.#settings.options()
    const retention = { eventsMs: eventDays * DAY_MS, sessionsMs: sessionDays * DAY_MS, maxBytes }
    try {
      let events = 0
      // In parts, between which what is reported goes on.
      for (let removed = MAX_REMOVED; removed >= MAX_REMOVED && !this.#closed; events += removed) {
        removed = await this.store.retain(retention, now)
      }
      if (events > 0)
        this.#settings.log.info({ events }, 'reports of the audience that were too old or too many are removed')
    } catch (error) {
      this.#settings.log.warn({ error: describeError(error) }, 'old reports of the audience could not be removed')
    }
  }

  /** What the store has not taken stays in the spool for the next time. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#retaining
    await this.#intake.close()
  }

  #retainIn(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#retaining = this.retain().then(() => {
        if (!this.#closed) this.#timer = this.#retainIn(RETAIN_MS)
      })
    }, ms).unref()
  }
}

/** Batches that the spool takes. */
function batchesOf(events: readonly PlayEvent[]): readonly (readonly PlayEvent[])[] {
  const batches: PlayEvent[][] = []
  let bytes = 0
  for (const event of events) {
    const more = sizeOf(event)
    const last = batches.at(-1)
    if (last === undefined || last.length >= MAX_BATCH_EVENTS || bytes + more > MAX_PAYLOAD_BYTES) {
      batches.push([event])
      bytes = more
    } else {
      last.push(event)
      bytes += more
    }
  }
  return batches
}

/** Not less than it takes. */
function sizeOf(event: PlayEvent): number {
  let characters = 0
  for (const name in event) {
    const value: unknown = event[name as keyof PlayEvent]
    if (typeof value === 'string') characters += value.length
  }
  for (const code of event.errors ?? []) characters += code.length
  return EVENT_BYTES + characters * CHARACTER_BYTES
}
