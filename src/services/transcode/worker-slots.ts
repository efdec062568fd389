/** How many encoders run at the same time: who has to wait, and who gives way. */
import { busy } from './failures.ts'

/** The right to run one encoder. */
export interface WorkerSlot {
  /** Its encoder stands still and may be ended for another: `giveWay` is called then, and has to release. */
  offer(giveWay: () => void): void
  /** It is at work again. */
  keep(): void
  /** Gives the right back. Doing so twice does nothing. */
  release(): void
}

export interface AcquireOptions {
  /** Milliseconds to wait for one; 0 does not wait. */
  readonly waitMs: number
  readonly signal?: AbortSignal
}

type Waiter = (slot: WorkerSlot | undefined) => void

/** Those who wait beyond this hear at once that all are busy. */
const MAX_WAITING = 64

export class WorkerSlots {
  readonly #limit: () => number
  readonly #what: string
  #taken = 0
  /** Longest idle first. */
  readonly #offers = new Map<WorkerSlot, () => void>()
  readonly #waiting = new Set<Waiter>()

  /** `what` completes "all 4 encoders … are at work". */
  constructor(limit: () => number, what: string) {
    this.#limit = limit
    this.#what = what
  }

  get taken(): number {
    return this.#taken
  }

  /** Takes a slot, of an idle encoder if need be. Throws UnavailableError ERR_TRANSCODE_BUSY; what the signal says when it aborts. */
  async acquire({ waitMs, signal }: AcquireOptions): Promise<WorkerSlot> {
    signal?.throwIfAborted()
    if (this.#taken >= this.#limit()) this.#takeIdle()
    if (this.#taken < this.#limit()) return this.#take()
    if (waitMs <= 0 || this.#waiting.size >= MAX_WAITING) throw busy(this.#limit(), this.#what)
    const slot = await this.#wait(waitMs, signal)
    if (slot !== undefined) return slot
    signal?.throwIfAborted()
    throw busy(this.#limit(), this.#what)
  }

  #takeIdle(): void {
    const [oldest] = this.#offers
    if (oldest === undefined) return
    this.#offers.delete(oldest[0])
    oldest[1]()
  }

  #take(): WorkerSlot {
    this.#taken++
    let released = false
    const slot: WorkerSlot = {
      offer: (giveWay) => {
        if (released) return
        this.#offers.delete(slot)
        this.#offers.set(slot, giveWay)
        if (this.#waiting.size > 0) this.#takeIdle()
      },
      keep: () => {
        this.#offers.delete(slot)
      },
      release: () => {
        if (released) return
        released = true
        this.#offers.delete(slot)
        this.#taken--
        const [next] = this.#waiting
        if (next !== undefined && this.#taken < this.#limit()) next(this.#take())
      },
    }
    return slot
  }

  #wait(waitMs: number, signal: AbortSignal | undefined): Promise<WorkerSlot | undefined> {
    return new Promise((resolve) => {
      const settle: Waiter = (slot) => {
        this.#waiting.delete(settle)
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
        resolve(slot)
      }
      const abort = () => settle(undefined)
      const timer = setTimeout(abort, waitMs)
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiting.add(settle)
    })
  }
}
