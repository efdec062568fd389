/** One MP4 file of a recording while it grows: the header of all tracks, then the parts of all segments as they come, and at last an index. */
import { crc32 } from 'node:zlib'
import { withDecodeTime } from '../../media/containers/isobmff/decode-time.ts'
import { withDuration, writeInitSegment } from '../../media/containers/isobmff/init-segment.ts'
import { trackTimescale } from '../../media/containers/isobmff/movie-boxes.ts'
import { type RandomAccessPoint, writeRandomAccess } from '../../media/containers/isobmff/random-access.ts'
import { SEGMENT_TYPE_BYTES } from '../../media/containers/isobmff/segment-boxes.ts'
import { MICROS_PER_MS, type Micros, microsToTicks } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'
import { renditionName } from '../../packaging/names.ts'
import { sameDecoder } from '../../packaging/same-decoder.ts'
import type { PackagingRun } from '../../packaging/segment-archive.ts'
import type { StoredInit, StoredSegment } from '../../packaging/stored-segment.ts'
import type { Extent, SegmentEntry } from './recording-index.ts'
import type { RecordingWriter } from './recording-writer.ts'

/** What is written of a segment so far. */
export interface OpenSegment {
  readonly track: Track
  readonly number: number
  readonly file: RecordingFile
  extents: Extent[]
  sum: number
  /** A part of it is missing. */
  lost: boolean
}

/** A complete segment, and when it was. */
export interface SegmentFacts {
  readonly stored: StoredSegment
  readonly periodStart: Micros
  /** Milliseconds since 1970 of its first picture, by the wall clock. */
  readonly wallMs: number
}

export interface RecordingFileOptions {
  /** Path of the stream. */
  readonly path: string
  readonly run: PackagingRun
  /** Number of the first segment. */
  readonly firstNumber: number
  /** Stream time of that. */
  readonly start: Micros
  /** Milliseconds since 1970 of that, by the wall clock. */
  readonly startedAt: number
  readonly writer: RecordingWriter
  /** Where it is, once it is open. */
  readonly location: { readonly path: string | undefined }
}

/** Parts that wait for the header, bytes: other tracks have begun by then, or are not waited for. */
const MAX_HELD_BYTES = 4 * 1024 * 1024

export class RecordingFile {
  readonly options: RecordingFileOptions
  readonly #tracks = new Map<number, Track>()
  readonly #points = new Map<number, RandomAccessPoint[]>()
  readonly #inits = new Set<string>()
  #header: Uint8Array | undefined
  #held: { readonly segment: OpenSegment; readonly bytes: Uint8Array }[] = []
  #heldBytes = 0
  #end: Micros
  /** Segments that are not complete. */
  #open = 0

  constructor(options: RecordingFileOptions) {
    this.options = options
    this.#end = options.start
  }

  /** Bytes. */
  get size(): number {
    return this.options.writer.size
  }

  /** Stream time that it reaches. */
  get end(): Micros {
    return this.#end
  }

  get failed(): boolean {
    return this.options.writer.failed
  }

  /** Segments of it are not complete. */
  get busy(): boolean {
    return this.#open > 0
  }

  /** Whether a track's segments can be in this file: it is in the header, or there is none yet. */
  takes(track: Track): boolean {
    const known = this.#tracks.get(track.id)
    return known === undefined ? this.#header === undefined : sameDecoder(known, track)
  }

  /** A segment begins. */
  open(init: StoredInit, number: number): OpenSegment {
    const { track, period, bytes } = init
    this.#tracks.set(track.id, track)
    const rendition = renditionName(track)
    if (!this.#inits.has(`${rendition} ${period}`)) {
      this.#inits.add(`${rendition} ${period}`)
      this.options.writer.log({ type: 'init', rendition, period, bytes: bytes.toString('base64') })
    }
    this.#open++
    return { track, number, file: this, extents: [], sum: 0, lost: false }
  }

