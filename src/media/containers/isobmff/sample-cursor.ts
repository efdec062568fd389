/** Walks over the samples of a table. */
import { ticksToMicros } from '../../time.ts'
import { MAX_SAMPLE_DATA_BYTES, type SampleLocation } from './fragment-reader.ts'
import { compositionOffsetOf, deltaOf, type SampleTable, type TablePlace } from './sample-table.ts'

/** Samples in a row that are not in the file, after which a track has ended. */
const MAX_MISSING = 100_000

/** Gives the samples of a track that are in the file, from any of them on. */
export class SampleCursor {
  readonly #table: SampleTable
  readonly #fileSize: number
  #place: TablePlace | undefined
  /** Samples that the tables tell of and the file does not have. */
  missing = 0

  constructor(table: SampleTable, fileSize: number, index = 0) {
    this.#table = table
    this.#fileSize = fileSize
    this.#place = table.placeOf(index)
  }

  /** The next sample that lies in the file, or `undefined` after the last one. Empty samples are passed over. */
  next(): SampleLocation | undefined {
    for (let missing = 0; missing < MAX_MISSING; ) {
      const place = this.#place
      if (place === undefined) return undefined
      const { movieTrack, boxes } = this.#table
      const { timescale, editTicks, track } = movieTrack
      const { index, offset } = place
      const size = boxes.sizeOf(index)
      const delta = deltaOf(boxes.times, place.timeRun)
      this.#place = this.#after(place, size, delta)
      if (size === 0) continue
      if (size > MAX_SAMPLE_DATA_BYTES || offset + size > this.#fileSize) {
        missing++
        this.missing++
        continue
      }
      const ticks = place.ticks + this.#table.decodeEditTicks
      const dts = ticksToMicros(ticks, timescale)
      const shown = place.ticks + editTicks + compositionOffsetOf(boxes, place.offsetRun)
      return {
        movieTrack,
        offset,
        size,
        dts,
        pts: ticksToMicros(shown, timescale),
        duration: ticksToMicros(ticks + delta, timescale) - dts,
        key: track.kind !== 'video' || this.#table.isKey(index),
      }
    }
    return undefined
  }

  #after(place: TablePlace, size: number, delta: number): TablePlace | undefined {
    const { boxes, sampleCount } = this.#table
    const { times, offsets, chunkRuns, chunks } = boxes
    const index = place.index + 1
    if (index >= sampleCount) return undefined
    let { timeRun, offsetRun, chunkRun, chunk, inChunk, inTimeRun, inOffsetRun, offset } = place
    inTimeRun++
    while (timeRun < times.count && inTimeRun >= times.at(timeRun, 0)) {
      timeRun++
      inTimeRun = 0
    }
    inOffsetRun++
    while (offsetRun < offsets.count && inOffsetRun >= offsets.at(offsetRun, 0)) {
      offsetRun++
      inOffsetRun = 0
    }
    offset += size
    if (++inChunk >= chunkRuns.at(chunkRun, 1)) {
      inChunk = 0
      chunk++
      while (chunkRun + 1 < chunkRuns.count && chunkRuns.at(chunkRun + 1, 0) - 1 <= chunk) chunkRun++
      offset = chunks.at(chunk)
    }
    const ticks = place.ticks + delta
    return { index, ticks, timeRun, inTimeRun, offsetRun, inOffsetRun, chunkRun, chunk, inChunk, offset }
  }
}
