/** How many sessions there were at the same moment. */

/** From `start` to `end`, neither before the other; one that lasts no time was there for a moment all the same. */
export interface Presence {
  readonly start: number
  readonly end: number
}

/**
 * The largest number of simultaneous sessions in each interval of `step` from `from` on, up to `until`. A session that ends when another begins
 * is not there together with it.
 */
export function mostAtOnce(
  presences: readonly Presence[],
  { from, until, step }: { readonly from: number; readonly until: number; readonly step: number },
): number[] {
  const starts = Float64Array.from(presences, ({ start }) => start).sort()
  const ends = Float64Array.from(presences, ({ start, end }) => Math.max(end, start + 1)).sort()
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
