/** Reads where the samples of a movie fragment are and when (ISO/IEC 14496-12 section 8.8). */
import { FormatError } from '../../../errors.ts'
import type { ByteReader } from '../../bytes/byte-reader.ts'
import { type Micros, ticksToMicros } from '../../time.ts'
import { type Box, childBoxes, readFullBoxHeader } from './box.ts'
import {
  BASE_DATA_OFFSET,
  DATA_OFFSET,
  DEFAULT_BASE_IS_MOOF,
  DEFAULT_SAMPLE_DURATION,
  DEFAULT_SAMPLE_FLAGS,
  DEFAULT_SAMPLE_SIZE,
  FIRST_SAMPLE_FLAGS,
  IS_NON_SYNC,
  SAMPLE_COMPOSITION_OFFSET,
  SAMPLE_DESCRIPTION_INDEX,
  SAMPLE_DURATION,
  SAMPLE_FLAGS,
  SAMPLE_SIZE,
} from './fragment-flags.ts'
import type { Movie, MovieTrack, SampleDefaults } from './movie.ts'

/** An hour of AAC in one fragment has 170 000. Samples without fields of their own cost a fragment no bytes, so they are counted. */
export const MAX_FRAGMENT_SAMPLES = 1 << 18
/** Samples as many as that with all their fields. */
export const MAX_MOOF_BYTES = 16 * 1024 * 1024
/** 10 s of video at 200 Mbit/s. */
export const MAX_SAMPLE_DATA_BYTES = 256 * 1024 * 1024

/** A sample that was announced, and where its bytes are. */
export interface SampleLocation {
  readonly movieTrack: MovieTrack
  /** From the start of the file or stream. */
  readonly offset: number
  readonly size: number
  readonly dts: Micros
  readonly pts: Micros
  /** Until the next one of its track is decoded. */
  readonly duration: Micros
  readonly key: boolean
}

/** Reads the fragments of one movie in their order. */
export class FragmentReader {
  readonly #tracks: ReadonlyMap<number, MovieTrack>
  readonly #nextTicks: Map<number, number>
  #allTimed = true

  /** `nextTicks`: as it was, to go on from the middle of a movie. */
  constructor(movie: Movie, nextTicks: ReadonlyMap<number, number> = new Map()) {
    this.#tracks = new Map(movie.tracks.map((track) => [track.trackId, track]))
    this.#nextTicks = new Map(nextTicks)
  }

  /** By track_ID, where each track's next fragment begins when it has no `tfdt`. */
  get nextTicks(): ReadonlyMap<number, number> {
    return this.#nextTicks
  }

  /** All fragments so far have told their times themselves. */
  get allTimed(): boolean {
    return this.#allTimed
  }

  /** The samples of a `moof` that begins at `moofOffset`, in its order. Tracks that the movie does not have are left out. */
  read(moof: Box, moofOffset: number): SampleLocation[] {
    const samples: SampleLocation[] = []
    let previousEnd = moofOffset
    for (const box of childBoxes(moof)) {
      if (box.type === 'traf') previousEnd = this.#readTrack(box, moofOffset, previousEnd, samples)
    }
    return samples
  }

  /** Returns where the data of this track ends. */
  #readTrack(traf: Box, moofOffset: number, previousEnd: number, samples: SampleLocation[]): number {
    const fragment: TrackFragment = { header: undefined, baseTicks: undefined, runs: [] }
    for (const box of childBoxes(traf)) {
      if (box.type === 'tfhd') {
        fragment.header = readTrackHeader(box.body)
      } else if (box.type === 'tfdt') {
        fragment.baseTicks = readFullBoxHeader(box.body).version === 1 ? box.body.u64() : box.body.u32()
      } else if (box.type === 'trun') {
        fragment.runs.push(box.body)
      }
    }
    const { header } = fragment
    if (header === undefined)
      throw new FormatError('ERR_MP4_NO_TFHD', 'expected tfhd in traf, found none', traf.body.offset)
    const movieTrack = this.#tracks.get(header.trackId)
    if (movieTrack === undefined) return previousEnd

    this.#allTimed &&= fragment.baseTicks !== undefined
    const base = header.baseDataOffset ?? (header.baseIsMoof ? moofOffset : previousEnd)
    const cursor = { offset: base, ticks: fragment.baseTicks ?? this.#nextTicks.get(header.trackId) ?? 0 }
    for (const run of fragment.runs) readRun(run, { movieTrack, header, base, cursor, samples })
    this.#nextTicks.set(header.trackId, cursor.ticks)
    return cursor.offset
  }
}

