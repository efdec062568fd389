/** A playhead for a player without a screen: would it have had something to show? Owns no clock. */
import { MICROS_PER_MS, type Micros } from '../../../media/time.ts'

/** Media at hand before the playhead moves, at the start and after a stall, milliseconds. */
const START_MS = 500
/** Media times further apart than this are not one stream's going on, milliseconds. */
const MAX_STEP_MS = 10_000

/** It goes on at the speed of time, as long as there is media behind it. */
export class Playout {
  #newest: number | undefined
  #position = 0
  #moves = false
  #at = 0

  /** Media behind the playhead, milliseconds. */
  get buffer(): number {
    return this.#newest === undefined ? 0 : Math.max(0, this.#newest - this.#position)
  }

  /** Media time of the playhead, milliseconds. */
  get position(): number {
    return this.#position
  }

  /** A packet has come. */
  add(dts: Micros): void {
    const time = dts / MICROS_PER_MS
    if (this.#newest === undefined) this.#position = time
    else if (Math.abs(time - this.#newest) > MAX_STEP_MS) this.#position += time - this.#newest
    else if (time <= this.#newest) return
    this.#newest = time
  }

  /** What begins now, if anything. `now`: milliseconds of a clock that goes forward. */
  tick(now: number): 'moving' | 'waiting' | undefined {
    const passed = Math.max(0, now - this.#at)
    this.#at = now
    if (this.#newest === undefined) return undefined
    if (!this.#moves) {
      if (this.buffer < START_MS) return undefined
      this.#moves = true
      return 'moving'
    }
    this.#position += passed
    if (this.#position <= this.#newest) return undefined
    this.#position = this.#newest
    this.#moves = false
    return 'waiting'
  }
}
