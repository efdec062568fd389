/** A walk over the samples of a file's fragments in the order of their decode times. */
import type { ByteSource } from '../../byte-source.ts'
import { leadingTrack } from '../../reader.ts'
import type { Micros } from '../../time.ts'
import { type FragmentIndex, readFragment } from './fragment-index.ts'
import { FragmentReader, type SampleLocation } from './fragment-reader.ts'
import type { Movie } from './movie.ts'
import type { WalkStart } from './table-samples.ts'

/** Samples that wait for those of another track; more are not loaded, so a track that has ended does not pull in the whole file. */
const MAX_WAITING = 1 << 16

/** Reads fragments ahead until each track of sound and picture has a sample, so that tracks in fragments of their own come interleaved. */
export class FragmentSamples {
  readonly #source: ByteSource
  readonly #reader: FragmentReader
  readonly #queues: ReadonlyMap<number, Queue>
  readonly #leadId: number | undefined
  readonly #dts: Micros
  #position: number
  #ended = false
  #waiting = 0

  /** Without an `index` it starts with the first fragment at or behind `position`. */
  constructor(source: ByteSource, movie: Movie, start: WalkStart, position: number, index?: FragmentIndex) {
    const place = index === undefined ? undefined : startIn(index, start)
    this.#source = source
    this.#reader = new FragmentReader(movie, place?.state)
    this.#queues = new Map(
      movie.tracks
        .filter(({ track }) => start.tracks.has(track.id))
        .map(({ track }) => [track.id, { isText: track.kind === 'text', samples: [], first: 0 }]),
    )
    this.#leadId = leadingTrack(movie.tracks.map(({ track }) => track))?.id
    this.#dts = start.dts
    this.#position = place?.position ?? position
  }

  /** The next sample, or `undefined` at the end: the last fragment whose `moof` is whole. Throws FormatError where one is broken. */
  async next(): Promise<SampleLocation | undefined> {
    while (!this.#ended && this.#waiting < MAX_WAITING && this.#isAnyEmpty()) await this.#load()
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

  #isAnyEmpty(): boolean {
    // Of text there may be none for minutes.
    let isAny = false
    for (const { isText, samples } of this.#queues.values()) {
      if (samples.length > 0) isAny = true
      else if (!isText) return true
    }
    return !isAny
  }

  async #load(): Promise<void> {
    const fragment = await readFragment(this.#source, this.#reader, this.#position)
    if (fragment === undefined) {
      this.#ended = true
      return
    }
    this.#position = fragment.next
    for (const sample of fragment.samples) {
      const queue = this.#queues.get(sample.movieTrack.track.id)
      if (queue === undefined || this.#isBefore(sample)) continue
      queue.samples.push(sample)
      this.#waiting++
    }
  }

  /** Other pictures come from the beginning of their fragment, where their key sample is. */
  #isBefore({ movieTrack, dts, duration }: SampleLocation): boolean {
    const { id, kind } = movieTrack.track
    if (kind === 'text') return dts + duration <= this.#dts
    return dts < this.#dts && (kind === 'audio' || id === this.#leadId)
  }
}

interface Queue {
  readonly isText: boolean
  samples: SampleLocation[]
  /** Index of the next one. */
  first: number
}

/** The fragment from which all wanted tracks have what they need. */
function startIn({ tracks, positions, states }: FragmentIndex, { tracks: wanted, dts }: WalkStart) {
  let first = Number.POSITIVE_INFINITY
  for (const id of wanted) {
    const own = tracks.get(id)
    if (own !== undefined) first = Math.min(first, own.fragments[Math.max(0, lastUpTo(own.starts, dts))] ?? 0)
  }
  const position = positions[first]
  return position === undefined ? undefined : { position, state: states[first] }
}

/** Index of the last value at or below `limit` in a list that rises; -1 when there is none. */
export function lastUpTo(values: readonly number[], limit: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((values[middle] as number) <= limit) low = middle + 1
    else high = middle
  }
  return low - 1
}
