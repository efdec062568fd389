/** What a player is doing, from what its controls and its media element say: the states of CMCD (CTA-5004-B, key `sta`). Owns no clock. */
import type { PlayerState } from '../play-event.ts'

/**
 * - `start`: somebody wants to see it, or to see it in another way;
 * - `play`: somebody lets it go on;
 * - `moving`: pictures or sound go forward;
 * - `waiting`: it should, and there is nothing to go on with;
 * - `seeking`: it goes to another place;
 * - `pause`: somebody stops it;
 * - `end`, `fail`, `quit`: it is over, nothing more is tried, the viewer leaves.
 */
export type PlaybackSignal = 'start' | 'play' | 'moving' | 'waiting' | 'seeking' | 'pause' | 'end' | 'fail' | 'quit'

const ENDINGS = { end: 'ended', fail: 'failed', quit: 'quit' } as const

/** What is not listed changes nothing: a start stays one while it waits, and so does a seek. */
const NEXT: Readonly<Record<PlayerState, Readonly<Partial<Record<PlaybackSignal, PlayerState>>>>> = {
  preloading: { ...ENDINGS, start: 'starting', play: 'starting', moving: 'playing' },
  starting: { ...ENDINGS, moving: 'playing', pause: 'paused' },
  playing: { ...ENDINGS, start: 'starting', waiting: 'rebuffering', seeking: 'seeking', pause: 'paused' },
  seeking: { ...ENDINGS, start: 'starting', moving: 'playing', pause: 'paused' },
  rebuffering: { ...ENDINGS, moving: 'playing', seeking: 'seeking', pause: 'paused' },
  paused: { ...ENDINGS, start: 'starting', moving: 'playing', waiting: 'rebuffering', seeking: 'seeking' },
  // Films are played again, and looked at in the middle again.
  ended: { start: 'starting', moving: 'playing', seeking: 'seeking' },
  failed: {},
  quit: {},
}

/** Totals since the start, milliseconds. */
export interface PlaybackTotals {
  /** Waited for the first picture; `undefined`: there was none yet. Pauses before it do not count. */
  readonly startup: number | undefined
  /** Times it stalled, the one that lasts included. */
  readonly stalls: number
  /** In stalls, the one that lasts included. */
  readonly stalled: number
}

export class PlaybackStates {
  #state: PlayerState | undefined
  #since = 0
  #hasPlayed = false
  #startup = 0
  #stalls = 0
  #stalled = 0
  #finished: number[] = []

  /** `undefined` before the start. */
  get state(): PlayerState | undefined {
    return this.#state
  }

  /** Nothing comes any more, whatever is signalled. */
  get over(): boolean {
    return this.#state === 'failed' || this.#state === 'quit'
  }

  /** The state that begins with this signal; `undefined`: none does. `now`: milliseconds of a clock that the caller goes on using. */
  take(signal: PlaybackSignal, now: number): PlayerState | undefined {
    const next = this.#next(signal)
    if (next === undefined || next === this.#state) return undefined
    const lasted = Math.max(0, now - this.#since)
    if (this.#state === 'starting' && !this.#hasPlayed) this.#startup += lasted
    if (this.#state === 'rebuffering') {
      this.#stalled += lasted
      this.#finished.push(lasted)
    }
    if (next === 'rebuffering') this.#stalls++
    if (next === 'playing') this.#hasPlayed = true
    this.#state = next
    this.#since = now
    return next
  }

  totals(now: number): PlaybackTotals {
    const lasting = this.#state === 'rebuffering' ? Math.max(0, now - this.#since) : 0
    return {
      startup: this.#hasPlayed ? this.#startup : undefined,
      stalls: this.#stalls,
      stalled: this.#stalled + lasting,
    }
  }

  /** How long stalls took that ended since this was asked before, milliseconds. */
  takeFinishedStalls(): readonly number[] {
    const finished = this.#finished
    this.#finished = []
    return finished
  }

  #next(signal: PlaybackSignal): PlayerState | undefined {
    if (this.#state === undefined) return signal === 'start' ? 'starting' : undefined
    // Who pauses before the first picture has not started yet.
    if (this.#state === 'paused' && !this.#hasPlayed && (signal === 'play' || signal === 'waiting')) return 'starting'
    return NEXT[this.#state][signal]
  }
}
