/** Sample tables of a progressive movie: where each sample is and when (ISO/IEC 14496-12 section 8.6.1 and 8.7). */
import { MICROS_PER_SECOND, type Micros, ticksToMicros } from '../../time.ts'
import { MAX_MEDIA_SECONDS, type MovieTrack } from './movie.ts'
import { RunIndex, type RunPlace } from './run-index.ts'
import { type FieldTable, readSampleTableBoxes, type SampleTableBoxes } from './sample-table-boxes.ts'

/** A delta that is larger is a negative one; nothing is decoded before what stands before it. */
const MAX_DELTA = 0x7fff_ffff
/** Samples between two sums of sizes that are kept. */
const SIZE_STRIDE = 256

/** When a sample is decoded and shown. */
export interface SampleTimes {
  readonly dts: Micros
  readonly pts: Micros
}

/** Where the walk over a table stands before a sample. */
export interface TablePlace {
  /** Of the sample, from 0. */
  readonly index: number
  readonly ticks: number
  readonly timeRun: number
  readonly inTimeRun: number
  readonly offsetRun: number
  readonly inOffsetRun: number
  readonly chunkRun: number
  readonly chunk: number
  readonly inChunk: number
  /** In the file, of the sample's first byte. */
  readonly offset: number
}

/**
 * The samples of one track, by number and by time. The tables stay as they are in `moov`, never expanded; sums beside them, of a tenth of
 * their size, make every question one of bisection. Never changes: any number of cursors walk over it.
 */
export class SampleTable {
  readonly movieTrack: MovieTrack
  readonly boxes: SampleTableBoxes
  /** Samples that all tables speak of, the file can hold, and the edit list shows. */
  readonly sampleCount: number
  /** Added to the time of decoding in ticks: what the edit list says, and early enough for all composition offsets. */
  readonly decodeEditTicks: number
  readonly #times: RunIndex
  readonly #offsets: RunIndex
  readonly #chunkRuns: RunIndex
  #sizeSums: Float64Array | undefined

