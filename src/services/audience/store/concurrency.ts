/** How many sessions there were at the same moment. */

/** When sessions began, and when each of them ended; in any order. */
export interface Presences {
  /** Unix milliseconds. */
  readonly starts: Float64Array
  /** Each behind its start: one that lasts no time is there for a moment all the same. */
  readonly ends: Float64Array
}

/**
 * The largest number of simultaneous sessions in each interval of `step` from `from` on, up to `until`. A session that ends when another begins
 * is not there together with it.
 */
export function mostAtOnce(
  presences: Presences,
  { from, until, step }: { readonly from: number; readonly until: number; readonly step: number },
): number[] {
  const starts = presences.starts.toSorted()
  const ends = presences.ends.toSorted()
  const most: number[] = []
  let [begun, over] = [0, 0]
  for (let at = from; at < until; at += step) {
    const next = Math.min(at + step, until)
    while (begun < starts.length && (starts[begun] ?? 0) <= at) begun++
    while (over < ends.length && (ends[over] ?? 0) <= at) over++
    let largest = begun - over
    for (; begun < starts.length && (starts[begun] ?? 0) < next; begun++) {
      while (over < ends.length && (ends[over] ?? 0) <= (starts[begun] ?? 0)) over++
      largest = Math.max(largest, begun + 1 - over)
    }
    most.push(largest)
  }
  return most
}
