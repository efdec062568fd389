/** The recordings of a path between two moments: which files, and which segments of them. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { UnavailableError } from '../../errors.ts'
import type { Movie } from '../../media/containers/isobmff/movie.ts'
import type { Track } from '../../media/track.ts'
import { sameDecoder } from '../../packaging/same-decoder.ts'
import { readRecordingHeader } from './fragment-scan.ts'
import { fileSource, readIndexFile } from './index-file.ts'
import type { FileEntry, SegmentEntry } from './recording-index.ts'
import { indexName } from './recording-name.ts'
import { type FoundRecording, findRecordings } from './recordings.ts'

/** What is wanted. */
export interface CutRange {
  /** Milliseconds since 1970. */
  readonly from: number
  readonly to: number
}

/** One recording with what is wanted of it. */
export interface CutFile {
  readonly path: string
  readonly entry: FileEntry
  readonly movie: Movie
  /** Rendition that decides where to cut. */
  readonly lead: string
  /** In the order of their numbers, those of the leading rendition before the others; all that may be needed. */
  readonly segments: readonly SegmentEntry[]
}

export interface CutSource {
  readonly files: readonly CutFile[]
  /** Of the output; ids are the track_IDs of the files. */
  readonly tracks: readonly Track[]
}

/**
 * Reads the indexes. Throws UnavailableError ERR_RECORDING_NOT_FOUND when nothing was recorded then, ERR_RECORDING_TRACKS_CHANGED when the
 * codecs are not the same all the time.
 */
export async function findCut(root: string, path: string, range: CutRange): Promise<CutSource> {
  const files: CutFile[] = []
  for (const found of await findRecordings(root, path)) {
    const file = found.parsed.format === 'mp4' ? await readCutFile(found, range) : undefined
    if (file !== undefined) files.push(file)
  }
  if (files.length === 0) {
    const between = `${new Date(range.from).toISOString()} and ${new Date(range.to).toISOString()}`
    throw new UnavailableError('ERR_RECORDING_NOT_FOUND', `nothing of ${path} was recorded as MP4 between ${between}`)
  }
  return { files, tracks: tracksOf(files) }
}

async function readCutFile(found: FoundRecording, { from, to }: CutRange): Promise<CutFile | undefined> {
  const { entries } = await readIndexFile(join(found.folder, indexName(found.name)))
  const [entry] = entries
  if (entry?.type !== 'file' || entry.startedAt >= to) return undefined
  const whole = entries.filter((one) => one.type === 'segment' && one.extents.length > 0) as SegmentEntry[]
  const path = join(found.folder, found.name)
  const handle = await open(path, 'r')
  try {
    const { movie } = await readRecordingHeader(fileSource(handle, found.bytes))
    const leading = movie.tracks.find(({ track }) => track.kind === 'video') ?? movie.tracks[0]
    const lead = leading === undefined ? '' : `${leading.track.kind}-${leading.trackId}`
    const own = whole.filter(({ rendition }) => rendition === lead)
    // A picture before the first moment may be the one to begin with.
    const first = own.findLast(({ wallMs, independent }) => wallMs <= from && independent) ?? own[0]
    const wanted = own.filter(({ number, wallMs, duration }) => {
      return number >= (first?.number ?? 0) && wallMs < to && wallMs + duration / 1_000 > from
    })
    const numbers = new Set(wanted.map(({ number }) => number))
    if (numbers.size === 0) return undefined
    const segments = whole
      .filter(({ number }) => numbers.has(number))
      .toSorted(
        (left, right) =>
          left.number - right.number || Number(right.rendition === lead) - Number(left.rendition === lead),
      )
    return { path, entry, movie, lead, segments }
  } finally {
    await handle.close()
  }
}

/** All tracks of all files; one id is one decoder. */
function tracksOf(files: readonly CutFile[]): Track[] {
  const tracks = new Map<number, Track>()
  for (const { movie, entry } of files) {
    for (const { track, trackId } of movie.tracks) {
      const known = tracks.get(trackId)
      if (known !== undefined && !sameDecoder(known, track)) {
        const at = new Date(entry.startedAt).toISOString()
        throw new UnavailableError(
          'ERR_RECORDING_TRACKS_CHANGED',
          `the codecs change at ${at}: cut what is before that and what is behind it into files of their own`,
        )
      }
      if (known === undefined) tracks.set(trackId, { ...track, id: trackId })
    }
  }
  return [...tracks.values()].toSorted((left, right) => left.id - right.id)
}
