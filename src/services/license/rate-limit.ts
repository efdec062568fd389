/** So many requests a minute of one name; a name that was silent may ask in a burst. */

/** Names remembered; the longest silent is forgotten first. */
const MAX_NAMES = 20_000
/** The burst: as much as comes in again in so many seconds. */
const BURST_SECONDS = 20
const SECONDS_PER_MINUTE = 60

interface Bucket {
  left: number
  at: number
}

export class RateLimit {
  readonly #now: () => number
  readonly #buckets = new Map<string, Bucket>()

  /** `now`: monotonic clock, milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  get size(): number {
    return this.#buckets.size
  }

  /** Takes one request. Returns the seconds to wait when there is none left; 0: go ahead. */
  take(name: string, perMinute: number): number {
    const now = this.#now()
    const perSecond = perMinute / SECONDS_PER_MINUTE
    const most = Math.max(1, perSecond * BURST_SECONDS)
    const bucket = this.#buckets.get(name) ?? { left: most, at: now }
    bucket.left = Math.min(most, bucket.left + ((now - bucket.at) / 1000) * perSecond)
    bucket.at = now
    this.#buckets.delete(name)
    this.#buckets.set(name, bucket)
    if (this.#buckets.size > MAX_NAMES) {
      const [oldest] = this.#buckets.keys()
      if (oldest !== undefined) this.#buckets.delete(oldest)
    }
    if (bucket.left < 1) return Math.ceil((1 - bucket.left) / perSecond)
    bucket.left--
    return 0
  }
}
