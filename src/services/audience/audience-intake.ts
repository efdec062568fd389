/** The way of a report into the store: first into the spool, where it is safe, then in transactions of many into the database. */
import { join } from 'node:path'
import type { PlayEvent } from '../../playlog/play-event.ts'
import { Spool, type SpoolOptions } from './spool/spool.ts'
import { type AudienceStoreOptions, openAudienceStore } from './store/open-store.ts'
import type { StoreThread } from './store/store-thread.ts'

export interface AudienceIntakeOptions
  extends AudienceStoreOptions,
    Pick<SpoolOptions, 'maxBytes' | 'fileBytes' | 'strict'> {
  /** The store takes nothing at present; it is asked again in a moment, and the spool keeps what comes meanwhile. */
  readonly onFailure?: (error: unknown) => void
}

/** Between two attempts when the store takes nothing, milliseconds. */
const RETRY_MS = 1000
/** Reports that come within this time, milliseconds, go into one transaction. */
const GATHER_MS = 50

export class AudienceIntake {
  readonly store: StoreThread
  readonly #spool: Spool
  readonly #options: AudienceIntakeOptions
  #committed: number
  #timer: NodeJS.Timeout | undefined
  #loading: Promise<void> | undefined
  #closed = false

  private constructor(options: AudienceIntakeOptions, store: StoreThread, spool: Spool, committed: number) {
    this.#options = options
    this.store = store
    this.#spool = spool
    this.#committed = committed
    this.#schedule(0)
  }

  /** Rejects as `openAudienceStore` throws, and with UnavailableError ERR_AUDIENCE_STORE where nobody knows what the store has. */
  static async open(options: AudienceIntakeOptions): Promise<AudienceIntake> {
    const store = openAudienceStore(options)
    try {
      const committed = await store.committed()
      const spool = await Spool.open({ ...options, folder: join(options.folder, 'spool'), committed })
      return new AudienceIntake(options, store, spool, committed)
    } catch (error) {
      await store.close()
      throw error
    }
  }

  /** Bytes that the store has not taken yet. */
  get waitingBytes(): number {
    return this.#spool.bytes
  }

  /** See `Spool.append`: what it resolves for is in the store some time later, once, whatever happens to the process. */
  append(events: readonly PlayEvent[]): Promise<void> {
    return this.#spool.append(events).then(() => this.#schedule(GATHER_MS))
  }

  /** Resolves when all that was appended before is in the store and in its numbers. Rejects when the store takes nothing. */
  async drain(): Promise<void> {
    await this.#loading
    const upTo = this.#spool.written
    while (this.#committed < upTo) await this.#load()
    while (await this.store.settle()) continue
  }

  /** See `AudienceStore.erase`. Files of the spool that have it go with the next that the store takes, or at once. */
  async erase(id: string, now: number): Promise<boolean> {
    const known = await this.store.erase(id, now)
    await this.#spool.renew()
    return known
  }

  /** What the store has not taken stays in the spool for the next time. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#loading
    await this.#spool.close()
    await this.store.close()
  }

  #schedule(ms: number): void {
    if (this.#closed || this.#timer !== undefined || this.#loading !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#loading = this.#work().then((wait) => {
        this.#loading = undefined
        if (wait !== undefined) this.#schedule(wait)
      })
    }, ms)
    this.#timer.unref()
  }

  /** Resolves with the time to the next attempt. Never rejects. */
  async #work(): Promise<number | undefined> {
    try {
      await this.#load()
      if (this.#committed < this.#spool.written) return 0
      return (await this.store.settle()) ? RETRY_MS : undefined
    } catch (error) {
      this.#options.onFailure?.(error)
      return RETRY_MS
    }
  }

  async #load(): Promise<void> {
    const { written, folder } = this.#spool
    const { committed, events, duplicates } = await this.store.load(folder, written)
    await this.#spool.release(committed)
    // What cannot be read stands in the way of nothing; its file goes with what is stored behind it.
    this.#committed = events + duplicates === 0 && committed === this.#committed ? written : committed
  }
}
