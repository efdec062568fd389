/** Reads MP4 and MOV files, progressive and fragmented, from a source with random access (ISO/IEC 14496-12). */
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'
import { KeptAnswer } from '../../kept-answer.ts'
import { Notes } from '../../notes.ts'
import type { Packet } from '../../packet.ts'
import {
  type ForeignTrack,
  type KeyPoint,
  leadingTrack,
  type MediaReader,
  type ReadOptions,
  type SamplePlace,
  type SampleSum,
} from '../../reader.ts'
import { MICROS_PER_SECOND, type Micros } from '../../time.ts'
import type { Track } from '../../track.ts'
import { BlockReader } from './block-reader.ts'
import { findMoov } from './box-scan.ts'
import { FileFragments } from './file-fragments.ts'
import type { SampleLocation } from './fragment-reader.ts'
import { fromZero } from './fragment-start.ts'
import { type Movie, readMovie } from './movie.ts'
import { packetsOf } from './sample-packets.ts'
import { TableSamples, type WalkStart } from './table-samples.ts'

/** What a reading reads at once; larger samples are read by themselves. */
const READING_BLOCK_BYTES = 64 * 1024
/** Samples lie across the border of two. */
const BLOCKS_PER_TRACK = 2

/**
 * Holds `moov` (at most 64 MiB), and of a fragmented file where its fragments are once that was asked for; each reading holds some blocks
 * of the file. Without the leading track, text is read from the cue that is shown at the place.
 */
export class MovieReader implements MediaReader {
  readonly format = 'mp4'
  readonly tracks: readonly Track[]
  readonly foreign: readonly ForeignTrack[]
  readonly duration: Micros
  readonly metadata: Readonly<Record<string, string | number>>
  readonly samples?: NonNullable<MediaReader['samples']>
  readonly sampleSums?: NonNullable<MediaReader['sampleSums']>
  readonly #source: ByteSource
  readonly #tables: TableSamples
  readonly #fragments: FileFragments | undefined
  readonly #notes: Notes
  readonly #keyPoints = new KeptAnswer(() => this.#findKeyPoints())

  private constructor(source: ByteSource, movie: Movie, parts: MovieParts) {
    this.#source = source
    this.#tables = parts.tables
    this.#fragments = parts.fragments
    this.#notes = parts.notes
    this.tracks = movie.tracks.map(({ track }) => track)
    this.foreign = movie.foreign
    this.metadata = movie.metadata
    this.duration = parts.duration
    if (movie.tracks.every(({ unitLengthBytes = 4 }) => unitLengthBytes === 4)) {
      this.samples = (trackId, from, to) => this.#samples(trackId, from, to)
      this.sampleSums = (trackId, bounds) => this.#sampleSums(trackId, bounds)
    }
  }

  /** Finds and reads `moov`, wherever it is. Throws FormatError. */
  static async open(source: ByteSource): Promise<MovieReader> {
    const told = readMovie(await findMoov(new BlockReader(source)))
    const notes = new Notes()
    for (const note of told.notes) notes.add(note)
    const tables = new TableSamples(told, source.size)
    const ends = tables.ends()
    if (ends.held < ends.told) {
      notes.add(`The file is cut off: ${seconds(ends.held)} of ${seconds(ends.told)} are in it.`)
    }
    if (!told.fragmented) {
      return new MovieReader(source, told, { tables, fragments: undefined, duration: ends.held, notes })
    }
    const movie = tables.isEmpty ? await fromZero(source, told) : told
    const fragments = new FileFragments(source, movie, notes)
    const duration = Math.max(ends.held, await fragments.end())
    return new MovieReader(source, movie, { tables: new TableSamples(movie, source.size), fragments, duration, notes })
  }

  get notes(): readonly string[] {
    return this.#notes.list()
  }

  keyPoints(): Promise<readonly KeyPoint[]> {
    return this.#keyPoints.get()
  }

  async *packets(from: Micros | KeyPoint, { tracks }: ReadOptions = {}): AsyncGenerator<Packet> {
    const wanted = new Set(tracks ?? this.tracks.map(({ id }) => id))
    const dts = typeof from === 'number' ? await this.#startOf(from, wanted) : from.dts
    // There may be hundreds of readings.
    const maxBlocks = Math.max(1, BLOCKS_PER_TRACK * Math.min(wanted.size, this.tracks.length))
    const blocks = new BlockReader(this.#source, { blockBytes: READING_BLOCK_BYTES, maxBlocks })
    try {
      for await (const sample of this.#walk({ dts, tracks: wanted })) {
        yield* packetsOf(sample, await blocks.read(sample.offset, sample.size))
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      this.#notes.add(`The file could not be read to its end: ${error.message}`)
    }
  }

  async #findKeyPoints(): Promise<readonly KeyPoint[]> {
    const points = this.#tables.keyPoints()
    if (this.#fragments === undefined) return points
    const { keyPoints } = await this.#fragments.index()
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
    if (missing > 0) this.#notes.add('Not all of the samples that the tables tell of are in the file')
    if (this.#fragments !== undefined) yield* this.#fragments.walk(start)
  }

  /** None of text, whose samples are no packets. */
  async #samples(trackId: number, from: Micros, to: Micros): Promise<readonly SamplePlace[]> {
    if (this.tracks.find(({ id }) => id === trackId)?.kind === 'text') return []
    const places = this.#tables.places(trackId, from, to)
    return this.#fragments === undefined ? places : [...places, ...(await this.#fragments.places(trackId, from, to))]
  }

  #sampleSums(trackId: number, bounds: readonly Micros[]): readonly SampleSum[] | undefined {
    if (this.#fragments !== undefined || this.tracks.find(({ id }) => id === trackId)?.kind === 'text') return undefined
    return this.#tables.sums(trackId, bounds)
  }
}

interface MovieParts {
  readonly tables: TableSamples
  readonly fragments: FileFragments | undefined
  readonly duration: Micros
  readonly notes: Notes
}

function seconds(time: Micros): string {
  return `${Math.round(time / MICROS_PER_SECOND)} s`
}
