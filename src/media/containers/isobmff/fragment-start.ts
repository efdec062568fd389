/** How the fragments of a movie begin: recordings of live streams go on with the clock of their stream. */
import type { ByteSource } from '../../byte-source.ts'
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from '../../time.ts'
import { readFragment } from './fragment-index.ts'
import { FragmentReader } from './fragment-reader.ts'
import type { Movie } from './movie.ts'

/** Fragments that are looked at: each track may have its own. */
const MAX_FRAGMENTS = 8
/** A file that begins later has a clock of its own; below, tracks begin apart. */
const MIN_SHIFT: Micros = 500 * MICROS_PER_MS

/**
 * The movie with times that count from its first picture or sound, and decode times that are early enough for negative composition
 * offsets. Throws FormatError for a first fragment that is broken.
 */
export async function fromZero(source: ByteSource, movie: Movie): Promise<Movie> {
  const starts = await findStarts(source, movie)
  const first = Math.min(...[...starts.values()].map(({ pts }) => pts))
  const shift = Number.isFinite(first) && first >= MIN_SHIFT ? first : 0
  const tracks = movie.tracks.map((track) => ({
    ...track,
    // Whole numbers of ticks, so that times stay on the track's own grid.
    editTicks: track.editTicks - Math.round((shift * track.timescale) / MICROS_PER_SECOND),
    decodeTicks: Math.round(((starts.get(track.track.id)?.early ?? 0) * track.timescale) / MICROS_PER_SECOND),
  }))
  return { ...movie, tracks }
}

interface Start {
  /** Of the first sample that is shown. */
  pts: Micros
  /** By how much a sample is shown before it is decoded. */
  early: Micros
}

/** By id of the track; of text, which comes and goes, none. */
async function findStarts(source: ByteSource, movie: Movie): Promise<ReadonlyMap<number, Start>> {
  const reader = new FragmentReader(movie)
  const wanted = movie.tracks.filter(({ textForm }) => textForm === undefined).length
  const starts = new Map<number, Start>()
  for (let position = 0, count = 0; count < MAX_FRAGMENTS && starts.size < wanted; count++) {
    const fragment = await readFragment(source, reader, position)
    if (fragment === undefined) break
    position = fragment.next
    for (const { movieTrack, pts, dts } of fragment.samples) {
      if (movieTrack.textForm !== undefined) continue
      const { id } = movieTrack.track
      const start = starts.get(id) ?? { pts, early: 0 }
      starts.set(id, { pts: Math.min(start.pts, pts), early: Math.max(start.early, dts - pts) })
    }
  }
  return starts
}
