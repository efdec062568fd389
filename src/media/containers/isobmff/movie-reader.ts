/** Reads MP4 and MOV files, progressive and fragmented, from a source with random access (ISO/IEC 14496-12). */
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'
import type { Packet } from '../../packet.ts'
import {
  type ForeignTrack,
  type KeyPoint,
  leadingTrack,
  type MediaReader,
  type ReadOptions,
  type SamplePlace,
} from '../../reader.ts'
import type { Micros } from '../../time.ts'
import type { Track } from '../../track.ts'
import { BlockReader } from './block-reader.ts'
import { findMoov } from './box-scan.ts'
import { packetOf } from './demuxer.ts'
import { FileFragments } from './file-fragments.ts'
import type { SampleLocation } from './fragment-reader.ts'
import { type Movie, readMovie } from './movie.ts'
import { TableSamples, type WalkStart } from './table-samples.ts'

/** Of one file. */
const MAX_NOTES = 32

/**
 * Holds `moov` (at most 64 MiB), and of a fragmented file where its fragments are once that was asked for; each reading holds some blocks
 * of the file. Without the leading track, text is read from the cue that is shown at the place.
 */
export class MovieReader implements MediaReader {
  readonly format = 'mp4'
  readonly tracks: readonly Track[]
  readonly foreign: readonly ForeignTrack[] = []
  readonly duration: Micros
  readonly metadata: Readonly<Record<string, string | number>> = {}
  readonly notes: string[] = []
  readonly samples?: (trackId: number, from: Micros, to: Micros) => Promise<readonly SamplePlace[]>
  readonly #source: ByteSource
  readonly #tables: TableSamples
  readonly #fragments: FileFragments | undefined
  #keyPoints: Promise<readonly KeyPoint[]> | undefined

  private constructor(
    source: ByteSource,
    movie: Movie,
    tables: TableSamples,
    fragments: FileFragments | undefined,
    duration: Micros,
  ) {
    this.#source = source
    this.#tables = tables
    this.#fragments = fragments
    this.tracks = movie.tracks.map(({ track }) => track)
    this.duration = duration
    if (movie.tracks.every(({ unitLengthBytes = 4 }) => unitLengthBytes === 4)) {
      this.samples = (trackId, from, to) => this.#samples(trackId, from, to)
    }
  }

  /** Finds and reads `moov`, wherever it is. Throws FormatError. */
  static async open(source: ByteSource): Promise<MovieReader> {
    const movie = readMovie(await findMoov(new BlockReader(source)))
    const tables = new TableSamples(movie, source.size)
    const fragments = movie.fragmented ? new FileFragments(source, movie) : undefined
    const duration = Math.max(tables.end, (await fragments?.end()) ?? 0)
    return new MovieReader(source, movie, tables, fragments, duration)
  }

  keyPoints(): Promise<readonly KeyPoint[]> {
    this.#keyPoints ??= this.#findKeyPoints()
    return this.#keyPoints
  }

  async *packets(from: Micros | KeyPoint, { tracks }: ReadOptions = {}): AsyncGenerator<Packet> {
    const wanted = new Set(tracks ?? this.tracks.map(({ id }) => id))
    const dts = typeof from === 'number' ? await this.#startOf(from, wanted) : from.dts
    const blocks = new BlockReader(this.#source)
    try {
      for await (const sample of this.#walk({ dts, tracks: wanted })) {
        yield packetOf(sample, await blocks.read(sample.offset, sample.size))
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      this.#note(`The file could not be read to its end: ${error.message}`)
    }
  }

  async #findKeyPoints(): Promise<readonly KeyPoint[]> {
    const points = this.#tables.keyPoints()
    if (this.#fragments === undefined) return points
    const { keyPoints, notes } = await this.#fragments.index()
    for (const note of notes) this.#note(note)
    return [...points, ...keyPoints]
  }

  /** Decode time of the leading packet that a reading from `time` starts with; without the leading track, `time` itself. */
  async #startOf(time: Micros, wanted: ReadonlySet<number>): Promise<Micros> {
    const lead = leadingTrack(this.tracks)
    if (lead === undefined || !wanted.has(lead.id)) return time
    const inTables = this.#tables.keyBefore(time)
    if (this.#fragments === undefined) return inTables ?? Number.NEGATIVE_INFINITY
    if (this.#tables.isEmpty && time <= 0 && this.#fragments.beginsAtZero) return Number.NEGATIVE_INFINITY
    const { keyPoints } = await this.#fragments.index()
    return keyPoints.findLast(({ pts }) => pts <= time)?.dts ?? inTables ?? Number.NEGATIVE_INFINITY
  }

  /** A file can have its first samples in the tables and the others in fragments. */
  async *#walk(start: WalkStart): AsyncGenerator<SampleLocation> {
    const missing = yield* this.#tables.walk(start)
    if (missing > 0)
      this.#note('The file is cut off, or its tables lie: not all of the samples they tell of are in it.')
    if (this.#fragments !== undefined) yield* this.#fragments.walk(start)
  }

  async #samples(trackId: number, from: Micros, to: Micros): Promise<readonly SamplePlace[]> {
    const places = this.#tables.places(trackId, from, to)
    return this.#fragments === undefined ? places : [...places, ...(await this.#fragments.places(trackId, from, to))]
  }

  #note(text: string): void {
    if (this.notes.length < MAX_NOTES && !this.notes.includes(text)) this.notes.push(text)
  }
}
