/** Decode times for streams that only have presentation times, as those of ASF. */
import type { Micros } from '../../time.ts'

/** What a decode time is derived for. */
export interface Timed {
  readonly pts: Micros
  /** NaN until it is known. */
  dts: Micros
}

/** Frames looked at before the first decode time is given: a pyramid of three levels shows itself within. */
const PROBED_FRAMES = 8
/** Frames that may be shown after a frame that was decoded later than they; more no codec here allows. */
const MAX_DEPTH = 16
/** A step back by more is another clock and no reordering. */
const MAX_REORDERING: Micros = 5_000_000
/** Between frames, when the first few do not tell. */
const ASSUMED_INTERVAL: Micros = 40_000

/**
 * Frames come in decoding order. With a reordering depth of d, meaning that at most d earlier frames are shown after a frame, the n-th
 * decode time is the (n - d)-th presentation time in sorted order: all smaller ones are among the frames so far. It never goes back and
 * never exceeds the frame's presentation time. The first d get times that step down from the first picture shown. d is learnt
 * from the first 8 frames, which are held until then; when it proves too small later, it grows and one decode time is repeated. A step
 * back of more than 5 s starts anew.
 */
export class DecodeTimes {
  /** Frames that wait for their decode times; `undefined` once the depth is known. */
  #probed: Timed[] | undefined = []
  #depth = 0
  /** Presentation times that were not given as decode times yet, sorted; after each frame as many as the depth. */
  #waiting: Micros[] = []
  #highest = Number.NEGATIVE_INFINITY
  #last = Number.NEGATIVE_INFINITY
  /** Decode times to make up before those in `waiting` begin, and what they step up to. */
  #lead = 0
  #lowest: Micros = 0
  #interval = ASSUMED_INTERVAL

  /** Gives the frame its decode time, now or with a later call. */
  write(frame: Timed): void {
    if (frame.pts < this.#highest - MAX_REORDERING) this.#restart()
    this.#highest = Math.max(this.#highest, frame.pts)
    if (this.#probed === undefined) {
      this.#assign(frame)
      return
    }
    this.#probed.push(frame)
    if (this.#probed.length >= PROBED_FRAMES) this.settle()
  }

  /** Gives decode times to all frames that wait for one. */
  settle(): void {
    const frames = this.#probed
    if (frames === undefined || frames.length === 0) return
    this.#probed = undefined
    this.#learn(frames)
    for (const frame of frames) this.#assign(frame)
  }

  #learn(frames: readonly Timed[]): void {
    this.#lowest = Number.POSITIVE_INFINITY
    frames.forEach(({ pts }, at) => {
      const later = frames.slice(0, at).filter((earlier) => earlier.pts > pts)
      this.#depth = Math.max(this.#depth, later.length)
      this.#lowest = Math.min(this.#lowest, pts)
    })
    const span = this.#highest - this.#lowest
    if (frames.length > 1 && span > 0) this.#interval = Math.round(span / (frames.length - 1))
    this.#lead = this.#depth
  }

  #assign(frame: Timed): void {
    this.#insert(frame.pts)
    frame.dts = this.#last = this.#lead > 0 ? this.#lowest - this.#lead-- * this.#interval : this.#next()
  }

  #next(): Micros {
    const waiting = this.#waiting
    const smallest = waiting[0] as Micros
    if (smallest >= this.#last) {
      waiting.shift()
      return smallest
    }
    // Reordered deeper than was known: from now on one more is kept back.
    waiting[0] = this.#last
    if (this.#depth < MAX_DEPTH) this.#depth++
    else waiting.shift()
    return this.#last
  }

  #insert(pts: Micros): void {
    const waiting = this.#waiting
    let at = waiting.length
    while (at > 0 && (waiting[at - 1] as Micros) > pts) at--
    if (at === waiting.length) waiting.push(pts)
    else waiting.splice(at, 0, pts)
  }

  #restart(): void {
    this.settle()
    this.#probed = []
    this.#waiting = []
    this.#highest = Number.NEGATIVE_INFINITY
    this.#last = Number.NEGATIVE_INFINITY
    this.#depth = 0
  }
}
