/** What a transaction changes in the roll-ups: sums that are added to rows that may be there. */
import { bucketOf } from '../../../playlog/measures/log-histogram.ts'
import { MinuteShares, minuteOf } from '../../../playlog/measures/minute-shares.ts'
import type { PlayEvent } from '../../../playlog/play-event.ts'
import type { Dimensions } from './tables.ts'

/** Counts by minute and bucket, or by minute and code. */
type Counts<Name> = Map<number, Map<Name, number>>

export class RollupChange {
  readonly dimensions: Dimensions
  readonly shares = new MinuteShares()
  readonly startups: Counts<number> = new Map()
  readonly errors: Counts<string> = new Map()

  constructor(dimensions: Dimensions) {
    this.dimensions = dimensions
  }

  /** `start`: of the session. `times`: -1 takes it away. */
  addStartup(start: number, startup: number, times: 1 | -1): void {
    count(this.startups, minuteOf(start), bucketOf(startup), times)
  }

  addErrors({ time, errors = [] }: PlayEvent, times: 1 | -1): void {
    for (const code of errors) count(this.errors, minuteOf(time), code, times)
  }
}

/** By dimensions. */
export class RollupChanges {
  readonly #changes = new Map<string, RollupChange>()

  of(dimensions: Dimensions): RollupChange {
    const { path, protocol, family } = dimensions
    const name = `${path}\n${protocol}\n${family}`
    let change = this.#changes.get(name)
    if (change === undefined) {
      change = new RollupChange(dimensions)
      this.#changes.set(name, change)
    }
    return change
  }

  [Symbol.iterator](): Iterator<RollupChange> {
    return this.#changes.values()
  }
}

function count<Name>(counts: Counts<Name>, minute: number, name: Name, times: number): void {
  let ofMinute = counts.get(minute)
  if (ofMinute === undefined) {
    ofMinute = new Map()
    counts.set(minute, ofMinute)
  }
  ofMinute.set(name, (ofMinute.get(name) ?? 0) + times)
}
