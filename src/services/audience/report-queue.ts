/** Reports that nobody waits for, until the log server takes them: a bounded queue, given on in batches. */
import { describeError } from '../../errors.ts'
import type { PlayEvent } from '../../playlog/play-event.ts'
import type { Logger } from '../../protocols/protocol.ts'

export interface ReportQueueOptions {
  /** Takes a batch; see `PlayReports.append`. */
  readonly append: (events: readonly PlayEvent[], optedOut: boolean) => Promise<void>
  readonly log: Logger
}

/** Reports that come within this time, milliseconds, are given on together. */
const GATHER_MS = 50
/** Reports that wait; more are left out. */
const MAX_WAITING = 20_000
const MAX_TOGETHER = 500

interface Waiting {
  readonly event: PlayEvent
  readonly optedOut: boolean
}

export class ReportQueue {
  readonly #options: ReportQueueOptions
  #waiting: Waiting[] = []
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #dropped = 0

  constructor(options: ReportQueueOptions) {
    this.#options = options
  }

  /** Reports left out since the start. */
  get dropped(): number {
    return this.#dropped
  }

  /** Never throws. */
  add(event: PlayEvent, optedOut: boolean): void {
    if (this.#waiting.length >= MAX_WAITING) {
      this.#drop(1, 'they come faster than they can be taken')
      return
    }
    this.#waiting.push({ event, optedOut })
    if (this.#running === undefined) this.#timer ??= setTimeout(() => void this.flush(), GATHER_MS).unref()
  }

  /** Resolves when all that was added is given on, or left out. Never rejects. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined
    })
    await this.#running
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      const together = this.#waiting.splice(0, MAX_TOGETHER)
      for (const optedOut of [false, true]) {
        const events = together.filter((one) => one.optedOut === optedOut).map(({ event }) => event)
        if (events.length === 0) continue
        try {
          await this.#options.append(events, optedOut)
        } catch (error) {
          this.#drop(events.length, describeError(error))
        }
      }
    }
  }

  #drop(count: number, reason: string): void {
    this.#dropped += count
    this.#options.log.counted(
      'ERR_AUDIENCE_DROPPED',
      { reason, dropped: this.#dropped },
      'reports of the audience are left out',
    )
  }
}
