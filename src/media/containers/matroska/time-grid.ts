/** Exact times of frames that follow each other at a fixed distance, from times that the container rounds to milliseconds. */
import type { Micros } from '../../time.ts'

/** A frame must be longer, in ticks: else every time is near one of the grid. */
const MIN_PERIOD_TICKS = 3

/**
 * The same time gives the same answer wherever reading began. What lies off the grid by more than a tick, as after a gap, stays as the
 * container has it.
 */
export class TimeGrid {
  readonly #origin: Micros
  readonly #period: number
  readonly #tolerance: number

  /** `origin`: time of the first frame. `period`: microseconds of a frame, not rounded; 0: unknown. `tick`: of the container, microseconds. */
  constructor(origin: Micros, period: number, tick: number) {
    this.#origin = origin
    this.#period = period
    this.#tolerance = period >= MIN_PERIOD_TICKS * tick ? tick : 0
  }

  exact(time: Micros): Micros {
    if (this.#tolerance === 0) return time
    const exact = Math.round(this.#origin + Math.round((time - this.#origin) / this.#period) * this.#period)
    return Math.abs(exact - time) <= this.#tolerance ? exact : time
  }
}
