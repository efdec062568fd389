/** The numbers under which a client knows entries and live sources of its programme (MS-WMSP 2.2.1.4.18, 2.2.3.6, 3.2.4.2). */

/** Entries that a client may still name to seek from. */
const MAX_REMEMBERED = 64
/** Live sources of one playlist with a number of their own. */
const MAX_BROADCASTS = 256

export class EntryIds {
  readonly #indexes = new Map<number, number>()
  readonly #broadcasts = new Map<string, number>()
  #current = 0

  /** playlist-gen-id of the entry in work; 0: there was none yet. */
  get current(): number {
    return this.#current
  }

  /** Place in the programme of the entry in work; 0 before the first. */
  get index(): number {
    return this.#indexes.get(this.#current) ?? 0
  }

  /** Place in the programme of the entry that was told under that number. */
  indexOf(id: number): number | undefined {
    return this.#indexes.get(id)
  }

  /** The entry at that place is told of: every time under another number. */
  enter(index: number): number {
    this.#current++
    this.#indexes.set(this.#current, index)
    this.#indexes.delete(this.#current - MAX_REMEMBERED)
    return this.#current
  }

  /** broadcast-id: the same for the same live source; 0 for all behind the first 256. */
  broadcast(path: string): number {
    const known = this.#broadcasts.get(path)
    if (known !== undefined) return known
    if (this.#broadcasts.size >= MAX_BROADCASTS) return 0
    this.#broadcasts.set(path, this.#broadcasts.size + 1)
    return this.#broadcasts.size
  }
}