  /** `fileSize`: bytes of the file the samples are in. Throws FormatError. */
  constructor(movieTrack: MovieTrack, fileSize: number) {
    const boxes = readSampleTableBoxes(movieTrack.sampleTable)
    const { times, offsets, chunkRuns, constantSize } = boxes
    this.movieTrack = movieTrack
    this.boxes = boxes
    this.#times = new RunIndex({
      count: times.count,
      samplesOf: (run) => times.at(run, 0),
      ticksOf: (run) => times.at(run, 0) * deltaOf(times, run),
    })
    this.#offsets = new RunIndex({ count: offsets.count, samplesOf: (run) => offsets.at(run, 0), ticksOf: () => 0 })
    this.#chunkRuns = new RunIndex({
      count: chunkRuns.count,
      samplesOf: (run) => chunksOf(boxes, run) * chunkRuns.at(run, 1),
      ticksOf: () => 0,
    })
    const held = constantSize > 0 ? Math.floor(fileSize / constantSize) : Number.POSITIVE_INFINITY
    const timed = this.#indexOfTicks(MAX_MEDIA_SECONDS * movieTrack.timescale) + 1
    const decodeTicks = reorderingOf(boxes)
    this.decodeEditTicks = movieTrack.editTicks - decodeTicks
    const shown = this.#indexOfTicks(movieTrack.endTicks + decodeTicks - 1) + 1
    this.sampleCount = Math.min(boxes.sampleCount, this.#times.samples, this.#chunkRuns.samples, held, timed, shown)
  }

  /** Of sample `index`, below `sampleCount`. */
  timesOf(index: number): SampleTimes {
    const { timescale, editTicks } = this.movieTrack
    const ticks = this.#ticksOf(index)
    const run = this.#offsets.ofSample(index)?.run
    const offset = run === undefined ? 0 : compositionOffsetOf(this.boxes, run)
    return {
      dts: ticksToMicros(ticks + this.decodeEditTicks, timescale),
      pts: ticksToMicros(ticks + editTicks + offset, timescale),
    }
  }

  /** From sample `index` to the next. */
  durationOf(index: number): Micros {
    const { timescale } = this.movieTrack
    const ticks = this.#ticksOf(index) + this.decodeEditTicks
    const run = this.#times.ofSample(index)?.run
    const delta = run === undefined ? 0 : deltaOf(this.boxes.times, run)
    return ticksToMicros(ticks + delta, timescale) - ticksToMicros(ticks, timescale)
  }

  /** Number of the first sample that is decoded at or after `time`; `sampleCount` when there is none. */
  firstFrom(time: Micros): number {
    const { timescale } = this.movieTrack
    if (time === Number.POSITIVE_INFINITY) return this.sampleCount
    const target = ticksFrom(time, timescale) - this.decodeEditTicks
    if (!(target > 0)) return 0
    const before = this.#indexOfTicks(target - 1)
    return Math.min(before + 1, this.sampleCount)
  }

  /** Number of the last sample that is decoded at or before `time`; 0 when there is none. */
  lastUpTo(time: Micros): number {
    return Math.max(0, this.firstFrom(time + 1) - 1)
  }

  /** Number of the last key sample at or before sample `index`, else of the first one; 0 when none is marked. */
  keyAt(index: number): number {
    const { keys } = this.boxes
    if (keys === undefined) return index
    const before = this.#keysUpTo(keys, index)
    return Math.max(0, Math.min(keys.count === 0 ? 0 : keys.at(Math.max(0, before - 1), 0) - 1, this.sampleCount - 1))
  }

  isKey(index: number): boolean {
    const { keys } = this.boxes
    return keys === undefined || (keys.count > 0 && this.keyAt(index) === index)
  }

  /** The place before sample `index`; `undefined` behind the last one. */
  placeOf(index: number): TablePlace | undefined {
    const { chunkRuns, chunks } = this.boxes
    const time = this.#times.ofSample(index)
    const run = this.#chunkRuns.ofSample(index)
    if (index >= this.sampleCount || time === undefined || run === undefined) return undefined
    const offset = this.#offsets.ofSample(index)
    const inRun = index - run.samples
    const perChunk = chunkRuns.at(run.run, 1)
    const inChunk = inRun % perChunk
    const chunk = chunkRuns.at(run.run, 0) - 1 + Math.floor(inRun / perChunk)
    return {
      index,
      ticks: this.#ticksIn(time, index),
      timeRun: time.run,
      inTimeRun: index - time.samples,
      offsetRun: offset?.run ?? this.boxes.offsets.count,
      inOffsetRun: offset === undefined ? 0 : index - offset.samples,
      chunkRun: run.run,
      chunk,
      inChunk,
      offset: chunks.at(chunk) + this.bytesBetween(index - inChunk, index),
    }
  }

  /** How many samples there are up to the last one that lies in the file; those between may be missing. */
  heldCount(fileSize: number): number {
    const { chunkRuns, chunks } = this.boxes
    const last = this.sampleCount > 0 ? this.placeOf(this.sampleCount - 1) : undefined
    if (last === undefined) return 0
    let { chunk, chunkRun } = last
    let first = last.index - last.inChunk
    let end = this.sampleCount
    while (chunk >= 0) {
      const held = this.#samplesWithin(first, end, fileSize - chunks.at(chunk))
      if (held > 0) return first + held
      if (--chunk < chunkRuns.at(chunkRun, 0) - 1) chunkRun--
      end = first
      first -= chunkRuns.at(Math.max(0, chunkRun), 1)
    }
    return 0
  }

  /** How many of the samples in `[first, end)`, one behind the other, fit into `bytes`. */
  #samplesWithin(first: number, end: number, bytes: number): number {
    if (bytes <= 0) return 0
    let low = first
    let high = end
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (this.bytesBetween(first, middle) <= bytes) low = middle
      else high = middle - 1
    }
    return low - first
  }

  /** Of all samples in `[from, to)`. */
  bytesBetween(from: number, to: number): number {
    const { constantSize, sizeOf } = this.boxes
    // A chunk of 2^32 samples costs no bytes when all have the same size.
    if (constantSize > 0) return (to - from) * constantSize
    if (to - from > SIZE_STRIDE) return this.#bytesBefore(to) - this.#bytesBefore(from)
    let bytes = 0
    for (let index = from; index < to; index++) bytes += sizeOf(index)
    return bytes
  }

  /** Of the key samples in `[from, to)`; 0 when none is marked. */
  keyBytesBetween(from: number, to: number): number {
    const { keys, sizeOf } = this.boxes
    if (keys === undefined) return 0
    let bytes = 0
    const end = this.#keysUpTo(keys, to - 1)
    for (let entry = this.#keysUpTo(keys, from - 1); entry < end; entry++) {
      const index = keys.at(entry, 0) - 1
      // Entries that are not in order may be anywhere.
      if (index >= from && index < to) bytes += sizeOf(index)
    }
    return bytes
  }

  #bytesBefore(index: number): number {
    const { sizeOf } = this.boxes
    const sums = (this.#sizeSums ??= sumSizes(this.boxes))
    const kept = Math.floor(index / SIZE_STRIDE)
    let bytes = sums[kept] ?? 0
    for (let i = kept * SIZE_STRIDE; i < index; i++) bytes += sizeOf(i)
    return bytes
  }

  #ticksOf(index: number): number {
    const time = this.#times.ofSample(index)
    return time === undefined ? this.#times.ticks : this.#ticksIn(time, index)
  }

  #ticksIn({ run, samples, ticks }: RunPlace, index: number): number {
    return ticks + (index - samples) * deltaOf(this.boxes.times, run)
  }

  /** Number of the last sample at or before a decode time in ticks of the media; -1 when there is none. */
  #indexOfTicks(target: number): number {
    const { times } = this.boxes
    if (target < 0) return -1
    const place = this.#times.ofTicks(target)
    if (place === undefined) return this.#times.samples - 1
    return (
      place.samples +
      Math.min(times.at(place.run, 0) - 1, Math.floor((target - place.ticks) / deltaOf(times, place.run)))
    )
  }

  /** How many entries of `stss` are at or before sample `index`. */
  #keysUpTo(keys: FieldTable, index: number): number {
    let low = 0
    let high = keys.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (keys.at(middle, 0) <= index + 1) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Ticks between the samples of a run of `stts`. */
