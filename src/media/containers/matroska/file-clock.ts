/** From the ticks of blocks to our time, which begins with the file. */
import type { Micros } from '../../time.ts'
import { rawTime } from './probe.ts'
import type { TrackLane } from './track-lane.ts'

export class FileClock {
  /** Microseconds of a tick. */
  readonly tick: number
  readonly #zero: Micros

  /** `zero`: time of the file at which ours is 0. */
  constructor(tick: number, zero: Micros) {
    this.tick = tick
    this.#zero = zero
  }

  /** When a frame of the track is shown whose block says `ticks`. */
  time(lane: TrackLane, ticks: number): Micros {
    return lane.grid.exact(rawTime(lane.entry, ticks, this.tick)) - this.#zero
  }

  /** A length in ticks. */
  duration(ticks: number): Micros {
    return Math.round(ticks * this.tick)
  }
}
