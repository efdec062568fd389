/** The samples in the tables of `moov`, of all tracks: key points, places, and walks in the order of decode times. */
import { type KeyPoint, leadingTrack, MAX_SAMPLE_PLACES, type SamplePlace, type SampleSum } from '../../reader.ts'
import { MICROS_PER_SECOND, type Micros } from '../../time.ts'
import type { SampleLocation } from './fragment-reader.ts'
import type { Movie } from './movie.ts'
import { SampleCursor } from './sample-cursor.ts'
import { isWhole, sampleSums } from './sample-sums.ts'
import { SampleTable } from './sample-table.ts'

/** Of a file: a day in which every picture of 50 a second is one has less. More are thinned out evenly. */
const MAX_KEY_POINTS = 1 << 20

/** Where a walk starts. */
export interface WalkStart {
  /** Of the leading track's packet. */
  readonly dts: Micros
  /** Ids of tracks that are given. */
  readonly tracks: ReadonlySet<number>
}

/** Never changes: any number of walks go on at the same time. */
export class TableSamples {
  readonly #tables: ReadonlyMap<number, SampleTable>
  readonly #leadId: number | undefined
  readonly #fileSize: number

  /** Throws FormatError. */
  constructor(movie: Movie, fileSize: number) {
    this.#fileSize = fileSize
    this.#tables = new Map(movie.tracks.map((track) => [track.track.id, new SampleTable(track, fileSize)]))
    this.#leadId = leadingTrack(movie.tracks.map(({ track }) => track))?.id
  }

  get isEmpty(): boolean {
    return [...this.#tables.values()].every(({ sampleCount }) => sampleCount === 0)
  }

  /** When the last sample that is in the file is over, of all tracks; and when it would be if all samples were there. */
  ends(): { readonly held: Micros; readonly told: Micros } {
    let held = 0
    let told = 0
    for (const table of this.#tables.values()) {
      held = Math.max(held, endOf(table, table.heldCount(this.#fileSize)))
      told = Math.max(told, endOf(table, table.sampleCount))
    }
    return { held, told }
  }

  /** Of the leading track; of sound, one each second. */
  keyPoints(): readonly KeyPoint[] {
    const table = this.#lead
    if (table === undefined) return []
    const points: KeyPoint[] = []
    for (const index of keyIndexes(table)) {
      const place = table.placeOf(index)
      if (place === undefined || place.offset >= this.#fileSize) continue
      points.push({ ...table.timesOf(index), position: place.offset })
    }
    return points
  }

  /**
   * Decode time of the last key sample of the leading track that is shown at `time` or before, else of the first: minus infinity, so that
   * what other tracks have before it is read too. `undefined` without any.
   */
  keyBefore(time: Micros): Micros | undefined {
    const table = this.#lead
    if (table === undefined || table.sampleCount === 0) return undefined
    let index = table.keyAt(table.lastUpTo(time))
    while (index > 0 && table.timesOf(index).pts > time) {
      const before = table.keyAt(index - 1)
      if (before >= index) break
      index = before
    }
    return index === 0 ? Number.NEGATIVE_INFINITY : table.timesOf(index).dts
  }

  /** Samples of a track that are decoded in `[from, to)`. */
  places(trackId: number, from: Micros, to: Micros): readonly SamplePlace[] {
    const table = this.#tables.get(trackId)
    if (table === undefined) return []
    const places: SamplePlace[] = []
    const cursor = new SampleCursor(table, this.#fileSize, table.firstFrom(from))
    for (let sample = cursor.next(); sample !== undefined && sample.dts < to; sample = cursor.next()) {
      const { offset, size, dts, pts, duration, key } = sample
      places.push({ offset, size, dts, pts, duration, key })
      if (places.length >= MAX_SAMPLE_PLACES) break
    }
    return places
  }

  /** What `places` gives from each of `bounds` to the next, summed up; `undefined` when not all samples are there. */
  sums(trackId: number, bounds: readonly Micros[]): readonly SampleSum[] | undefined {
    const table = this.#tables.get(trackId)
    return table !== undefined && isWhole(table, this.#fileSize) ? sampleSums(table, bounds) : undefined
  }

  /**
   * Samples of the wanted tracks in the order of their decode times. Sound goes on from `dts`, other pictures from their own key sample
   * before. Returns how many were passed over because the file does not have them.
   */
  *walk({ dts, tracks }: WalkStart): Generator<SampleLocation, number, undefined> {
    const heads: { readonly cursor: SampleCursor; next: SampleLocation | undefined }[] = []
    for (const [id, table] of this.#tables) {
      if (!tracks.has(id)) continue
      const cursor = new SampleCursor(table, this.#fileSize, this.#startOf(id, table, dts))
      heads.push({ cursor, next: cursor.next() })
    }
    for (;;) {
      let first: (typeof heads)[number] | undefined
      for (const head of heads) {
        if (head.next !== undefined && (first?.next === undefined || head.next.dts < first.next.dts)) first = head
      }
      if (first?.next === undefined) return heads.reduce((sum, { cursor }) => sum + cursor.missing, 0)
      yield first.next
      first.next = first.cursor.next()
    }
  }

  get #lead(): SampleTable | undefined {
    return this.#leadId === undefined ? undefined : this.#tables.get(this.#leadId)
  }

  #startOf(id: number, table: SampleTable, dts: Micros): number {
    const { kind } = table.movieTrack.track
    if (kind === 'text') return table.lastUpTo(dts)
    return kind === 'video' && id !== this.#leadId ? table.keyAt(table.lastUpTo(dts)) : table.firstFrom(dts)
  }
}

/** No codec takes more pictures out of order. */
const MAX_REORDERED = 16

/** When the first `count` samples are over. The last to be decoded is shown before the ones it was taken out of order for. */
function endOf(table: SampleTable, count: number): Micros {
  let end = 0
  for (let index = Math.max(0, count - MAX_REORDERED); index < count; index++) {
    end = Math.max(end, table.timesOf(index).pts + table.durationOf(index))
  }
  return end
}

function* keyIndexes(table: SampleTable): Generator<number, void, undefined> {
  const { sampleCount, boxes, movieTrack } = table
  if (movieTrack.track.kind !== 'video') {
    const { dts: start } = table.timesOf(0)
    const end = sampleCount === 0 ? start : table.timesOf(sampleCount - 1).dts
    const step = Math.max(MICROS_PER_SECOND, Math.ceil((end - start) / MAX_KEY_POINTS))
    let before = -1
    for (let time = start; time <= end; time += step) {
      const index = table.firstFrom(time)
      if (index > before && index < sampleCount) yield index
      before = index
    }
    return
  }
  const { keys } = boxes
  const count = keys?.count ?? sampleCount
  const step = Math.max(1, Math.ceil(count / MAX_KEY_POINTS))
  let before = -1
  for (let entry = 0; entry < count; entry += step) {
    const index = keys === undefined ? entry : keys.at(entry, 0) - 1
    if (index > before && index < sampleCount) yield index
    before = Math.max(before, index)
  }
}
