/** Recent segments and parts of a stream in memory, bounded, and those who wait for the next (RFC 8216bis section 6.2). */
import { UnavailableError } from '../errors.ts'
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from '../media/time.ts'
import type { Track } from '../media/track.ts'
import { renditionName } from './names.ts'
import type { BuiltPart } from './part-builder.ts'
import {
  bufferOf,
  type MutableSegment,
  newSegment,
  place,
  type StoredInit,
  type StoredRendition,
  type StoredResult,
  type StoredSegment,
} from './stored-segment.ts'

/** Bounds of a store. */
export interface SegmentStoreOptions {
  /** Listed in manifests. At least three target durations are, whatever this says. */
  readonly window: Micros
  /** Bytes of all segments together; the oldest go first. */
  readonly maxBytes: number
  /** Requests that wait at the same time. */
  readonly maxWaiting: number
  /** The period before the first one, where this stream goes on after another. */
  readonly periodBefore?: number
}

/** Parts are kept and listed for segments that end within this many target durations of the live edge. */
const PART_TARGET_DURATIONS = 3
/** Fewer segments are never listed, once there are so many. */
const MIN_LISTED_TARGET_DURATIONS = 4

interface MutableRendition extends StoredRendition {
  track: Track
  inits: StoredInit[]
  segments: MutableSegment[]
  version: number
  open: MutableSegment | undefined
  waiting: Set<Waiter>
}

/** What to wait for: a whole segment, or a part of it. */
export interface Position {
  readonly number: number
  readonly part?: number
}

interface Waiter extends Position {
  readonly settle: (reached: boolean) => void
}

/** One stream's. Written by its packager only. */
export class SegmentStore {
  readonly #options: SegmentStoreOptions
  readonly #renditions = new Map<string, MutableRendition>()
  readonly #byTrack = new Map<number, MutableRendition>()
  readonly #initialWaiters = new Set<Waiter>()
  /** Seconds; set with the first complete segment. */
  #targetDuration: number | undefined
  #firstListed = 0
  readonly #periodStarts = new Map<number, Micros>()
  #bytes = 0
  #waiting = 0
  #ended = false
  #version = 0
  /** Version after which nothing was out of the window. */
  #trimmed = -1
  /** Called when a segment is no longer kept. */
  onRemove: ((rendition: StoredRendition, segment: StoredSegment) => void) | undefined

  constructor(options: SegmentStoreOptions) {
    this.#options = options
  }

