/** Decode times of one track: Matroska has presentation times only. */
import type { Micros } from '../../time.ts'

/** A frame whose decode time is to be found. */
export interface GroupFrame {
  readonly pts: Micros
  readonly key: boolean
  /** NaN until it is known. */
  dts: Micros
}

/** Frames that may be shown later than one that was decoded after them; more no codec allows. */
const MAX_DEPTH = 16

/** A step back by more is another clock. */
const MAX_OVERLAP: Micros = 5_000_000

/**
 * Each group of pictures, from one key frame to the next, has its times for itself, so that they are the same wherever reading began. With a
 * reordering depth of d the n-th decode time is the (n - d)-th presentation time in sorted order; the first d ones step down from the first
 * picture shown. They never go back, unless a group begins more than 5 s before the end of the one before, and never exceed the frame's presentation time unless frames are reordered deeper than was said.
 */
export class GroupDecodeTimes {
  readonly #baseDepth: number
  readonly #interval: number
  #depth: number
  /** The first frames of a group, until it is known which is shown first. */
  #opening: GroupFrame[] = []
  /** Times that were not given as decode times yet, sorted. */
  #waiting: Micros[] = []
  /** Times to make up before those in `waiting` begin, and what they step up to. */
  #lead = 0
  #first: Micros = 0
  #last = Number.NEGATIVE_INFINITY

  /** `depth` in frames, `interval` from frame to frame in microseconds, not rounded. */
  constructor(depth: number, interval: number) {
    this.#baseDepth = Math.min(depth, MAX_DEPTH)
    this.#interval = interval
    this.#depth = this.#baseDepth
  }

  /** Gives the frame its decode time, now or with a later call. */
  write(frame: GroupFrame): void {
    if (frame.key) {
      this.settle()
      this.#waiting = []
      this.#depth = this.#baseDepth
      this.#lead = this.#depth
      if (frame.pts < this.#last - MAX_OVERLAP) this.#last = Number.NEGATIVE_INFINITY
      this.#opening.push(frame)
    } else if (this.#opening.length > 0) this.#opening.push(frame)
    else this.#assign(frame)
    if (this.#opening.length > this.#depth) this.settle()
  }

  /** Gives decode times to all frames that wait for one. */
  settle(): void {
    const frames = this.#opening
    if (frames.length === 0) return
    this.#opening = []
    this.#first = frames.reduce((first, { pts }) => Math.min(first, pts), Number.POSITIVE_INFINITY)
    for (const frame of frames) this.#assign(frame)
  }

  #assign(frame: GroupFrame): void {
    this.#insert(frame.pts)
    const time = this.#lead > 0 ? Math.round(this.#first - this.#lead-- * this.#interval) : this.#next()
    // Groups that are not evenly spaced may overlap a little.
    frame.dts = this.#last = Math.max(time, this.#last)
  }

  #next(): Micros {
    const waiting = this.#waiting
    const smallest = waiting[0] as Micros
    if (smallest >= this.#last || this.#depth >= MAX_DEPTH) {
      waiting.shift()
      return smallest
    }
    // Reordered deeper than was known: from now on one more is kept back.
    waiting[0] = this.#last
    this.#depth++
    return this.#last
  }

  #insert(pts: Micros): void {
    const waiting = this.#waiting
    let at = waiting.length
    while (at > 0 && (waiting[at - 1] as Micros) > pts) at--
    waiting.splice(at, 0, pts)
  }
}

/** The depth of reordering that presentation times in decoding order show. */
export function reorderingDepth(times: readonly Micros[]): number {
  let depth = 0
  times.forEach((time, at) => {
    const later = times.slice(Math.max(0, at - MAX_DEPTH), at).filter((earlier) => earlier > time)
    depth = Math.max(depth, later.length)
  })
  return depth
}

/** Microseconds from frame to frame, as presentation times show it: half of the distances are shorter. 0 for fewer than two. */
export function usualInterval(times: readonly Micros[]): number {
  const sorted = [...times].sort((a, b) => a - b)
  const distances = sorted
    .slice(1)
    .map((time, i) => time - (sorted[i] as Micros))
    .sort((a, b) => a - b)
  return distances[Math.floor(distances.length / 2)] ?? 0
}
