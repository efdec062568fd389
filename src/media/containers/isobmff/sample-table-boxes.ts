/** The boxes of a sample table, read in place (ISO/IEC 14496-12 section 8.6.1 and 8.7). */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { type Box, childBoxes, readEntryCount, readFullBoxHeader } from './box.ts'

/** A table of 32-bit fields, read in place: a hostile count costs nothing until its entries are there. */
export interface FieldTable {
  readonly count: number
  at(entry: number, field: number): number
}

/** What `stbl` says of its samples. Counts are those of the boxes and need not agree. */
export interface SampleTableBoxes {
  readonly sampleCount: number
  /** Bytes, of all samples; 0: each has its own. */
  readonly constantSize: number
  /** Bytes of sample `index`, from 0. */
  sizeOf(index: number): number
  /** stts: count, delta. */
  readonly times: FieldTable
  /** ctts: count, offset. */
  readonly offsets: FieldTable
  /** stss: number of a key sample, from 1; without it all are. */
  readonly keys: FieldTable | undefined
  /** stsc: first chunk from 1, samples in each chunk. */
  readonly chunkRuns: FieldTable
  /** stco or co64: offsets in the file. */
  readonly chunks: { readonly count: number; at(chunk: number): number }
}

type Sizes = Pick<SampleTableBoxes, 'sampleCount' | 'constantSize' | 'sizeOf'>

const NO_FIELDS: FieldTable = { count: 0, at: () => 0 }
const NO_CHUNKS = { count: 0, at: () => 0 }

/** Reads the boxes in `stbl`, which may be read again. Throws FormatError for counts that lie and for runs of chunks that go back. */
export function readSampleTableBoxes(sampleTable: Box): SampleTableBoxes {
  let sizes: Sizes = { sampleCount: 0, constantSize: 0, sizeOf: () => 0 }
  let times = NO_FIELDS
  let offsets = NO_FIELDS
  let chunkRuns = NO_FIELDS
  let keys: FieldTable | undefined
  let chunks: SampleTableBoxes['chunks'] = NO_CHUNKS
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
