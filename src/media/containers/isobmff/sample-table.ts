/** Sample tables of a progressive movie: where each sample is and when (ISO/IEC 14496-12 section 8.6.1 and 8.7). */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { type Micros, microsToTicks, ticksToMicros } from '../../time.ts'
import { type Box, childBoxes, readEntryCount, readFullBoxHeader } from './box.ts'
import { MAX_SAMPLE_DATA_BYTES, type SampleLocation } from './fragment-reader.ts'
import type { MovieTrack } from './movie.ts'

/**
 * A cursor over the samples of one track. The tables stay as they are in `moov` and are walked along, never expanded: a hostile
 * count costs nothing until its entries are there.
 */
export class SampleTable {
  readonly #movieTrack: MovieTrack
  readonly #tables: Tables
  /** Number of the next sample, from 0. */
  #index = 0
  /** Of the next sample. */
  #ticks = 0
  #timeRun = 0
  #inTimeRun = 0
  #offsetRun = 0
  #inOffsetRun = 0
  #chunk = 0
  #chunkRun = 0
  #inChunk = 0
  #offset = 0

  constructor(movieTrack: MovieTrack) {
    this.#movieTrack = movieTrack
    this.#tables = readTables(movieTrack.sampleTable)
    this.#enterChunk()
  }

