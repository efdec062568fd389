/** Completes recordings that were not: a torn end is cut off, and what the index does not know is found in the recording itself. */
import { constants } from 'node:fs'
import { type FileHandle, open, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { FormatError } from '../../errors.ts'
import { withDuration } from '../../media/containers/isobmff/init-segment.ts'
import type { MovieTrack } from '../../media/containers/isobmff/movie.ts'
import { writeRandomAccess } from '../../media/containers/isobmff/random-access.ts'
import { SEGMENT_TYPE_BYTES } from '../../media/containers/isobmff/segment-boxes.ts'
import { MICROS_PER_MS, microsToTicks } from '../../media/time.ts'
import { completeAsf } from './asf-completion.ts'
import { type RecordingHeader, readRecordingHeader, type ScannedFragment, scanFragments } from './fragment-scan.ts'
import { fileSource, readIndexFile } from './index-file.ts'
import {
  type Extent,
  type FileEntry,
  formatIndexEntry,
  type IndexContent,
  type IndexEntry,
  type SegmentEntry,
} from './recording-index.ts'
import { indexName, type RecordingName } from './recording-name.ts'

/**
 * `complete`: it was. `recovered`: it is now. `removed`: it held no fragment. `foreign`: not a recording of ours, and left as it is.
 */
export type RecoveryResult = 'complete' | 'recovered' | 'removed' | 'foreign'

/** Which recording. */
export interface RecoveryTarget {
  readonly folder: string
  readonly name: string
  readonly parsed: RecordingName
  /** Path of the stream, where the index does not tell. */
  readonly path: string
}

const READ_WRITE = constants.O_RDWR | (constants.O_NOFOLLOW ?? 0)

/** Must not be called for a recording that grows. Rejects when the disk refuses; the next try finds the same recording. */
export async function recover(target: RecoveryTarget): Promise<RecoveryResult> {
  const { folder, name, parsed } = target
  const index = join(folder, indexName(name))
  const content = await readIndexFile(index)
  const file = await open(join(folder, name), READ_WRITE)
  try {
    const { size } = await file.stat()
    const last = content.entries.at(-1)
    if (last?.type === 'end' && last.bytes === size) return 'complete'
    const known = content.entries[0]?.type === 'file' ? content.entries[0] : undefined
    if (parsed.format === 'asf') {
      const entries = await completeAsf(file, size, known ?? fallback(target))
      if (entries !== undefined) await replaceIndex(index, entries)
      if (entries !== undefined) return 'recovered'
    } else {
      const header = await readHeader(file, size)
      if (header !== undefined && header !== 'foreign') {
        const entries = await completeMp4({ file, size, header, content, known, target })
        if (entries !== undefined) await replaceIndex(index, entries)
        if (entries !== undefined) return 'recovered'
      }
      if (header === 'foreign' || known === undefined) return 'foreign'
    }
    if (known === undefined) return 'foreign'
  } finally {
    await file.close()
  }
  await rm(join(folder, name), { force: true })
  await rm(index, { force: true })
  return 'removed'
}

/** `undefined`: the header is not whole, so nothing is behind it either. */
async function readHeader(file: FileHandle, size: number): Promise<RecordingHeader | 'foreign' | undefined> {
  try {
    const header = await readRecordingHeader(fileSource(file, size))
    withDuration(header.bytes, 0)
    return header
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    return error.code === 'ERR_MP4_NO_MEHD' ? 'foreign' : undefined
  }
}

interface Incomplete {
  readonly file: FileHandle
  readonly size: number
  readonly header: RecordingHeader
  readonly content: IndexContent
  readonly known: FileEntry | undefined
  readonly target: RecoveryTarget
}

/** Returns the entries of the whole index; `undefined`: there is no fragment. */
async function completeMp4(input: Incomplete): Promise<readonly IndexEntry[] | undefined> {
  const { file, size, header, content, target } = input
  const { movie, bytes } = header
  const fileEntry = input.known ?? fallback(target)
  const kept = content.entries.filter(
    (entry) => entry.type === 'init' || (entry.type === 'segment' && isInFile(entry, size)),
  )
  const indexed = kept.filter((entry) => entry.type === 'segment')
  const tail = await readTail(input, indexed)
  const segments: SegmentEntry[] = [...indexed]
  for (const segment of tail.segments) {
    const entry = foundEntry(segment, { fileEntry, before: segments })
    segments.push({ ...entry, sum: await sumOf(file, entry) })
  }
  if (!segments.some(({ extents }) => extents.length > 0)) return undefined

  const end = Math.max(...segments.map((entry) => entry.start + entry.duration))
  const durationMs = Math.round((end - fileEntry.start) / MICROS_PER_MS)
  const randomAccess = writeRandomAccess(movie.tracks.map((track) => pointsOf(track, segments)))
  await file.truncate(tail.end)
  await file.write(randomAccess, 0, randomAccess.byteLength, tail.end)
  const complete = withDuration(bytes, end - fileEntry.start)
  await file.write(complete, 0, complete.byteLength, 0)
  await file.datasync()
  const inits = kept.filter((entry) => entry.type === 'init')
  const total = tail.end + randomAccess.byteLength
  const last = { type: 'end', bytes: total, durationMs, endedAt: fileEntry.startedAt + durationMs } as const
  return [fileEntry, ...inits, ...segments, last]
}

/** What is known without an index: the name tells when it began. */
function fallback({ path, parsed }: RecoveryTarget): FileEntry {
  const { startedAt, format } = parsed
  return { type: 'file', version: 1, path, format, run: { token: '', epochMs: startedAt }, start: 0, startedAt }
}

function isInFile({ extents }: SegmentEntry, size: number): boolean {
  return extents.every(([offset, length]) => offset + length <= size)
}

/** Fragments of one segment that the index does not tell of. */
interface FoundSegment {
  readonly rendition: string
  readonly fragments: ScannedFragment[]
}

/** Scans from where the first rendition's known segments end. */
async function readTail({ file, size, header }: Incomplete, indexed: readonly SegmentEntry[]) {
  const { movie, bytes } = header
  const ends = movie.tracks.map((track) =>
    indexed.reduce((last, { rendition, extents }) => {
      const [offset, length] = extents.at(-1) ?? [0, 0]
      return rendition === nameOf(track) ? Math.max(last, offset + length) : last
    }, bytes.byteLength),
  )
  const from = Math.min(...ends)
  const known = indexed.flatMap(({ extents }) => extents).filter(([offset, length]) => offset + length > from)
  const open = new Map<string, FoundSegment>()
  const segments: FoundSegment[] = []
  let end = from
  for await (const fragment of scanFragments(fileSource(file, size), movie, from)) {
    end = fragment.end
    if (known.some(([offset, length]) => fragment.offset >= offset && fragment.offset < offset + length)) continue
    const track = movie.tracks.find(({ trackId }) => trackId === fragment.trackId)
    if (track === undefined) continue
    const rendition = nameOf(track)
    let segment = open.get(rendition)
    if (segment === undefined || fragment.segmentStart) {
      segment = { rendition, fragments: [] }
      open.set(rendition, segment)
      segments.push(segment)
    }
    segment.fragments.push(fragment)
  }
  return { end, segments }
}

function foundEntry(
  { rendition, fragments }: FoundSegment,
  { fileEntry, before }: { readonly fileEntry: FileEntry; readonly before: readonly SegmentEntry[] },
): SegmentEntry {
  const own = before.findLast((entry) => entry.rendition === rendition)
  const near = own ?? before.at(-1)
  const samples = fragments.flatMap((fragment) => fragment.samples)
  const [first] = samples
  const start = (first?.dts ?? 0) + fileEntry.start
  const presentationStart = (first?.pts ?? 0) + fileEntry.start
  return {
    type: 'segment',
    rendition,
    number: own === undefined ? (before[0]?.number ?? fileEntry.firstNumber ?? 0) : own.number + 1,
    period: near?.period ?? 0,
    periodStart: near?.periodStart ?? fileEntry.start,
    discontinuity: false,
    start: Math.max(0, start),
    presentationStart: Math.max(0, presentationStart),
    duration: samples.reduce((sum, sample) => sum + sample.duration, 0),
    packets: samples.length,
    independent: first?.key ?? false,
    ...guessedKey(near),
    wallMs: Math.round(fileEntry.startedAt + (presentationStart - fileEntry.start) / MICROS_PER_MS),
    shift: microsToTicks(fileEntry.start, samples[0]?.movieTrack.timescale ?? 1),
    sum: 0,
    extents: fragments.reduce<Extent[]>((extents, { offset, end }) => {
      const last = extents.at(-1)
      if (last !== undefined && last[0] + last[1] === offset) extents[extents.length - 1] = [last[0], end - last[0]]
      else extents.push([offset, end - offset])
      return extents
    }, []),
  }
}

/** Where no segment is known, neither is its number, nor whether its path was protected: it must not go out encrypted as another one went out. */
function guessedKey(near: SegmentEntry | undefined): Pick<SegmentEntry, 'keyStretch'> {
  const keyStretch = near === undefined ? { period: 0, start: 0 } : near.keyStretch
  return keyStretch === undefined ? {} : { keyStretch: { ...keyStretch, guessed: true } }
}

async function sumOf(file: FileHandle, { extents }: SegmentEntry): Promise<number> {
  let sum = 0
  for (const [offset, length] of extents) {
    const { buffer } = await file.read(Buffer.allocUnsafeSlow(length), 0, length, offset)
    sum = crc32(buffer, sum)
  }
  return sum
}

function pointsOf(track: MovieTrack, segments: readonly SegmentEntry[]) {
  const points = segments
    .filter(({ rendition, independent, extents }) => rendition === nameOf(track) && independent && extents.length > 0)
    .map(({ presentationStart, extents, shift }) => ({
      ticks: microsToTicks(presentationStart, track.timescale) - shift,
      moofOffset: (extents[0]?.[0] ?? 0) + SEGMENT_TYPE_BYTES,
    }))
  return { trackId: track.trackId, points }
}

/** As the packager names it: the track_ID is the id of the track in its stream. */
function nameOf({ track, trackId }: MovieTrack): string {
  return `${track.kind}-${trackId}`
}

async function replaceIndex(path: string, entries: readonly IndexEntry[]): Promise<void> {
  const draft = `${path}.new`
  await writeFile(draft, entries.map(formatIndexEntry).join(''), { mode: 0o640 })
  await rename(draft, path)
}
