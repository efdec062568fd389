/** A limit to what is worked on at the same time: the rest waits for its turn, and not too many wait. */
import { UnavailableError } from '../../errors.ts'

export class WorkLimit {
  readonly #atOnce: number
  readonly #maxWaiting: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(atOnce: number, maxWaiting: number) {
    this.#atOnce = atOnce
    this.#maxWaiting = maxWaiting
  }

  /** Throws UnavailableError ERR_PACKAGING_BUSY when too many wait. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#atOnce) this.#running++
    else {
      if (this.#waiting.length >= this.#maxWaiting) {
        throw new UnavailableError('ERR_PACKAGING_BUSY', 'too many segments are being made; try again in a moment')
      }
      // The place is handed over by the one that ends.
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}