  /** The next sample, or `undefined` after the last one. Empty samples are passed over. */
  next(): SampleLocation | undefined {
    const { sampleCount, times, offsets, chunks, chunkRuns } = this.#tables
    while (this.#index < sampleCount && this.#chunk < chunks.count) {
      while (this.#timeRun < times.count && this.#inTimeRun >= times.at(this.#timeRun, 0)) {
        this.#timeRun++
        this.#inTimeRun = 0
      }
      if (this.#timeRun >= times.count) return undefined
      while (this.#offsetRun < offsets.count && this.#inOffsetRun >= offsets.at(this.#offsetRun, 0)) {
        this.#offsetRun++
        this.#inOffsetRun = 0
      }
      const size = this.#sizeOf(this.#index)
      const { timescale, editTicks, track } = this.#movieTrack
      const ticks = this.#ticks + editTicks
      // Signed in version 0 too: some writers put negative offsets there.
      const compositionOffset = this.#offsetRun < offsets.count ? offsets.at(this.#offsetRun, 1) | 0 : 0
      const sample: SampleLocation = {
        movieTrack: this.#movieTrack,
        offset: this.#offset,
        size,
        dts: ticksToMicros(ticks, timescale),
        pts: ticksToMicros(ticks + compositionOffset, timescale),
        key: track.kind === 'audio' || this.#isKey(this.#index),
      }
      this.#ticks += times.at(this.#timeRun, 1)
      this.#inTimeRun++
      this.#inOffsetRun++
      this.#offset += size
      this.#index++
      if (++this.#inChunk >= chunkRuns.at(this.#chunkRun, 1)) {
        this.#chunk++
        this.#enterChunk()
      }
      if (size > 0) return sample
    }
    return undefined
  }

  /** Number of the last sample that is decoded at or before `time`; 0 when there is none. */
  indexAt(time: Micros): number {
    const { times, sampleCount } = this.#tables
    const { timescale, editTicks } = this.#movieTrack
    const target = microsToTicks(time, timescale) - editTicks
    let ticks = 0
    let index = 0
    for (let run = 0; run < times.count; run++) {
      const count = times.at(run, 0)
      const delta = times.at(run, 1)
      if (ticks + count * delta > target) {
        if (delta > 0) index += Math.max(0, Math.min(count - 1, Math.floor((target - ticks) / delta)))
        break
      }
      ticks += count * delta
      index += count
    }
    return Math.max(0, Math.min(index, sampleCount - 1))
  }

  /** Number of the last key sample at or before sample `index`; 0 when there is none. */
  keyAt(index: number): number {
    const { keys } = this.#tables
    if (keys === undefined) return index
    let low = 0
    let high = keys.count
    while (low < high) {
      const middle = (low + high) >> 1
      if (keys.at(middle, 0) <= index + 1) low = middle + 1
      else high = middle
    }
    return low === 0 ? 0 : Math.max(0, keys.at(low - 1, 0) - 1)
  }

  /** Makes sample `index` the next one. */
  moveTo(index: number): void {
    const { times, offsets, chunks, chunkRuns, sampleCount } = this.#tables
    this.#index = Math.min(index, sampleCount)
    this.#ticks = 0
    this.#timeRun = 0
    this.#inTimeRun = this.#index
    while (this.#timeRun < times.count && this.#inTimeRun >= times.at(this.#timeRun, 0)) {
      this.#inTimeRun -= times.at(this.#timeRun, 0)
      this.#ticks += times.at(this.#timeRun, 0) * times.at(this.#timeRun, 1)
      this.#timeRun++
    }
    if (this.#timeRun < times.count) this.#ticks += this.#inTimeRun * times.at(this.#timeRun, 1)
    this.#offsetRun = 0
    this.#inOffsetRun = this.#index
    while (this.#offsetRun < offsets.count && this.#inOffsetRun >= offsets.at(this.#offsetRun, 0)) {
      this.#inOffsetRun -= offsets.at(this.#offsetRun, 0)
      this.#offsetRun++
    }
    let left = this.#index
    this.#chunk = chunks.count
    for (let run = 0; run < chunkRuns.count; run++) {
      const first = chunkRuns.at(run, 0) - 1
      const end = run + 1 < chunkRuns.count ? Math.min(chunkRuns.at(run + 1, 0) - 1, chunks.count) : chunks.count
      const perChunk = chunkRuns.at(run, 1)
      const inRun = Math.max(0, end - first) * perChunk
      if (left < inRun) {
        this.#chunk = first + Math.floor(left / perChunk)
        left %= perChunk
        break
      }
      left -= inRun
    }
    this.#chunkRun = 0
    this.#enterChunk()
    this.#inChunk = left
    if (this.#chunk >= chunks.count) return
    const { constantSize } = this.#tables
    // A chunk of 2^32 samples costs no bytes when all have the same size.
    if (constantSize > 0) this.#offset += left * constantSize
    else for (let i = this.#index - left; i < this.#index; i++) this.#offset += this.#sizeOf(i)
  }

  #enterChunk(): void {
    const { chunks, chunkRuns } = this.#tables
    this.#inChunk = 0
    if (this.#chunk >= chunks.count) return
    this.#offset = chunks.at(this.#chunk)
    while (this.#chunkRun + 1 < chunkRuns.count && chunkRuns.at(this.#chunkRun + 1, 0) - 1 <= this.#chunk)
      this.#chunkRun++
  }

  #sizeOf(index: number): number {
    const size = this.#tables.sizeOf(index)
    if (size > MAX_SAMPLE_DATA_BYTES) {
      throw new FormatError(
        'ERR_MP4_SAMPLE_RANGE',
        `expected a sample of at most ${MAX_SAMPLE_DATA_BYTES} bytes, found ${size}`,
      )
    }
    return size
  }

  #isKey(index: number): boolean {
    return this.#tables.keys === undefined || this.keyAt(index) === index
  }
}

/** A table of 32-bit fields, read in place. */
interface FieldTable {
  readonly count: number
  at(entry: number, field: number): number
}

interface Tables {
  readonly sampleCount: number
  /** Of all samples; 0: each has its own. */
  readonly constantSize: number
  sizeOf(index: number): number
  /** stts: count, delta. */
  readonly times: FieldTable
  /** ctts: count, offset. */
  readonly offsets: FieldTable
  /** stss: number of a key sample, from 1; without it all are. */
  readonly keys: FieldTable | undefined
  /** stsc: first chunk from 1, samples in each chunk. */
  readonly chunkRuns: FieldTable
  readonly chunks: { readonly count: number; at(chunk: number): number }
}

type Sizes = Pick<Tables, 'sampleCount' | 'constantSize' | 'sizeOf'>

const NO_FIELDS: FieldTable = { count: 0, at: () => 0 }
const NO_CHUNKS = { count: 0, at: () => 0 }

function readTables(sampleTable: Box): Tables {
  let sizes: Sizes = { sampleCount: 0, constantSize: 0, sizeOf: () => 0 }
  let times = NO_FIELDS
  let offsets = NO_FIELDS
  let chunkRuns = NO_FIELDS
  let keys: FieldTable | undefined
  let chunks: Tables['chunks'] = NO_CHUNKS
  // Of its own, so that the track can be read again.
  const { bytes, offset } = sampleTable.body
  for (const { type, body } of childBoxes({ ...sampleTable, body: new ByteReader(bytes, offset) })) {
    switch (type) {
      case 'stts':
        times = readFields(body, 2, type)
        break
      case 'ctts':
        offsets = readFields(body, 2, type)
        break
      case 'stss':
        keys = readFields(body, 1, type)
        break
      case 'stsc':
        chunkRuns = readFields(body, 3, type)
        checkChunkRuns(chunkRuns, body.offset)
        break
      case 'stsz':
        sizes = readSizes(body)
        break
      case 'stz2':
        sizes = readCompactSizes(body)
        break
      case 'stco': {
        const table = readFields(body, 1, type)
        chunks = { count: table.count, at: (chunk) => table.at(chunk, 0) }
        break
      }
      case 'co64': {
        const table = readFields(body, 2, type)
        // Above 2^53 it is no longer exact, and far past the end of any file.
        chunks = { count: table.count, at: (chunk) => table.at(chunk, 0) * 2 ** 32 + table.at(chunk, 1) }
        break
      }
      default:
    }
  }
  if (chunkRuns.count === 0) chunks = NO_CHUNKS
  return { ...sizes, times, offsets, keys, chunkRuns, chunks }
}

function readFields(body: ByteReader, fields: number, type: string): FieldTable {
  readFullBoxHeader(body)
  const count = readEntryCount(body, 4 * fields, type)
  const view = viewOf(body.view(count * 4 * fields))
  return { count, at: (entry, field) => view.getUint32(4 * (entry * fields + field)) }
}

/** Runs of chunks must go forward and have samples, or walking them would not end. */
function checkChunkRuns(runs: FieldTable, offset: number): void {
  let before = 0
  for (let run = 0; run < runs.count; run++) {
    const first = runs.at(run, 0)
    if (first <= before || runs.at(run, 1) === 0 || (run === 0 && first !== 1)) {
      throw new FormatError(
        'ERR_MP4_CHUNK_RUN',
        `expected a run of chunks after chunk ${before}, found ${first}`,
        offset,
      )
    }
    before = first
  }
}

function readSizes(body: ByteReader): Sizes {
  readFullBoxHeader(body)
  const constant = body.u32()
  if (constant !== 0) return { sampleCount: body.u32(), constantSize: constant, sizeOf: () => constant }
  const sampleCount = readEntryCount(body, 4, 'stsz')
  const view = viewOf(body.view(sampleCount * 4))
  return { sampleCount, constantSize: 0, sizeOf: (index) => view.getUint32(4 * index) }
}

function readCompactSizes(body: ByteReader): Sizes {
  readFullBoxHeader(body)
  const bits = body.u32() & 0xff
  if (bits !== 4 && bits !== 8 && bits !== 16) {
    throw new FormatError(
      'ERR_MP4_FIELD_SIZE',
      `expected fields of 4, 8 or 16 bits in stz2, found ${bits}`,
      body.offset,
    )
  }
  const sampleCount = readEntryCount(body, bits / 8, 'stz2')
  const view = viewOf(body.view(Math.ceil((sampleCount * bits) / 8)))
  if (bits === 16) return { sampleCount, constantSize: 0, sizeOf: (index) => view.getUint16(2 * index) }
  if (bits === 8) return { sampleCount, constantSize: 0, sizeOf: (index) => view.getUint8(index) }
  return {
    sampleCount,
    constantSize: 0,
    sizeOf: (index) => (view.getUint8(index >> 1) >> (index % 2 === 0 ? 4 : 0)) & 0xf,
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
