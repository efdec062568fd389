/** Slows and stops guessing of keys: different wrong answers of one address are counted, repeated ones are not. */
import { createHash } from 'node:crypto'
import { addressGroup, plainAddress } from '../../net/http/client-address.ts'

export interface GuessLimiterOptions {
  /** Monotonic clock, milliseconds. */
  readonly now: () => number
  /** 0 to 1. */
  readonly random?: () => number
  /** Resolves after so many milliseconds. */
  readonly sleep: (ms: number) => Promise<void>
}

/** Different wrong keys after which an address is locked. */
export const MAX_GUESSES = 10
export const LOCK_MS = 5 * 60_000
/** Addresses remembered; the longest silent is forgotten first. */
const MAX_ADDRESSES = 10_000
/** Answers held back at the same time; beyond that a wrong key is answered at once. */
const MAX_DELAYED = 1_000
const BASE_DELAY_MS = 100
const MAX_DELAY_MS = 2_000

interface Guesses {
  /** Short digests, so that wrong keys (often right ones, mistyped) are not kept. */
  readonly digests: Set<string>
  lockedUntil: number
  last: number
}

/**
 * An encoder with an old key that tries again every second is one guess, so it does not lock out its neighbours behind the same
 * address; a program that tries keys is locked after ten.
 */
export class GuessLimiter {
  readonly #options: GuessLimiterOptions
  readonly #addresses = new Map<string, Guesses>()
  #delayed = 0

  constructor(options: GuessLimiterOptions) {
    this.#options = options
  }

  /** Addresses remembered. */
  get size(): number {
    return this.#addresses.size
  }

  /** Milliseconds until the address may try again; 0: now. */
  lockedFor(address: string): number {
    const guesses = this.#addresses.get(addressGroup(plainAddress(address)))
    return guesses === undefined ? 0 : Math.max(0, guesses.lockedUntil - this.#options.now())
  }

  /** Notes a wrong key and resolves when it may be answered. */
  async wrong(address: string, key: string): Promise<void> {
    const guesses = this.#remember(addressGroup(plainAddress(address)))
    const now = this.#options.now()
    if (guesses.lockedUntil !== 0 && guesses.lockedUntil <= now) {
      guesses.lockedUntil = 0
      guesses.digests.clear()
    }
    guesses.digests.add(createHash('sha256').update(key).digest('base64').slice(0, 12))
    if (guesses.digests.size >= MAX_GUESSES && guesses.lockedUntil === 0) guesses.lockedUntil = now + LOCK_MS
    if (this.#delayed >= MAX_DELAYED) return
    const delay = Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** (guesses.digests.size - 1))
    const jitter = 0.5 + (this.#options.random ?? Math.random)() / 2
    this.#delayed++
    try {
      await this.#options.sleep(delay * jitter)
    } finally {
      this.#delayed--
    }
  }

  #remember(address: string): Guesses {
    const now = this.#options.now()
    const known = this.#addresses.get(address)
    const expired = known !== undefined && now - known.last > LOCK_MS && known.lockedUntil <= now
    const guesses = known === undefined || expired ? { digests: new Set<string>(), lockedUntil: 0, last: now } : known
    guesses.last = now
    // A map keeps the order of insertion: put at the end, the first is the longest silent.
    this.#addresses.delete(address)
    this.#addresses.set(address, guesses)
    if (this.#addresses.size > MAX_ADDRESSES) {
      const [oldest] = this.#addresses.keys()
      if (oldest !== undefined) this.#addresses.delete(oldest)
    }
    return guesses
  }
}
