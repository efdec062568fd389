/** The store of the audience for who asks a server: what is erased from it goes from wherever else the server has it. */
import type { AudienceStore } from '../services/audience/store/audience-store.ts'
import { LazyStore } from '../services/audience/store/lazy-store.ts'

export class ErasingStore extends LazyStore {
  readonly #erase: AudienceStore['erase']

  /** `open`, `isWanted`: as of `LazyStore`. `erase`: from the store, and from all else. */
  constructor(open: () => Promise<AudienceStore>, isWanted: () => boolean, erase: AudienceStore['erase']) {
    super(open, isWanted)
    this.#erase = erase
  }

  override erase(id: string, now: number): Promise<boolean> {
    return this.#erase(id, now)
  }
}
