/** Reads what whole fragments a recording has, for the part of it that its index does not know. */
import { FormatError } from '../../errors.ts'
import type { ByteSource } from '../../media/byte-source.ts'
import { ByteReader } from '../../media/bytes/byte-reader.ts'
import { MAX_BOX_HEADER_BYTES, readBoxHeader } from '../../media/containers/isobmff/box.ts'
import { FragmentReader, MAX_MOOF_BYTES, type SampleLocation } from '../../media/containers/isobmff/fragment-reader.ts'
import { MAX_MOOV_BYTES, type Movie, readInitSegment } from '../../media/containers/isobmff/movie.ts'

/** `moof` and `mdat`, with the `styp` before them. */
export interface ScannedFragment {
  readonly offset: number
  readonly end: number
  /** Begins a segment: `styp` comes first. */
  readonly segmentStart: boolean
  /** track_ID. */
  readonly trackId: number
  /** Not empty; times are those of the movie. */
  readonly samples: readonly SampleLocation[]
}

/** `ftyp` and `moov` of a recording. */
export interface RecordingHeader {
  readonly movie: Movie
  readonly bytes: Uint8Array
}

/** Two tracks in parts of a tenth of a second, for a week. */
const MAX_FRAGMENTS = 1 << 24
const MAX_FTYP_BYTES = 4096

/** The first two boxes of a recording. Throws FormatError when they are not whole or not of a movie of fragments. */
export async function readRecordingHeader(source: ByteSource): Promise<RecordingHeader> {
  const ftyp = await readHeader(source, 0)
  if (ftyp?.type !== 'ftyp' || ftyp.size > MAX_FTYP_BYTES) throw noHeader()
  const moov = await readHeader(source, ftyp.size)
  if (moov?.type !== 'moov' || moov.size > MAX_MOOV_BYTES || ftyp.size + moov.size > source.size) throw noHeader()
  const bytes = await source.read(0, ftyp.size + moov.size)
  const movie = readInitSegment(bytes)
  if (!movie.fragmented) throw noHeader()
  return { movie, bytes }
}

/** All whole fragments from `from`, where a box begins, up to the first that is not: the torn end, or what comes behind the last one. */
export async function* scanFragments(
  source: ByteSource,
  movie: Movie,
  from: number,
): AsyncGenerator<ScannedFragment, void, undefined> {
  const reader = new FragmentReader(movie)
  let at = from
  for (let count = 0; count < MAX_FRAGMENTS; count++) {
    const fragment = await readFragment(source, reader, at)
    if (fragment === undefined) return
    yield fragment
    at = fragment.end
  }
}

async function readFragment(
  source: ByteSource,
  reader: FragmentReader,
  offset: number,
): Promise<ScannedFragment | undefined> {
  try {
    const first = await readHeader(source, offset)
    const segmentStart = first?.type === 'styp'
    const moofOffset = segmentStart ? offset + first.size : offset
    const moof = segmentStart ? await readHeader(source, moofOffset) : first
    if (moof?.type !== 'moof' || moof.size > MAX_MOOF_BYTES) return undefined
    const mdatOffset = moofOffset + moof.size
    const mdat = await readHeader(source, mdatOffset)
    const end = mdatOffset + (mdat?.size ?? 0)
    if (mdat?.type !== 'mdat' || end > source.size) return undefined
    const start = moofOffset + moof.headerBytes
    const body = new ByteReader(await source.read(start, moof.size - moof.headerBytes), start)
    const samples = reader.read({ type: 'moof', body, depth: 0 }, moofOffset)
    const [sample] = samples
    if (sample === undefined) return undefined
    return { offset, end, segmentStart, trackId: sample.movieTrack.trackId, samples }
  } catch (error) {
    // Bytes that are no fragment are where the recording ends.
    if (error instanceof FormatError) return undefined
    throw error
  }
}

interface Header {
  readonly type: string
  readonly size: number
  readonly headerBytes: number
}

async function readHeader(source: ByteSource, offset: number): Promise<Header | undefined> {
  const head = await source.read(offset, MAX_BOX_HEADER_BYTES)
  const header = readBoxHeader(head, offset)
  if (header?.size === undefined) return undefined
  return { type: header.type, size: header.size, headerBytes: header.headerBytes }
}

function noHeader(): FormatError {
  return new FormatError('ERR_RECORDING_NO_HEADER', 'expected ftyp and moov of a movie of fragments, found others', 0)
}
