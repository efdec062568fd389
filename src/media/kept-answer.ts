/** An answer that is found once and kept; when it could not be found, it is looked for again with the next question. */

export class KeptAnswer<Answer> {
  readonly #find: () => Promise<Answer>
  #found: Promise<Answer> | undefined

  constructor(find: () => Promise<Answer>) {
    this.#find = find
  }

  /** Rejects as `find` does. */
  get(): Promise<Answer> {
    if (this.#found === undefined) {
      const finding = this.#find()
      this.#found = finding
      finding.catch(() => {
        if (this.#found === finding) this.#found = undefined
      })
    }
    return this.#found
  }
}
