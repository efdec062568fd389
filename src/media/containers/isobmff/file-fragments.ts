/** The fragments of a file: its index, made when it is first needed, places of samples, and walks. */
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'
import { KeptAnswer } from '../../kept-answer.ts'
import type { Notes } from '../../notes.ts'
import { MAX_SAMPLE_PLACES, type SamplePlace } from '../../reader.ts'
import type { Micros } from '../../time.ts'
import { type FragmentIndex, readFragment, scanFragments } from './fragment-index.ts'
import { FragmentReader, type SampleLocation } from './fragment-reader.ts'
import { FragmentSamples, lastUpTo } from './fragment-samples.ts'
import { findFragmentsEnd } from './fragment-tail.ts'
import type { Movie } from './movie.ts'
import type { WalkStart } from './table-samples.ts'

/** Samples of fragments that are kept: those of one segment are asked for track by track and viewer by viewer. */
const MAX_KEPT_SAMPLES = 1 << 16

/** What is known of the fragments of one file; serves any number of readings. */
export class FileFragments {
  readonly #source: ByteSource
  readonly #movie: Movie
  readonly #notes: Notes
  readonly #index = new KeptAnswer(() => scanFragments(this.#source, this.#movie, this.#notes))
  /** By number of the fragment, the least lately used first. */
  readonly #kept = new Map<number, readonly SampleLocation[]>()
  #keptSamples = 0

  constructor(source: ByteSource, movie: Movie, notes: Notes) {
    this.#source = source
    this.#movie = movie
    this.#notes = notes
  }

  /** No edit list cuts off a beginning that would have to be looked for. */
  get beginsAtZero(): boolean {
    return this.#movie.tracks.every(({ editTicks, timescale }) => editTicks > -timescale)
  }

  index(): Promise<FragmentIndex> {
    return this.#index.get()
  }

  /** When the last sample is over: as the movie says, else measured. */
  async end(): Promise<Micros> {
    if (this.#movie.duration > 0) return this.#movie.duration
    return (await findFragmentsEnd(this.#source, this.#movie)) ?? (await this.index()).end
  }

  async *walk(start: WalkStart): AsyncGenerator<SampleLocation> {
    const index = start.dts === Number.NEGATIVE_INFINITY ? undefined : await this.index()
    const samples = new FragmentSamples(this.#source, this.#movie, start, 0, index)
    for (let sample = await samples.next(); sample !== undefined; sample = await samples.next()) yield sample
  }

  /** Samples of a track that are decoded in `[from, to)`. */
  async places(trackId: number, from: Micros, to: Micros): Promise<readonly SamplePlace[]> {
    const index = await this.index()
    const own = index.tracks.get(trackId)
    if (own === undefined) return []
    const places: SamplePlace[] = []
    for (let i = Math.max(0, lastUpTo(own.starts, from)); i < own.starts.length; i++) {
      if ((own.starts[i] as number) >= to) break
      for (const sample of await this.#samplesOf(index, own.fragments[i] as number)) {
        const { offset, size, dts, pts, duration, key } = sample
        if (sample.movieTrack.track.id !== trackId || dts < from || dts >= to) continue
        places.push({ offset, size, dts, pts, duration, key })
        if (places.length >= MAX_SAMPLE_PLACES) return places
      }
    }
    return places
  }

  async #samplesOf({ positions, states }: FragmentIndex, number: number): Promise<readonly SampleLocation[]> {
    const position = positions[number]
    if (position === undefined) throw new FormatError('ERR_MP4_NO_MOOF', `expected a fragment ${number}, found none`)
    const samples =
      this.#kept.get(number) ??
      (await readFragment(this.#source, new FragmentReader(this.#movie, states[number]), position))?.samples ??
      []
    this.#keep(number, samples)
    return samples
  }

  #keep(number: number, samples: readonly SampleLocation[]): void {
    if (!this.#kept.delete(number)) this.#keptSamples += samples.length
    this.#kept.set(number, samples)
    for (const [oldest, { length }] of this.#kept) {
      if (this.#keptSamples <= MAX_KEPT_SAMPLES) break
      this.#kept.delete(oldest)
      this.#keptSamples -= length
    }
  }
}
