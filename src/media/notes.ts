/** What is wrong with a file, in words for people: each thing once, with how often it was met and where first. */

/** Different things; more are not told apart. */
const MAX_NOTES = 32

interface Noted {
  count: number
  /** Bytes from the beginning of the file. */
  readonly first: number | undefined
  /** What lies before was counted by an earlier reading. */
  last: number
}

/** Bounded whatever is added. */
export class Notes {
  readonly #noted = new Map<string, Noted>()

  /** Notes `what`, met at byte `offset`. A place that is met again when the file is read again does not count again. */
  add(what: string, offset?: number): void {
    const noted = this.#noted.get(what)
    if (noted === undefined) {
      if (this.#noted.size < MAX_NOTES) this.#noted.set(what, { count: 1, first: offset, last: offset ?? 0 })
      return
    }
    if (offset !== undefined && offset <= noted.last) return
    noted.count++
    noted.last = offset ?? noted.last
  }

  /** One line for each thing, in the order in which they were first met. */
  list(): readonly string[] {
    return [...this.#noted].map(([what, { count, first }]) => {
      const place = first === undefined ? '' : count > 1 ? `first at byte ${first}` : `at byte ${first}`
      const details = [...(count > 1 ? [`${count} times`] : []), ...(place === '' ? [] : [place])]
      return details.length === 0 ? what : `${what} (${details.join(', ')})`
    })
  }
}
