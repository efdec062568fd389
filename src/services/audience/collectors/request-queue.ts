/** Client data that came with requests of media, until there is time for it: no answer waits, and the code that reads it is loaded by the first. */
import type { ClientData, ClientDataObserver } from '../../../net/http/routes.ts'

/** What came, and when (Unix time, milliseconds). */
export interface ReceivedData {
  readonly data: ClientData
  readonly receivedAt: number
}

export interface RequestQueueOptions {
  /** Whether requests are looked at; asked each time. */
  readonly enabled: () => boolean
  /** Gives what takes them, one after the other; it never throws. */
  readonly load: () => Promise<(received: ReceivedData) => void>
  /** So many more were left out. */
  readonly onDropped: (count: number) => void
}

/** Requests that wait for the end of the turn. */
const MAX_WAITING = 5000

export class RequestQueue {
  readonly #options: RequestQueueOptions
  #waiting: ReceivedData[] = []
  #take: ((received: ReceivedData) => void) | undefined
  #scheduled = false
  #dropped = 0

  constructor(options: RequestQueueOptions) {
    this.#options = options
  }

  readonly observe: ClientDataObserver = (data) => {
    if (!this.#options.enabled()) return
    if (this.#waiting.length >= MAX_WAITING) {
      this.#dropped++
      return
    }
    this.#waiting.push({ data, receivedAt: Date.now() })
    if (this.#scheduled) return
    this.#scheduled = true
    // Behind the answers of this turn.
    setImmediate(() => void this.#run())
  }

  async #run(): Promise<void> {
    try {
      this.#take ??= await this.#options.load()
    } catch {
      // The next one tries again.
      this.#dropped += this.#waiting.length
      this.#waiting = []
    }
    this.#scheduled = false
    const received = this.#waiting
    this.#waiting = []
    for (const one of received) this.#take?.(one)
    if (this.#dropped === 0) return
    this.#options.onDropped(this.#dropped)
    this.#dropped = 0
  }
}