  /** Lowest track id first. */
  get renditions(): readonly StoredRendition[] {
    return [...this.#renditions.values()].toSorted((left, right) => left.track.id - right.track.id)
  }

  rendition(name: string): StoredRendition | undefined {
    return this.#renditions.get(name)
  }

  /** Seconds, as EXT-X-TARGETDURATION; fixed once known. Manifests can be made from then on. */
  get targetDuration(): number | undefined {
    return this.#targetDuration
  }

  /** Number of the first segment that manifests list; older ones are kept for those who have an older manifest. */
  get firstListed(): number {
    return this.#firstListed
  }

  /** Where a period of a listed segment starts. */
  periodStart(period: number): Micros {
    return this.#periodStarts.get(period) ?? 0
  }

  /** Bytes kept. */
  get bytes(): number {
    return this.#bytes
  }

  /** Requests that wait. */
  get waiting(): number {
    return this.#waiting
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Counts changes of any rendition. */
  get version(): number {
    return this.#version
  }

  /** Takes a result. Readers that wait for it resume after the caller's turn. */
  add(result: StoredResult): void {
    const { track } = result
    const rendition = this.#byTrack.get(track.id)
    if (result.type === 'init') this.#addInit(rendition ?? this.#addRendition(track), result)
    // A rendition is known from its first packet on, until all that is kept of it are gaps.
    if (rendition === undefined) return
    rendition.track = track
    if (result.type === 'open') {
      if (!this.#periodStarts.has(result.period)) this.#periodStarts.set(result.period, result.start)
      // A rendition that joins later has nothing before it.
      const { periodBefore } = this.#options
      const first = periodBefore !== undefined && result.period === periodBefore + 1
      rendition.open = newSegment(rendition, result, first ? periodBefore : undefined)
      rendition.segments.push(rendition.open)
    } else if (result.type === 'part' && rendition.open !== undefined) {
      this.#addPart(rendition.open, result.part)
    } else if (result.type === 'close' && rendition.open !== undefined) {
      this.#complete(rendition.open, result.end)
      rendition.open = undefined
    }
    rendition.version++
    this.#version++
    this.#wake(rendition)
  }

  /** Sets the target duration, then removes what is out of the window. Call it after a batch of results. */
  settle(targetDuration: number | undefined): void {
    if (this.#targetDuration === undefined && targetDuration !== undefined) {
      this.#targetDuration = targetDuration
      this.#trimmed = -1
      for (const waiter of [...this.#initialWaiters]) waiter.settle(true)
    }
    // Most packets change nothing here.
    if (this.#trimmed === this.#version) return
    this.#trimmed = this.#version
    this.#trim()
  }

  /** Nothing more comes; everybody who waits is told. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#version++
    for (const rendition of this.#renditions.values()) {
      rendition.version++
      for (const waiter of [...rendition.waiting]) waiter.settle(true)
    }
    for (const waiter of [...this.#initialWaiters]) waiter.settle(true)
  }

  /** Is it there (or is the stream over, so that nothing will come)? */
  reached(rendition: StoredRendition, { number, part }: Position): boolean {
    if (this.#ended) return true
    const last = rendition.segments.at(-1)
    if (last === undefined) return false
    if (number !== last.number) {
      // A part that its segment does not have any more is the first of the next one.
      if (number !== last.number - 1 || part === undefined) return number < last.number
      const segment = rendition.segments.at(-2)
      return segment === undefined || part < segment.parts.length || last.parts.length > 0 || last.complete
    }
    if (last.complete && (part === undefined || part < last.parts.length)) return true
    return part !== undefined && part < last.parts.length
  }

  /**
   * Resolves true when it is there or the stream ended, false at the deadline or when `signal` aborts. Throws UnavailableError
   * ERR_PACKAGING_BUSY when too many wait already.
   */
  async waitFor(
    rendition: StoredRendition,
    position: Position,
    options: { readonly waitMs: number; readonly signal?: AbortSignal },
  ): Promise<boolean> {
    if (this.reached(rendition, position)) return true
    const waiting = this.#renditions.get(rendition.name)?.waiting
    return waiting === undefined ? false : this.#wait(waiting, position, options)
  }

  /** Resolves true when the first segment is complete, so that manifests can be made. Otherwise as `waitFor`. */
  async waitForStart(options: { readonly waitMs: number; readonly signal?: AbortSignal }): Promise<boolean> {
    if (this.#targetDuration !== undefined || this.#ended) return true
    return this.#wait(this.#initialWaiters, { number: 0 }, options)
  }

  /**
   * Keeps `bytes`, equal to the segment's own, in their place: an answer that was made of header and body shares its body with the
   * store, so that nothing is in memory twice.
   */
  adopt(rendition: StoredRendition, number: number, bytes: Buffer): void {
    const segment = this.#renditions.get(rendition.name)?.segments.find((one) => one.number === number)
    if (segment?.bytes !== undefined && segment.byteLength === bytes.byteLength) place(segment, bytes)
  }

  #wait(
    set: Set<Waiter>,
    position: Position,
    { waitMs, signal }: { readonly waitMs: number; readonly signal?: AbortSignal },
  ): Promise<boolean> {
    if (this.#waiting >= this.#options.maxWaiting) {
      const { maxWaiting } = this.#options
      throw new UnavailableError(
        'ERR_PACKAGING_BUSY',
        `expected at most ${maxWaiting} requests that wait for one stream`,
      )
    }
    if (waitMs <= 0 || signal?.aborted) return Promise.resolve(false)
    return new Promise((resolve) => {
      const abort = () => waiter.settle(false)
      const waiter: Waiter = {
        ...position,
        settle: (reached) => {
          if (!set.delete(waiter)) return
          this.#waiting--
          clearTimeout(timer)
          signal?.removeEventListener('abort', abort)
          resolve(reached)
        },
      }
      const timer = setTimeout(abort, waitMs)
      signal?.addEventListener('abort', abort, { once: true })
      set.add(waiter)
      this.#waiting++
    })
  }

  #wake(rendition: MutableRendition): void {
    if (rendition.waiting.size === 0) return
    for (const waiter of [...rendition.waiting]) if (this.reached(rendition, waiter)) waiter.settle(true)
  }

  #addRendition(track: Track): MutableRendition {
    const name = renditionName(track)
    const rendition = { name, track, inits: [], segments: [], version: 0, open: undefined, waiting: new Set<Waiter>() }
    this.#renditions.set(name, rendition)
    this.#byTrack.set(track.id, rendition)
    return rendition
  }

  #addInit(rendition: MutableRendition, result: StoredResult & { type: 'init' }): void {
    const { period, track, bytes, key, clear } = result
    const init = { period, track, bytes: bufferOf(bytes), key, clear }
    rendition.inits.push(init)
    if (rendition.open !== undefined && rendition.open.parts.length === 0) rendition.open.init = init
  }

  #addPart(segment: MutableSegment, part: BuiltPart): void {
    const { start, presentationStart, duration, independent, bytes } = part
    if (segment.parts.length === 0) {
      segment.start = start
      segment.presentationStart = presentationStart
      segment.independent = independent
    }
    segment.parts.push({ start, presentationStart, duration, independent, bytes: bufferOf(bytes) })
    segment.duration += duration
    segment.packets += part.packets
    segment.byteLength += bytes.byteLength
    this.#bytes += bytes.byteLength
  }

  #complete(segment: MutableSegment, end: Micros): void {
    segment.complete = true
    if (segment.parts.length === 0) {
      segment.gap = true
      segment.duration = Math.max(end - segment.start, 0)
      return
    }
    place(segment, Buffer.concat(segment.parts.map(({ bytes }) => bytes)))
  }

  #trim(): void {
    const target = this.#targetDuration
    if (target === undefined) return
    const targetDuration = target * MICROS_PER_SECOND
    const window = Math.max(this.#options.window, MIN_LISTED_TARGET_DURATIONS * targetDuration)
    for (const rendition of this.#renditions.values()) {
      let fromEnd: Micros = 0
      for (let index = rendition.segments.length - 1; index >= 0; index--) {
        const segment = rendition.segments[index] as MutableSegment
        if (fromEnd > PART_TARGET_DURATIONS * targetDuration && segment.complete) {
          if (segment.parts.length === 0 && !segment.gap) break
          segment.parts = []
        }
        fromEnd += segment.duration
      }
    }
    // The rendition that has most behind it decides; the others are aligned with it.
    let firstListed = this.#firstListed
    for (const { segments } of this.#renditions.values()) {
      let listed: Micros = 0
      for (const { number, duration } of segments.toReversed()) {
        if (listed >= window) {
          firstListed = Math.max(firstListed, number + 1)
          break
        }
        listed += duration
      }
    }
    this.#firstListed = Math.max(firstListed, this.#oldest() ?? 0)
    // What is not listed any more is kept as long again, for those who loaded a manifest just before.
    this.#remove(2 * window + targetDuration)
  }

  #oldest(): number | undefined {
    let oldest: number | undefined
    for (const { segments } of this.#renditions.values()) {
      const first = segments[0]
      if (first !== undefined && (oldest === undefined || first.number < oldest)) oldest = first.number
    }
    return oldest
  }

  #remove(keep: Micros): void {
    const newest = Math.max(0, ...[...this.#renditions.values()].map(({ segments }) => endOf(segments.at(-1))))
    for (;;) {
      const oldest = this.#oldest()
      if (oldest === undefined) return
      const heads = [...this.#renditions.values()].filter(({ segments }) => segments[0]?.number === oldest)
      const age = newest - Math.max(...heads.map(({ segments }) => endOf(segments[0])))
      const complete = heads.every(({ segments }) => segments[0]?.complete && segments.length > 1)
      const tooMuch = this.#bytes > this.#options.maxBytes
      if (!complete || (age <= keep && !tooMuch)) return
      for (const rendition of heads) this.#removeFirst(rendition)
      this.#firstListed = Math.max(this.#firstListed, oldest + 1)
    }
  }

  #removeFirst(rendition: MutableRendition): void {
    const segment = rendition.segments.shift()
    if (segment === undefined) return
    this.#bytes -= segment.byteLength
    this.onRemove?.(rendition, segment)
    for (const period of this.#periodStarts.keys()) if (period < segment.period) this.#periodStarts.delete(period)
    const inUse = rendition.segments[0]?.init
    if (inUse !== undefined) rendition.inits = rendition.inits.slice(Math.max(0, rendition.inits.indexOf(inUse)))
    if (rendition.segments.length > 2 && rendition.segments.every(({ gap, complete }) => gap || !complete)) {
      this.#renditions.delete(rendition.name)
      this.#byTrack.delete(rendition.track.id)
      for (const waiter of [...rendition.waiting]) waiter.settle(false)
    }
  }
}

/** Milliseconds a request may wait: three target durations, or so long for the first segment. */
export function waitLimitMs(targetDuration: number | undefined): number {
  return targetDuration === undefined ? FIRST_WAIT_MS : (3 * targetDuration * MICROS_PER_SECOND) / MICROS_PER_MS
}

/** The longest first segment is 10 s. */
const FIRST_WAIT_MS = 12_000

function endOf(segment: StoredSegment | undefined): Micros {
  return segment === undefined ? 0 : segment.start + segment.duration
}