  /** A part of a segment of this file. `expected`: tracks that the stream has, without which no header is written at first. */
  add(segment: OpenSegment, bytes: Uint8Array, expected: readonly Track[]): void {
    if (segment.lost || !this.options.writer.accepts(bytes.byteLength + this.#heldBytes)) {
      segment.lost = true
      return
    }
    if (this.#header !== undefined) {
      this.#append(segment, bytes)
      return
    }
    this.#held.push({ segment, bytes })
    this.#heldBytes += bytes.byteLength
    if (this.#heldBytes > MAX_HELD_BYTES || expected.every(({ id }) => this.#tracks.has(id))) this.#begin()
  }

  /** A segment is complete. `done` is called when it is on the disk. Returns what the index tells of it. */
  close(open: OpenSegment, { stored, periodStart, wallMs }: SegmentFacts, done: () => void): SegmentEntry {
    this.#open--
    if (this.#header === undefined && this.#held.length > 0) this.#begin()
    const shift = this.#shiftOf(open.track)
    const entry = { ...segmentEntry(open, { stored, periodStart, wallMs }), shift }
    const [first] = entry.extents
    if (first !== undefined && stored.independent) {
      const points = this.#points.get(open.track.id) ?? []
      this.#points.set(open.track.id, points)
      const ticks = microsToTicks(stored.presentationStart, trackTimescale(open.track)) - shift
      points.push({ ticks, moofOffset: first[0] + SEGMENT_TYPE_BYTES })
    }
    this.#end = Math.max(this.#end, stored.start + stored.duration)
    this.options.writer.log(entry, done)
    return entry
  }

  /** A segment will not be told of: what is there of it stays in the file. */
  abandon(): void {
    this.#open--
  }

  /** Completes the file. Resolves with whether anything is in it. */
  async finish(): Promise<boolean> {
    const { writer, start, startedAt } = this.options
    const header = this.#header
    if (header === undefined) {
      await writer.close()
      return false
    }
    const duration = this.#end - start
    const tracks = [...this.#points].map(([trackId, points]) => ({ trackId, points }))
    const tail = writeRandomAccess(tracks)
    const durationMs = Math.round(duration / MICROS_PER_MS)
    await writer.finish({
      header: withDuration(header, duration),
      tail,
      entry: { type: 'end', bytes: writer.size + tail.byteLength, durationMs, endedAt: startedAt + durationMs },
    })
    return true
  }

  /** Files begin at zero, whatever the time of the stream is: players believe the last time in a file to be its length. */
  #shiftOf(track: Track): number {
    return microsToTicks(this.options.start, trackTimescale(track))
  }

  #begin(): void {
    const { writer } = this.options
    const tracks = [...this.#tracks.values()].toSorted((left, right) => left.id - right.id)
    this.#header = writeInitSegment(tracks, { duration: 0 })
    writer.append(this.#header)
    const held = this.#held
    this.#held = []
    this.#heldBytes = 0
    for (const { segment, bytes } of held) this.#append(segment, bytes)
  }

  #append(segment: OpenSegment, bytes: Uint8Array): void {
    const pieces = withDecodeTime(bytes, -this.#shiftOf(segment.track))
    const offset = this.options.writer.append(...pieces)
    const last = segment.extents.at(-1)
    if (last !== undefined && last[0] + last[1] === offset) {
      segment.extents[segment.extents.length - 1] = [last[0], last[1] + bytes.byteLength]
    } else segment.extents.push([offset, bytes.byteLength])
    for (const piece of pieces) segment.sum = crc32(piece, segment.sum)
  }
}

/** Without extents when not all of it was written. */
function segmentEntry(open: OpenSegment, { stored, periodStart, wallMs }: SegmentFacts): Omit<SegmentEntry, 'shift'> {
  const { number, period, discontinuity, start, presentationStart, duration, packets, independent, key } = stored
  return {
    type: 'segment',
    rendition: renditionName(open.track),
    number,
    period,
    periodStart,
    discontinuity,
    start,
    presentationStart,
    duration,
    packets,
    independent,
    ...(key && { keyStretch: { period: key.period, start: key.start } }),
    wallMs: Math.round(wallMs),
    sum: open.lost ? 0 : open.sum,
    extents: open.lost ? [] : open.extents,
  }
}
