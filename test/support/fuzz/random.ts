/** Repeatable random numbers: the same seed gives the same fuzzing run. */

/** Mulberry32: small, fast, good enough to choose mutations. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 to 2^32 - 1. */
  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }

  /** 0 to `limit` - 1; 0 for a limit of 0. */
  below(limit: number): number {
    return limit <= 0 ? 0 : this.u32() % limit
  }

  pick<T>(values: readonly T[]): T {
    if (values.length === 0) throw new Error('nothing to pick from')
    return values[this.below(values.length)] as T
  }
}
