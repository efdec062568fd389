/** Where the fragments of a file are and what each begins with: what `sidx` and `mfra` would tell, and decode times besides. */
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import type { Notes } from '../../notes.ts'
import { type KeyPoint, leadingTrack } from '../../reader.ts'
import { MICROS_PER_SECOND, type Micros } from '../../time.ts'
import { MAX_BOX_HEADER_BYTES, readBoxHeader } from './box.ts'
import { MAX_SCANNED_BOXES } from './box-scan.ts'
import { FragmentReader, MAX_MOOF_BYTES, type SampleLocation } from './fragment-reader.ts'
import type { Movie } from './movie.ts'

/** Fragments that are found: twelve days of one a second. */
export const MAX_FRAGMENTS = 1 << 20
/** Enough for the `moof` of a second of sound and picture and the header behind it. */
const PROBE_BYTES = 4096

/** Where a track has samples: for each fragment with some, in the order of the file. */
export interface TrackFragments {
  /** Decode time of the first sample in it. */
  readonly starts: Micros[]
  /** Index of the fragment. */
  readonly fragments: number[]
}

/** What one reading of all `moof` headers tells. */
export interface FragmentIndex {
  /** Offsets of `moof`. */
  readonly positions: readonly number[]
  /** What a reader must know before each fragment, where they do not tell their times themselves. */
  readonly states: readonly (ReadonlyMap<number, number> | undefined)[]
  /** By id of the track. */
  readonly tracks: ReadonlyMap<number, TrackFragments>
  readonly keyPoints: readonly KeyPoint[]
  /** Of the last sample that is in the file, of all tracks. */
  readonly end: Micros
}

/** A `moof` that was read. */
export interface Fragment {
  readonly position: number
  /** Where the next box begins. */
  readonly next: number
  /** Those that are whole in the file. */
  readonly samples: readonly SampleLocation[]
}

/** Reads the first fragment at or behind `position`; `undefined` where there is none. */
export async function readFragment(
  source: ByteSource,
  reader: FragmentReader,
  position: number,
): Promise<Fragment | undefined> {
  let at = position
  for (let count = 0; count < MAX_SCANNED_BOXES; count++) {
    const available = source.size - at
    // Less than a header at the end is what a recording that was cut off leaves, as is a box that is not whole.
    if (available < 8) return undefined
    const probe = await source.read(at, Math.min(PROBE_BYTES, available))
    const moof = firstMoof(probe, at)
    at += moof.before
    if (moof.size === undefined) {
      if (moof.before === 0) return undefined
      continue
    }
    if (moof.size > MAX_MOOF_BYTES) {
      throw new FormatError(
        'ERR_MP4_BOX_TOO_LARGE',
        `expected moof of at most ${MAX_MOOF_BYTES} bytes, found ${moof.size}`,
        at,
      )
    }
    const bytes = await rangeOf(source, probe.subarray(moof.before), at, moof.size)
    if (bytes.byteLength < moof.size) return undefined
    const body = new ByteReader(bytes.subarray(moof.headerBytes), at + moof.headerBytes)
    const samples = reader
      .read({ type: 'moof', body, depth: 0 }, at)
      .filter((sample) => sample.size > 0 && sample.offset + sample.size <= source.size)
    return { position: at, next: at + moof.size, samples }
  }
  return undefined
}

/** How many bytes of whole boxes stand before the first `moof` whose header is in `probe`, and its size; without a size: go on behind them. */
function firstMoof(probe: Uint8Array, at: number): { before: number; size?: number; headerBytes: number } {
  let before = 0
  while (before < probe.byteLength) {
    const header = readBoxHeader(probe.subarray(before, before + MAX_BOX_HEADER_BYTES), at + before)
    if (header === undefined) break
    // A box up to the end of the file holds no other.
    const { type, size = Number.POSITIVE_INFINITY, headerBytes } = header
    if (type === 'moof') return { before, size, headerBytes }
    before += size
  }
  return { before, headerBytes: 0 }
}

/** `size` bytes from `at`, of which `known` are the first; fewer at the end of the source. */
async function rangeOf(source: ByteSource, known: Uint8Array, at: number, size: number): Promise<Uint8Array> {
  return size <= known.byteLength ? known.subarray(0, size) : source.read(at, Math.min(size, source.size - at))
}

/** Reads all `moof` of a file. A fragment that is broken ends the index, with a note. */
export async function scanFragments(source: ByteSource, movie: Movie, notes: Notes): Promise<FragmentIndex> {
  const lead = leadingTrack(movie.tracks.map(({ track }) => track))
  const reader = new FragmentReader(movie)
  const positions: number[] = []
  const states: (ReadonlyMap<number, number> | undefined)[] = []
  const tracks = new Map<number, TrackFragments>()
  const keyPoints: KeyPoint[] = []
  let end: Micros = 0
  try {
    for (let at = 0; positions.length < MAX_FRAGMENTS; ) {
      const state = new Map(reader.nextTicks)
      const fragment = await readFragment(source, reader, at)
      if (fragment === undefined) break
      at = fragment.next
      const number = positions.length
      positions.push(fragment.position)
      states.push(reader.allTimed ? undefined : state)
      const begun = new Set<number>()
      for (const { movieTrack, dts, pts, duration, key } of fragment.samples) {
        const { id } = movieTrack.track
        if (!begun.has(id)) {
          begun.add(id)
          let own = tracks.get(id)
          if (own === undefined) tracks.set(id, (own = { starts: [], fragments: [] }))
          own.starts.push(dts)
          own.fragments.push(number)
        }
        end = Math.max(end, pts + duration)
        if (id !== lead?.id || !key) continue
        const last = keyPoints.at(-1)
        if (lead.kind === 'video' || last === undefined || dts >= last.dts + MICROS_PER_SECOND) {
          keyPoints.push({ dts, pts, position: fragment.position })
        }
      }
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    notes.add(`The file is broken behind ${Math.round(end / MICROS_PER_SECOND)} s: ${error.message}`)
  }
  return { positions, states, tracks, keyPoints, end }
}
