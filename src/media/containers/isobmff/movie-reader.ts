/** Reads MP4 files, progressive and fragmented, from a source with random access (ISO/IEC 14496-12). */
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import type { Packet } from '../../packet.ts'
import type { Micros } from '../../time.ts'
import type { Track, TrackKind } from '../../track.ts'
import { BlockReader } from './block-reader.ts'
import type { Box } from './box.ts'
import { MAX_SCANNED_BOXES, readTopLevelHeader } from './box-scan.ts'
import { packetOf } from './demuxer.ts'
import type { SampleLocation } from './fragment-reader.ts'
import { FragmentSamples } from './fragment-samples.ts'
import { MAX_MOOV_BYTES, type Movie, readMovie } from './movie.ts'
import { SampleTable } from './sample-table.ts'

/**
 * Gives the packets of all tracks in the order of their decode times. Holds `moov` (at most 64 MiB), some blocks of the file, and of
 * a fragmented file the places of the samples that come next. Times are negative where an edit list cuts the start off. One call
 * at a time.
 */
export class MovieReader {
  readonly tracks: readonly Track[]
  /** As the file declares; 0 when it does not (live recordings). */
  readonly duration: Micros
  readonly #blocks: BlockReader
  readonly #tables: TableSamples
  readonly #fragments: FragmentSamples | undefined

  private constructor(blocks: BlockReader, movie: Movie) {
    this.tracks = movie.tracks.map(({ track }) => track)
    this.duration = movie.duration
    this.#blocks = blocks
    this.#tables = new TableSamples(movie)
    this.#fragments = movie.fragmented ? new FragmentSamples(blocks, movie) : undefined
  }

  /** Finds and reads `moov`, wherever it is. Throws FormatError. */
  static async open(source: ByteSource): Promise<MovieReader> {
    const blocks = new BlockReader(source)
    return new MovieReader(blocks, readMovie(await findMoov(blocks)))
  }

  /** The next packet, or `undefined` at the end. Throws FormatError where a sample is not in the file. */
  async read(): Promise<Packet | undefined> {
    // A file can have its first samples in the tables and the others in fragments.
    const sample = this.#tables.next() ?? (await this.#fragments?.next())
    if (sample === undefined) return undefined
    return packetOf(sample, await this.#blocks.read(sample.offset, sample.size))
  }

  /**
   * Goes to the last key packet that is decoded at or before `time`, of the first video track or, without video, of the first track.
   * Audio goes on from its time, other video from its own key packet before. Before the start of the file: to its start.
   */
  async seek(time: Micros): Promise<void> {
    if (await this.#fragments?.seek(time)) {
      this.#tables.close()
      return
    }
    this.#tables.seek(time)
    this.#fragments?.rewind()
  }
}

async function findMoov(blocks: BlockReader): Promise<Box> {
  let position = 0
  for (let count = 0; count < MAX_SCANNED_BOXES; count++) {
    const header = await readTopLevelHeader(blocks, position)
    if (header === undefined) break
    const { type, start, end } = header
    if (type === 'moov') {
      const bytes = end - start
      if (bytes > MAX_MOOV_BYTES) {
        throw new FormatError(
          'ERR_MP4_BOX_TOO_LARGE',
          `expected moov of at most ${MAX_MOOV_BYTES} bytes, found ${bytes}`,
          position,
        )
      }
      return { type, body: new ByteReader(await blocks.read(start, bytes), start), depth: 0 }
    }
    position = end
  }
  throw new FormatError('ERR_MP4_NO_MOOV', `expected moov among the first ${MAX_SCANNED_BOXES} boxes, found none`)
}

/** The samples of the tables in `moov`, of all tracks. */
class TableSamples {
  readonly #cursors: readonly Cursor[]
  readonly #lead: SampleTable | undefined

  constructor(movie: Movie) {
    const entries = movie.tracks.map((movieTrack) => ({ movieTrack, table: new SampleTable(movieTrack) }))
    const lead = entries.find(({ movieTrack }) => movieTrack.track.kind === 'video') ?? entries[0]
    this.#lead = lead?.table
    this.#cursors = entries.map(({ movieTrack, table }) => ({ table, kind: movieTrack.track.kind, next: table.next() }))
  }

  next(): SampleLocation | undefined {
    let first: Cursor | undefined
    for (const cursor of this.#cursors) {
      if (cursor.next !== undefined && (first?.next === undefined || cursor.next.dts < first.next.dts)) first = cursor
    }
    if (first === undefined) return undefined
    const sample = first.next
    first.next = first.table.next()
    return sample
  }

  seek(time: Micros): void {
    if (this.#lead === undefined) return
    this.#lead.moveTo(this.#lead.keyAt(this.#lead.indexAt(time)))
    const key = this.#lead.next()
    for (const cursor of this.#cursors) {
      if (cursor.table === this.#lead) {
        cursor.next = key
        continue
      }
      const from = key?.dts ?? time
      cursor.table.moveTo(cursor.table.keyAt(cursor.table.indexAt(from)))
      cursor.next = cursor.table.next()
      if (cursor.kind === 'audio' && cursor.next !== undefined && cursor.next.dts < from)
        cursor.next = cursor.table.next()
    }
  }

  close(): void {
    for (const cursor of this.#cursors) cursor.next = undefined
  }
}

interface Cursor {
  readonly table: SampleTable
  readonly kind: TrackKind
  next: SampleLocation | undefined
}
