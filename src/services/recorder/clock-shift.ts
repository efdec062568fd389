/** How far the wall clock was set since a moment, told apart from the time that passed. */

/** A smaller difference is how clocks drift, milliseconds. */
const SMALLEST_STEP = 500

export interface Clocks {
  /** Milliseconds since 1970. */
  readonly wall: () => number
  /** Milliseconds that only go forward. */
  readonly steady: () => number
}

const SYSTEM: Clocks = { wall: () => Date.now(), steady: () => performance.now() }

export class ClockShift {
  readonly #clocks: Clocks
  readonly #start: number

  constructor(clocks: Clocks = SYSTEM) {
    this.#clocks = clocks
    this.#start = clocks.wall() - clocks.steady()
  }

  /** Milliseconds by which the wall clock was put forward since the start; 0 while it only drifts. */
  get ms(): number {
    const shift = this.#clocks.wall() - this.#clocks.steady() - this.#start
    return Math.abs(shift) < SMALLEST_STEP ? 0 : Math.round(shift)
  }

  /** The wall clock as if nobody had set it since the start: what deletes files must not believe a jump. */
  get undisturbed(): number {
    return this.#start + this.#clocks.steady()
  }
}
