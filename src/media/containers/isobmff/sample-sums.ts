/** Sums over the samples of a table, by bisection instead of a walk. */
import type { SampleSum } from '../../reader.ts'
import type { Micros } from '../../time.ts'
import { MAX_SAMPLE_DATA_BYTES } from './fragment-reader.ts'
import type { SampleTable } from './sample-table.ts'

/** Of the samples that are decoded from each of `bounds` to the next. The table must be whole: see `isWhole`. */
export function sampleSums(table: SampleTable, bounds: readonly Micros[]): readonly SampleSum[] {
  const sums: SampleSum[] = []
  const allKeys = table.movieTrack.track.kind !== 'video' || table.boxes.keys === undefined
  let first = table.firstFrom(bounds[0] ?? 0)
  for (let bound = 1; bound < bounds.length; bound++) {
    const end = table.firstFrom(bounds[bound] as Micros)
    const samples = Math.max(0, end - first)
    const bytes = samples === 0 ? 0 : table.bytesBetween(first, end)
    sums.push({
      start: samples === 0 ? (bounds[bound - 1] as Micros) : table.timesOf(first).pts,
      samples,
      bytes,
      keyBytes: allKeys || samples === 0 ? bytes : table.keyBytesBetween(first, end),
      duration: samples === 0 ? 0 : endOf(table, end - 1) - table.timesOf(first).dts,
    })
    first = end
  }
  return sums
}

/** Whether every sample that the table tells of has bytes and lies in the file, so that none is passed over by who walks. */
export function isWhole(table: SampleTable, fileSize: number): boolean {
  const { sampleCount, boxes } = table
  const { chunkRuns, chunks, constantSize, sizeOf } = boxes
  let index = 0
  let run = 0
  for (let chunk = 0; chunk < chunks.count && index < sampleCount; chunk++) {
    while (run + 1 < chunkRuns.count && chunkRuns.at(run + 1, 0) - 1 <= chunk) run++
    const last = Math.min(sampleCount, index + chunkRuns.at(run, 1))
    let end = chunks.at(chunk)
    if (constantSize > 0) {
      // A chunk can have 2^32 of them.
      end += (last - index) * constantSize
      index = last
    }
    for (; index < last; index++) {
      const size = sizeOf(index)
      if (size === 0 || size > MAX_SAMPLE_DATA_BYTES) return false
      end += size
    }
    if (end > fileSize) return false
  }
  return index >= sampleCount && constantSize <= MAX_SAMPLE_DATA_BYTES
}

function endOf(table: SampleTable, index: number): Micros {
  return table.timesOf(index).dts + table.durationOf(index)
}
