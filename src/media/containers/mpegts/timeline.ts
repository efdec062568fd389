/** One timeline from the clocks of a transport stream: wraps of 33 bits and jumps are taken out. */
import { PES_CLOCK_RANGE, PES_TIMESCALE } from './pes.ts'

/** A stream that is this far from the others has another clock, or all of them jumped. What ffmpeg takes for a jump, too. */
const MAX_DISTANCE = 10 * PES_TIMESCALE
/**
 * Decode times grow; a step back of more than this is a jump. Less is a multiplexer's rounding, or pictures that are shown in another order
 * than they are decoded and have no decode times.
 */
const MAX_STEP_BACK = PES_TIMESCALE / 2
/** Longest unit that counts as one when the end is measured: a subtitle may stay for long, a picture does not. */
const MAX_UNIT = PES_TIMESCALE
/** Of a stream of which only one unit is known. */
const DEFAULT_UNIT = PES_TIMESCALE / 25

/** Epochs that are remembered: a recording of a day that was interrupted each minute has fewer. */
const MAX_EPOCHS = 4096

/** From a place on, the clock has this offset to the timeline. */
export interface Epoch {
  /** Bytes: where the first PES packet of it begins. */
  readonly position: number
  /** Added to times of the clock, modulo its range. */
  readonly offset: number
}

/** Where a reading begins that does not begin with the stream. */
export interface TimelineStart {
  /** All that are known, in order; the first one begins with the stream. */
  readonly epochs: readonly Epoch[]
  /** On the timeline, less than half the clock's range away from the first unit that is read. */
  readonly near: number
  /** Offsets of streams that have a clock of their own, by PID. */
  readonly ownOffsets: ReadonlyMap<number, number>
}

interface StreamClock {
  last: number
  /** The last step, as the length of a unit. */
  unit: number
  offset: number
  /** Count of jumps when it was seen last. */
  jumps: number
  /** Whether its offset is not the one of all. */
  own: boolean
}

/** Ticks of the timeline, which may be negative, and whether it jumped here. */
export interface TimelinePlace {
  readonly time: number
  readonly jumped: boolean
}

/**
 * Takes the decode times of all streams of a program in the order in which their PES packets begin. The first time is kept as it is. After
 * a jump, time goes on where the stream before ended.
 */
export class Timeline {
  readonly #streams = new Map<number, StreamClock>()
  readonly #known: readonly Epoch[]
  readonly #ownOffsets: ReadonlyMap<number, number>
  readonly #epochs: Epoch[] = []
  #near: number | undefined
  /** The latest time of any stream. */
  #now: number | undefined
  #offset = 0
  /** Before the last jump. */
  #earlierOffset = 0
  #jumps = 0

  constructor(start?: TimelineStart) {
    this.#known = start?.epochs ?? []
    this.#near = start?.near
    this.#ownOffsets = start?.ownOffsets ?? new Map()
  }

  /** The first one, and one for each jump so far. */
  get epochs(): readonly Epoch[] {
    return this.#epochs
  }

