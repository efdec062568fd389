/** Brings what a spool has into a store, in transactions of many events, beside the store and wherever it runs. */
import { SpoolReader } from '../spool/spool-reader.ts'
import type { AudienceStore } from './audience-store.ts'

/** What loading did. */
export interface LoadResult {
  /** Number of the last batch that the store has. */
  readonly committed: number
  readonly events: number
  readonly duplicates: number
  /** Files and batches of the spool that could not be read, since it was first loaded from. */
  readonly damaged: number
}

/** A store that reads the spool by itself. */
export interface LoadingStore extends AudienceStore {
  /** Takes the batches of the folder up to that number, or the first of them. */
  load(folder: string, upTo: number): Promise<LoadResult>
}

/** Events of one transaction, about: what a crash makes the next start do again. */
const EVENTS_AT_ONCE = 5000
/** Events of one answer: other questions wait no longer. */
const MAX_LOADED = 50_000

export class SpoolLoader {
  readonly #store: AudienceStore
  #reader: SpoolReader | undefined
  #damaged = 0

  constructor(store: AudienceStore) {
    this.#store = store
  }

  /** See `LoadingStore`. Rejects as the store's `commit` does; then it begins again behind what the store has. */
  async load(folder: string, upTo: number): Promise<LoadResult> {
    const reader = (this.#reader ??= new SpoolReader(folder, await this.#store.committed()))
    const damagedBefore = reader.damaged
    let [events, duplicates] = [0, 0]
    try {
      while (events + duplicates < MAX_LOADED) {
        const batches = reader.read(upTo, EVENTS_AT_ONCE)
        if (batches.length === 0) break
        const result = await this.#store.commit(batches)
        events += result.events
        duplicates += result.duplicates
      }
    } catch (error) {
      // It is ahead of what the store has.
      this.close()
      throw error
    }
    this.#damaged += reader.damaged - damagedBefore
    return { committed: await this.#store.committed(), events, duplicates, damaged: this.#damaged }
  }

  close(): void {
    this.#reader?.close()
    this.#reader = undefined
  }
}