export function deltaOf(times: FieldTable, run: number): number {
  const delta = times.at(run, 1)
  return delta > MAX_DELTA ? 0 : delta
}

/** Ticks from decoding to showing in a run of `ctts`. Signed in version 0 too: some writers put negative offsets there. */
export function compositionOffsetOf({ offsets }: SampleTableBoxes, run: number): number {
  return run < offsets.count ? offsets.at(run, 1) | 0 : 0
}

/** Ticks by which pictures can be shown before they are decoded: QuickTime's negative offsets. */
function reorderingOf({ offsets }: SampleTableBoxes): number {
  let lowest = 0
  for (let run = 0; run < offsets.count; run++) lowest = Math.min(lowest, offsets.at(run, 1) | 0)
  return -lowest
}

/** Chunks of a run of `stsc`. */
function chunksOf({ chunkRuns, chunks }: SampleTableBoxes, run: number): number {
  const end = run + 1 < chunkRuns.count ? Math.min(chunkRuns.at(run + 1, 0) - 1, chunks.count) : chunks.count
  return Math.max(0, end - (chunkRuns.at(run, 0) - 1))
}

function sumSizes({ sampleCount, sizeOf }: SampleTableBoxes): Float64Array {
  const sums = new Float64Array(Math.floor(sampleCount / SIZE_STRIDE) + 1)
  let bytes = 0
  for (let index = 0; index < sampleCount; index++) {
    if (index % SIZE_STRIDE === 0) sums[index / SIZE_STRIDE] = bytes
    bytes += sizeOf(index)
  }
  if (sampleCount % SIZE_STRIDE === 0) sums[sampleCount / SIZE_STRIDE] = bytes
  return sums
}

/** The first tick whose time, rounded to microseconds, is `time` or later. */
function ticksFrom(time: Micros, timescale: number): number {
  const seconds = Math.floor(time / MICROS_PER_SECOND)
  const rest = time - seconds * MICROS_PER_SECOND
  return seconds * timescale + Math.ceil(((rest - 0.5) * timescale) / MICROS_PER_SECOND)
}