  get ownOffsets(): ReadonlyMap<number, number> {
    return new Map([...this.#streams].filter(([, { own }]) => own).map(([pid, { offset }]) => [pid, offset]))
  }

  /** Where the last unit of a stream of the timeline ends, as far as decode times tell; `undefined` before the first. */
  get end(): number | undefined {
    let end: number | undefined
    for (const { last, unit } of this.#streams.values()) end = Math.max(end ?? last, last + unit)
    return end
  }

  /** Places a unit of the stream `pid` whose PES packet begins at `position` and is decoded at `clock` (33 bits). */
  place(pid: number, clock: number, position: number): TimelinePlace {
    const now = this.#now
    const stream = this.#streams.get(pid)
    if (now === undefined) return this.#begin(pid, clock, position)
    if (stream === undefined) return this.#introduce(pid, clock, now)
    const time = nearest(clock + stream.offset, now)
    const step = time - stream.last
    if (Math.abs(time - now) <= MAX_DISTANCE && step >= -MAX_STEP_BACK) {
      if (step > 0) stream.unit = Math.min(step, MAX_UNIT)
      stream.last = Math.max(stream.last, time)
      this.#now = Math.max(now, time)
      return { time, jumped: false }
    }
    return this.#follow(stream, clock, now) ?? this.#jump(stream, clock, position)
  }

  #begin(pid: number, clock: number, position: number): TimelinePlace {
    const epoch = epochAt(this.#known, position)
    this.#offset = epoch?.offset ?? 0
    this.#earlierOffset = this.#offset
    this.#epochs.push(epoch ?? { position, offset: 0 })
    const offset = this.#ownOffsets.get(pid) ?? this.#offset
    const time = nearest(clock + offset, this.#near ?? clock)
    this.#now = time
    this.#add(pid, time, offset)
    return { time, jumped: false }
  }

  #introduce(pid: number, clock: number, now: number): TimelinePlace {
    const offset = this.#ownOffsets.get(pid) ?? this.#offset
    const time = nearest(clock + offset, now)
    if (Math.abs(time - now) <= MAX_DISTANCE) {
      this.#now = Math.max(now, time)
      this.#add(pid, time, offset)
      return { time, jumped: false }
    }
    // It never was near the others: a clock of its own, which begins now.
    this.#add(pid, now, now - clock)
    return { time: now, jumped: false }
  }

  #add(pid: number, last: number, offset: number): void {
    const own = modulo(offset - this.#offset) !== 0
    this.#streams.set(pid, { last, unit: DEFAULT_UNIT, offset, jumps: this.#jumps, own })
  }

  /** Another stream jumped before, and this one goes with it. */
  #follow(stream: StreamClock, clock: number, now: number): TimelinePlace | undefined {
    if (stream.jumps === this.#jumps) return undefined
    const time = nearest(clock + this.#offset, now)
    if (Math.abs(time - now) > MAX_DISTANCE) return undefined
    this.#settle(stream, time, this.#offset)
    this.#now = Math.max(now, time)
    return { time, jumped: true }
  }

  #jump(stream: StreamClock, clock: number, position: number): TimelinePlace {
    const known = this.#known.find((epoch) => epoch.position === position)
    const end = this.end ?? 0
    // One wrong time among right ones must not shift those behind it.
    const back = nearest(clock + this.#earlierOffset, end)
    const isBack = back >= end - MAX_STEP_BACK && back <= end + MAX_UNIT
    const offset = known?.offset ?? (isBack ? this.#earlierOffset : modulo(end - clock))
    const time = nearest(clock + offset, end)
    this.#jumps++
    this.#earlierOffset = this.#offset
    this.#offset = offset
    if (this.#epochs.length < MAX_EPOCHS) this.#epochs.push({ position, offset })
    this.#settle(stream, time, offset)
    this.#now = time
    return { time, jumped: true }
  }

  #settle(stream: StreamClock, time: number, offset: number): void {
    stream.last = time
    stream.offset = offset
    stream.jumps = this.#jumps
    stream.own = false
  }
}

/** The epoch in which a place lies. */
export function epochAt(epochs: readonly Epoch[], position: number): Epoch | undefined {
  let found = epochs[0]
  for (const epoch of epochs) {
    if (epoch.position > position) break
    found = epoch
  }
  return found
}

/** The value that differs from `value` by a multiple of the clock's range and is nearest to `near`. */
function nearest(value: number, near: number): number {
  return value + Math.round((near - value) / PES_CLOCK_RANGE) * PES_CLOCK_RANGE
}

/** 0 to below the clock's range. */
function modulo(value: number): number {
  return ((value % PES_CLOCK_RANGE) + PES_CLOCK_RANGE) % PES_CLOCK_RANGE
}
