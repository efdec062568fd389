/** Time for what plays, from outside, so that playing is tested without waiting. */

export interface Clock {
  /** Monotonic, milliseconds. */
  now(): number
  /** Calls back once, later. Returns a function that takes it back. */
  after(milliseconds: number, callback: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds)
    return () => clearTimeout(timer)
  },
}
