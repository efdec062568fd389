/** Which records of a session have come already: players send again what they have no answer for. */
import type { PlayEvent } from '../../../playlog/play-event.ts'

/** Gaps that are remembered of each target; what falls into older ones counts as seen. */
export const MAX_GAPS = 16

/** Whole numbers that were seen, as runs `[first, last]` in order; `latest` is the time of the event with the highest. */
interface Seen {
  runs: [first: number, last: number][]
  latest: number
}

/** What a snapshot holds. */
export type SeenSnapshot = readonly (readonly [target: string, latest: number, runs: [number, number][]])[]

export class SeenSequences {
  readonly #targets = new Map<string, Seen>()

  static restore(snapshot: SeenSnapshot): SeenSequences {
    const sequences = new SeenSequences()
    for (const [target, latest, runs] of snapshot) sequences.#targets.set(target, { runs, latest })
    return sequences
  }

  snapshot(): SeenSnapshot {
    return [...this.#targets].map(([target, { runs, latest }]) => [target, latest, runs])
  }

  /**
   * False: the same record came before. CMCD counts for each mode and target (`sn`): requests of media go elsewhere than reports. A count that
   * begins again, later than all before, is another run of the player.
   */
  add({ kind, source, sequence, time }: PlayEvent): boolean {
    if (sequence === undefined) return true
    const target = kind === 'request' ? 'request' : source
    const seen = this.#targets.get(target)
    if (seen === undefined || (sequence === 0 && time > seen.latest)) {
      this.#targets.set(target, { runs: [[sequence, sequence]], latest: time })
      return true
    }
    const highest = seen.runs.at(-1)?.[1] ?? -1
    if (!insert(seen.runs, sequence)) return false
    if (sequence > highest) seen.latest = time
    return true
  }
}

/** False: it is in one of them. */
function insert(runs: [first: number, last: number][], value: number): boolean {
  let at = runs.length
  while (at > 0 && (runs[at - 1]?.[0] ?? 0) > value) at--
  const before = runs[at - 1]
  const after = runs[at]
  if (before !== undefined && value <= before[1]) return false
  const joinsBefore = before !== undefined && value === before[1] + 1
  const joinsAfter = after !== undefined && value === after[0] - 1
  if (joinsBefore && joinsAfter) {
    before[1] = after[1]
    runs.splice(at, 1)
  } else if (joinsBefore) before[1] = value
  else if (joinsAfter) after[0] = value
  else runs.splice(at, 0, [value, value])
  if (runs.length > MAX_GAPS + 1) {
    const [first, second] = runs
    if (first !== undefined && second !== undefined) runs.splice(0, 2, [first[0], second[1]])
  }
  return true
}
