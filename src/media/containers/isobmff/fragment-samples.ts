/** The samples of all fragments of a file in the order of their decode times. */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import type { Micros } from '../../time.ts'
import type { BlockReader } from './block-reader.ts'
import { MAX_SCANNED_BOXES, readTopLevelHeader } from './box-scan.ts'
import { FragmentReader, MAX_MOOF_BYTES, type SampleLocation } from './fragment-reader.ts'
import type { Movie } from './movie.ts'

/** Samples that wait for those of another track; more are not loaded, so a track that has ended does not pull in the whole file. */
const MAX_WAITING = 1 << 16

/** Reads fragments ahead until each track has a sample, so that tracks in fragments of their own come interleaved. */
export class FragmentSamples {
  readonly #blocks: BlockReader
  readonly #movie: Movie
  readonly #queues: Map<number, Queue>
  readonly #leadId: number | undefined
  #reader: FragmentReader
  #position = 0
  #ended = false
  #waiting = 0
  /** Samples before it are left out after a seek. */
  #from: Micros = Number.NEGATIVE_INFINITY

  constructor(blocks: BlockReader, movie: Movie) {
    this.#blocks = blocks
    this.#movie = movie
    this.#reader = new FragmentReader(movie)
    this.#queues = new Map(movie.tracks.map(({ trackId }) => [trackId, { samples: [], first: 0 }]))
    this.#leadId = (movie.tracks.find(({ track }) => track.kind === 'video') ?? movie.tracks[0])?.trackId
  }

  /** The next sample, or `undefined` at the end: the last fragment whose `moof` and `mdat` are whole. */
  async next(): Promise<SampleLocation | undefined> {
    while (!this.#ended && this.#waiting < MAX_WAITING && this.#anyEmpty()) await this.#load()
    let first: Queue | undefined
    for (const queue of this.#queues.values()) {
      const head = queue.samples[queue.first]
      if (head === undefined) continue
      const best = first?.samples[first.first]
      if (best === undefined || head.dts < best.dts) first = queue
    }
    const sample = first?.samples[first.first]
    if (first === undefined || sample === undefined) return undefined
    if (++first.first === first.samples.length) {
      first.samples = []
      first.first = 0
    }
    this.#waiting--
    return sample
  }

  /** Goes back to the first fragment. */
  rewind(): void {
    this.#moveTo(0, Number.NEGATIVE_INFINITY)
  }

  /** Makes the last key sample at or before `time` the next one. False, and at the start, when no fragment has one. */
  async seek(time: Micros): Promise<boolean> {
    this.rewind()
    let key: Micros | undefined
    // Where to start for each track: its last fragment that begins at or before the time.
    const starts = new Map<number, number>()
    while (!this.#ended) {
      const { position, samples } = await this.#readFragment()
      const firsts = new Set<number>()
      let past = false
      for (const { movieTrack, dts, key: isKey } of samples) {
        const { trackId } = movieTrack
        if (dts > time) {
          past ||= trackId === this.#leadId
          continue
        }
        if (trackId === this.#leadId) {
          if (!isKey) continue
          key = dts
          starts.set(trackId, position)
        } else if (!firsts.has(trackId)) {
          firsts.add(trackId)
          starts.set(trackId, position)
        }
      }
      if (past) break
    }
    if (key === undefined) {
      this.rewind()
      return false
    }
    this.#moveTo(Math.min(...starts.values()), key)
    return true
  }

  #moveTo(position: number, from: Micros): void {
    for (const queue of this.#queues.values()) {
      queue.samples = []
      queue.first = 0
    }
    this.#reader = new FragmentReader(this.#movie)
    this.#position = position
    this.#ended = false
    this.#waiting = 0
    this.#from = from
  }

  #anyEmpty(): boolean {
    for (const { samples } of this.#queues.values()) if (samples.length === 0) return true
    return false
  }

  async #load(): Promise<void> {
    for (const sample of (await this.#readFragment()).samples) {
      if (sample.dts < this.#from) continue
      this.#queues.get(sample.movieTrack.trackId)?.samples.push(sample)
      this.#waiting++
    }
  }

  /** The samples of the next fragment that are whole in the file, and where it begins. */
  async #readFragment(): Promise<{ position: number; samples: SampleLocation[] }> {
    for (let count = 0; count < MAX_SCANNED_BOXES; count++) {
      const position = this.#position
      const box = await this.#nextBox(position)
      if (box === undefined) {
        this.#ended = true
        return { position, samples: [] }
      }
      const { type, start, end } = box
      this.#position = end
      if (type !== 'moof') continue
      if (end - start > MAX_MOOF_BYTES) {
        throw new FormatError(
          'ERR_MP4_BOX_TOO_LARGE',
          `expected moof of at most ${MAX_MOOF_BYTES} bytes, found ${end - start}`,
          position,
        )
      }
      const moof = { type, body: new ByteReader(await this.#blocks.read(start, end - start), start), depth: 0 }
      const samples = this.#reader
        .read(moof, position)
        .filter(({ offset, size }) => size > 0 && offset + size <= this.#blocks.size)
      return { position, samples }
    }
    throw new FormatError(
      'ERR_MP4_NO_MOOF',
      `expected moof among ${MAX_SCANNED_BOXES} boxes, found none`,
      this.#position,
    )
  }

  /** A recording that was cut off ends with a box that is not whole. */
  async #nextBox(position: number): ReturnType<typeof readTopLevelHeader> {
    try {
      return await readTopLevelHeader(this.#blocks, position)
    } catch (error) {
      if (error instanceof FormatError && error.code === 'ERR_MP4_BOX_SIZE') return undefined
      throw error
    }
  }
}

interface Queue {
  samples: SampleLocation[]
  /** Index of the next one. */
  first: number
}
