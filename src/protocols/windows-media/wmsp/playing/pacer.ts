/** When a packet of a file is due: faster at the start, then at the granted speed (MS-WMSP 2.2.1.4.1 to .4, .24). */

export interface Pace {
  /** Milliseconds of media that go out faster at the start. */
  readonly fastMs: number
  /** Times real time they go out at; at least 1. */
  readonly fastFactor: number
  /** Times real time of all that follows; above 0. */
  readonly speed: number
}

/** Maps media time to the clock. Owns none: both are given. Both are in milliseconds. */
export class Pacer {
  readonly #pace: Pace
  #startedAt = 0
  #first: number | undefined

  constructor(pace: Pace) {
    this.#pace = pace
  }

  /** Still in the fast part at this media time. */
  isFast(mediaMs: number): boolean {
    return this.#pace.fastFactor > 1 && mediaMs - (this.#first ?? mediaMs) < this.#pace.fastMs
  }

  /** When what has this media time may be sent. The first one asked for is due at once; time that runs back counts as none. */
  dueAt(mediaMs: number, now: number): number {
    if (this.#first === undefined) {
      this.#first = mediaMs
      this.#startedAt = now
    }
    const elapsed = Math.max(0, mediaMs - this.#first)
    const { fastMs, fastFactor, speed } = this.#pace
    const fast = Math.min(elapsed, fastMs)
    return this.#startedAt + fast / fastFactor + (elapsed - fast) / speed
  }
}