interface TrackFragment {
  header: TrackHeader | undefined
  baseTicks: number | undefined
  readonly runs: ByteReader[]
}

interface TrackHeader {
  readonly trackId: number
  readonly baseIsMoof: boolean
  readonly baseDataOffset: number | undefined
  readonly duration: number | undefined
  readonly size: number | undefined
  readonly flags: number | undefined
}

function readTrackHeader(reader: ByteReader): TrackHeader {
  const { flags } = readFullBoxHeader(reader)
  const has = (flag: number): boolean => (flags & flag) !== 0
  const trackId = reader.u32()
  const baseDataOffset = has(BASE_DATA_OFFSET) ? reader.u64() : undefined
  if (has(SAMPLE_DESCRIPTION_INDEX)) reader.skip(4)
  return {
    trackId,
    baseIsMoof: has(DEFAULT_BASE_IS_MOOF),
    baseDataOffset,
    duration: has(DEFAULT_SAMPLE_DURATION) ? reader.u32() : undefined,
    size: has(DEFAULT_SAMPLE_SIZE) ? reader.u32() : undefined,
    flags: has(DEFAULT_SAMPLE_FLAGS) ? reader.u32() : undefined,
  }
}

interface RunContext {
  readonly movieTrack: MovieTrack
  readonly header: TrackHeader
  readonly base: number
  /** Where the next sample is, and when. */
  readonly cursor: { offset: number; ticks: number }
  readonly samples: SampleLocation[]
}

function readRun(reader: ByteReader, { movieTrack, header, base, cursor, samples }: RunContext): void {
  const at = reader.offset
  const { flags } = readFullBoxHeader(reader)
  const count = reader.u32()
  if ((flags & DATA_OFFSET) !== 0) cursor.offset = base + reader.i32()
  const firstFlags = (flags & FIRST_SAMPLE_FLAGS) === 0 ? undefined : reader.u32()
  const hasDuration = (flags & SAMPLE_DURATION) !== 0
  const hasSize = (flags & SAMPLE_SIZE) !== 0
  const hasFlags = (flags & SAMPLE_FLAGS) !== 0
  const hasOffset = (flags & SAMPLE_COMPOSITION_OFFSET) !== 0
  const entryBytes = 4 * (Number(hasDuration) + Number(hasSize) + Number(hasFlags) + Number(hasOffset))
  if (count > MAX_FRAGMENT_SAMPLES - samples.length) {
    throw new FormatError(
      'ERR_MP4_TOO_MANY_SAMPLES',
      `expected at most ${MAX_FRAGMENT_SAMPLES} samples in a fragment, found ${samples.length + count}`,
      at,
    )
  }
  if (count * entryBytes > reader.remaining) {
    throw new FormatError(
      'ERR_MP4_ENTRY_COUNT',
      `expected ${count} entries in trun, found ${reader.remaining} bytes`,
      at,
    )
  }
  const { timescale, editTicks, decodeTicks } = movieTrack
  const defaults: SampleDefaults = {
    duration: header.duration ?? movieTrack.defaults.duration,
    size: header.size ?? movieTrack.defaults.size,
    flags: header.flags ?? movieTrack.defaults.flags,
  }
  for (let i = 0; i < count; i++) {
    const duration = hasDuration ? reader.u32() : defaults.duration
    const size = hasSize ? reader.u32() : defaults.size
    const ownFlags = hasFlags ? reader.u32() : defaults.flags
    // Signed in version 0 too: some writers put negative offsets there, and none has real ones of 2^31.
    const compositionOffset = hasOffset ? reader.i32() : 0
    const sampleFlags = i === 0 && firstFlags !== undefined ? firstFlags : ownFlags
    if (size > MAX_SAMPLE_DATA_BYTES || cursor.offset < 0) {
      throw new FormatError(
        'ERR_MP4_SAMPLE_RANGE',
        `expected a sample in the file, found ${size} bytes at ${cursor.offset}`,
        at,
      )
    }
    const ticks = cursor.ticks + editTicks
    const dts = ticksToMicros(ticks - decodeTicks, timescale)
    if (!Number.isSafeInteger(dts)) {
      throw new FormatError('ERR_MP4_TIME', `expected a time of at most 285 years, found tick ${cursor.ticks}`, at)
    }
    samples.push({
      movieTrack,
      offset: cursor.offset,
      size,
      dts,
      pts: ticksToMicros(ticks + compositionOffset, timescale),
      duration: ticksToMicros(ticks - decodeTicks + duration, timescale) - dts,
      key: movieTrack.track.kind !== 'video' || (sampleFlags & IS_NON_SYNC) === 0,
    })
    cursor.offset += size
    cursor.ticks += duration
  }
}
