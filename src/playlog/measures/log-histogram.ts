/**
 * Spans of time counted in buckets that grow by a constant factor: histograms of different minutes, streams and servers are merged by adding
 * their counts, and any percentile of the whole comes out within a few percent, which no mean of percentiles does.
 */

/** Eight buckets an octave: a bucket's middle is at most 4.5 % from all that is in it. */
const BUCKETS_PER_OCTAVE = 8
/** Of 19 hours; what is longer is counted there. */
export const LAST_BUCKET = 209

/** 0 is for 1 ms and less; bucket n has what is above 2^((n-1)/8) ms up to 2^(n/8) ms. */
export function bucketOf(milliseconds: number): number {
  if (!(milliseconds > 1)) return 0
  return Math.min(LAST_BUCKET, Math.ceil(Math.log2(milliseconds) * BUCKETS_PER_OCTAVE))
}

/** What stands for all of a bucket: its geometric middle, whole milliseconds. */
export function bucketMiddle(bucket: number): number {
  return Math.round(2 ** ((bucket - 0.5) / BUCKETS_PER_OCTAVE))
}

/** `fraction`: 0.5 is the median. `undefined`: nothing was counted. */
export function percentile(counts: ReadonlyMap<number, number>, fraction: number): number | undefined {
  const buckets = [...counts].filter(([, count]) => count > 0).sort(([left], [right]) => left - right)
  const total = buckets.reduce((sum, [, count]) => sum + count, 0)
  let rest = Math.max(1, Math.ceil(total * fraction))
  for (const [bucket, count] of buckets) {
    rest -= count
    if (rest <= 0) return bucketMiddle(bucket)
  }
  return undefined
}
