/** Hands packets on at the speed they were made for. */
import { setTimeout as sleep } from 'node:timers/promises'
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from '../../media/time.ts'

/** Packets come this much ahead of their time, so that a receiver never waits for a timer of ours. */
const AHEAD: Micros = 20 * MICROS_PER_MS
/** A step in time larger than this is no pause to wait for. */
const MAX_STEP: Micros = 10 * MICROS_PER_SECOND

/** Ends when the source ends or the signal aborts. `timeOf` tells when a result is due; `undefined`: together with the one before. */
export async function* inRealTime<Result>(
  source: AsyncIterable<Result>,
  timeOf: (result: Result) => Micros | undefined,
  signal: AbortSignal,
): AsyncGenerator<Result> {
  let zero: number | undefined
  let newest: Micros = 0
  for await (const result of source) {
    if (signal.aborted) return
    const time = timeOf(result)
    if (time !== undefined) {
      const now = performance.now() * MICROS_PER_MS
      if (zero === undefined || time > newest + MAX_STEP || time < newest - MAX_STEP) zero = now - time
      newest = time
      const wait = zero + time - AHEAD - now
      if (wait > MICROS_PER_MS) await sleep(wait / MICROS_PER_MS, undefined, { signal }).catch(() => undefined)
    }
    yield result
  }
}
