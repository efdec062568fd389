/** A store that is opened by the first question. */
import type { SpoolBatch } from '../spool/spool-reader.ts'
import type { AudienceRange, AudienceStore, EventFilter, Retention, SessionFilter } from './audience-store.ts'
import type { Dimensions } from './tables.ts'

/** Whoever opens it closes it: `close` does nothing here. */
export class LazyStore implements AudienceStore {
  readonly #open: () => Promise<AudienceStore>
  readonly #isWanted: () => boolean

  /** `open` is called for each question, and gives the same store again. `isWanted`: whether it was called before. */
  constructor(open: () => Promise<AudienceStore>, isWanted: () => boolean) {
    this.#open = open
    this.#isWanted = isWanted
  }

  /** Somebody has reported or asked, whether it could be opened then or not: who only looks by does not want it. */
  get isWanted(): boolean {
    return this.#isWanted()
  }

  async committed() {
    return (await this.#open()).committed()
  }

  async commit(batches: readonly SpoolBatch[]) {
    return (await this.#open()).commit(batches)
  }

  async settle() {
    return (await this.#open()).settle()
  }

  async overview(range: AudienceRange) {
    return (await this.#open()).overview(range)
  }

  async series(range: AudienceRange, step: number) {
    return (await this.#open()).series(range, step)
  }

  async shares(range: AudienceRange, by: keyof Dimensions) {
    return (await this.#open()).shares(range, by)
  }

  async sessions(filter: SessionFilter) {
    return (await this.#open()).sessions(filter)
  }

  async session(id: string, now: number) {
    return (await this.#open()).session(id, now)
  }

  async events(filter: EventFilter) {
    return (await this.#open()).events(filter)
  }

  async erase(id: string, now: number) {
    return (await this.#open()).erase(id, now)
  }

  async retain(retention: Retention, now: number) {
    return (await this.#open()).retain(retention, now)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
