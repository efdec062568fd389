/** Time inside the server: integer microseconds, and the conversions at its edges. */

/** Integer microseconds. Every time inside the server is in this unit. 2^53 µs is 285 years. */
export type Micros = number

/** Microseconds in a second. */
export const MICROS_PER_SECOND = 1_000_000
/** Microseconds in a millisecond. */
export const MICROS_PER_MS = 1_000

/** Ticks of a clock with `timescale` ticks a second to microseconds, rounded to nearest; exact back and forth up to 500 kHz. */
export function ticksToMicros(ticks: number, timescale: number): Micros {
  // Split so that the product stays below 2^53 for clocks that ran for years.
  const seconds = Math.floor(ticks / timescale)
  return seconds * MICROS_PER_SECOND + Math.round(((ticks - seconds * timescale) * MICROS_PER_SECOND) / timescale)
}

/** Microseconds to ticks of a clock with `timescale` ticks a second, rounded to nearest. */
export function microsToTicks(micros: Micros, timescale: number): number {
  const seconds = Math.floor(micros / MICROS_PER_SECOND)
  return seconds * timescale + Math.round(((micros - seconds * MICROS_PER_SECOND) * timescale) / MICROS_PER_SECOND)
}

/** Continues a wrapping counter of `bits` bits (24 to 33 are used) without a jump at the wrap, in either direction. */
export class ClockUnwrapper {
  readonly #range: number
  #last: number | undefined
  #base = 0

  constructor(bits: number) {
    this.#range = 2 ** bits
  }

  /** The unwrapped value nearest to the one before; may step back by up to half the range. */
  unwrap(value: number): number {
    if (this.#last !== undefined) {
      const step = value - this.#last
      if (step < -this.#range / 2) this.#base += this.#range
      else if (step > this.#range / 2) this.#base -= this.#range
    }
    this.#last = value
    return this.#base + value
  }
}
