/** Segments of a live path that are older than those in memory: what a recording keeps for those who want to go back. */
import { MICROS_PER_MS, type Micros } from '../media/time.ts'
import type { SegmentKey } from './protection/stream-protection.ts'
import type { SegmenterResult } from './segmenter.ts'
import type { StoredInit, StoredRendition, StoredSegment } from './stored-segment.ts'

/** One packaging of one stream, from which names and times of segments are made. A path has another one each time it is published anew. */
export interface PackagingRun {
  readonly token: string
  /** Milliseconds since 1970 of stream time zero. */
  readonly epochMs: number
}

/** A complete segment of which no bytes are in memory. `parts` is empty and `bytes` undefined. */
export interface ArchivedSegment extends StoredSegment {
  readonly run: PackagingRun
  /** Stream time at which its period starts. */
  readonly periodStart: Micros
  /** Which key viewers got it under, where it is kept in the clear; `undefined`: it was live when its path was not protected. */
  readonly keyStretch?: KeyStretch | undefined
}

/** What tells the keys of a run apart. */
export interface KeyStretch extends Pick<SegmentKey, 'period' | 'start'> {
  /** It was found again after a crash: whether it went out just so, and under this key, is not known. */
  readonly guessed?: true
}

/** Neighbours, so that what is made of them for a playlist can be kept. */
export interface ArchivedBlock {
  /** Consecutive numbers, oldest first; never changes once there are `ARCHIVE_BLOCK` of them. */
  readonly segments: readonly ArchivedSegment[]
}

/** Segments of a full block. */
export const ARCHIVE_BLOCK = 64

/** Of one path. It outlives streams and their packagers. */
export interface SegmentArchive {
  /** Where the segments and periods of the next run go on, so that numbers never go back. */
  readonly nextNumber: number
  readonly nextPeriod: number
  /** Epoch of the oldest run that is listed; `undefined`: there is none. */
  readonly oldestEpochMs: number | undefined
  /** Number of the first segment that manifests list: what is older is found, and no more listed. */
  readonly firstListed: number
  /** Numbers are consecutive over all blocks of a rendition. */
  blocks(rendition: string): readonly ArchivedBlock[]
  /** A segment by its name; `undefined`: not kept (any more). */
  find(rendition: string, token: string, number: number): ArchivedSegment | undefined
  /** `keyPeriod`: of a protected path. */
  init(rendition: string, token: string, period: number, keyPeriod?: number): StoredInit | undefined
  /** The bytes as they were when the segment was live. `undefined`: they are gone, or not what they were. */
  read(rendition: string, segment: ArchivedSegment): Promise<Buffer | undefined>
}

/** Takes the results of a stream's segmenter in their order, in the publisher's turn: it must not wait. */
export interface SegmentSink {
  add(result: SegmenterResult): void
  /** The stream is over, or cannot be packaged. */
  end(): void
}

/** What a playlist lists of the archive. */
export interface ListedBlocks {
  readonly count: number
  readonly first: ArchivedSegment
  /** In order; the first and the last may be a part of a block. */
  readonly blocks: readonly ArchivedBlock[]
}

/** The segments of a rendition that are to be listed and come right before `number`. `undefined`: none does. */
export function archivedBefore(
  archive: SegmentArchive | undefined,
  { name }: Pick<StoredRendition, 'name'>,
  number: number,
): ListedBlocks | undefined {
  if (archive === undefined) return undefined
  const listed: ArchivedBlock[] = []
  let count = 0
  for (const block of archive.blocks(name)) {
    const part = partOf(block, archive.firstListed, number)
    if (part === undefined) continue
    listed.push(part)
    count += part.segments.length
  }
  const first = listed[0]?.segments[0]
  // A playlist without one of its segments would give all others wrong numbers.
  return first === undefined || first.number + count !== number ? undefined : { count, first, blocks: listed }
}

/** The block itself where all of it is wanted, so that it is known again. */
function partOf(block: ArchivedBlock, from: number, to: number): ArchivedBlock | undefined {
  const first = block.segments[0]?.number
  if (first === undefined) return undefined
  const start = Math.max(0, from - first)
  const end = Math.min(block.segments.length, to - first)
  if (start >= end) return undefined
  return start === 0 && end === block.segments.length ? block : { segments: block.segments.slice(start, end) }
}

/** Milliseconds since 1970 of a stream time. */
export function wallClock({ epochMs }: PackagingRun, time: Micros): number {
  return epochMs + time / MICROS_PER_MS
}
