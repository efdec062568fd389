/** The segments of one path that its recordings hold, as live viewers know them. It outlives streams; a restarted server reads it from the indexes. */
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import {
  ARCHIVE_BLOCK,
  type ArchivedBlock,
  type ArchivedSegment,
  type PackagingRun,
  type SegmentArchive,
  wallClock,
} from '../../packaging/segment-archive.ts'
import type { StoredInit } from '../../packaging/stored-segment.ts'
import type { SegmentEntry } from './recording-index.ts'
import type { SegmentCache } from './segment-cache.ts'

/** Where the bytes of a segment are. */
export interface SegmentPlace {
  /** The recording; its path is known once it is open. `undefined`: there are no bytes. */
  readonly file?: { readonly path: string | undefined } | undefined
  readonly entry: Pick<SegmentEntry, 'extents' | 'sum' | 'shift'>
  /** The bytes themselves while they are not on the disk. */
  pending: Buffer | undefined
}

interface Block extends ArchivedBlock {
  readonly segments: ArchivedSegment[]
}

interface Rendition {
  blocks: Block[]
  /** In the order of their periods. */
  readonly inits: { readonly token: string; readonly init: StoredInit }[]
}

/** Segments that are missing in a row are listed as gaps; where more are missing the window begins anew. */
const MAX_GAPS = 32
/** Clocks of two runs may disagree by so much, milliseconds. */
const MAX_OVERLAP_MS = 500
/** What is not listed any more is found for so long, or for as long as the window is. */
const MAX_UNLISTED: Micros = 600 * MICROS_PER_SECOND

export class RecordedArchive implements SegmentArchive {
  readonly #cache: SegmentCache
  readonly #windowSeconds: () => number
  readonly #renditions = new Map<string, Rendition>()
  readonly #places = new WeakMap<ArchivedSegment, SegmentPlace>()
  nextNumber = 0
  nextPeriod = 0
  firstListed = 0

  /** `windowSeconds`: how much is listed, as the settings say now. */
  constructor(cache: SegmentCache, windowSeconds: () => number) {
    this.#cache = cache
    this.#windowSeconds = windowSeconds
  }

  get oldestEpochMs(): number | undefined {
    let oldest: number | undefined
    for (const { blocks } of this.#renditions.values()) {
      const first = blocks[0]?.segments[0]
      if (first !== undefined) oldest = Math.min(oldest ?? first.run.epochMs, first.run.epochMs)
    }
    return oldest
  }

  /** Segments kept, of all renditions. */
  get size(): number {
    let size = 0
    for (const { blocks } of this.#renditions.values()) {
      for (const { segments } of blocks) size += segments.length
    }
    return size
  }

  blocks(rendition: string): readonly ArchivedBlock[] {
    return this.#renditions.get(rendition)?.blocks ?? []
  }

  find(rendition: string, token: string, number: number): ArchivedSegment | undefined {
    const blocks = this.blocks(rendition)
    const first = blocks[0]?.segments[0]?.number
    if (first === undefined || number < first) return undefined
    const block = blocks.findLast(({ segments }) => (segments[0]?.number ?? number + 1) <= number)
    const segment = block?.segments[number - (block.segments[0]?.number ?? number)]
    return segment?.run.token === token && !segment.gap ? segment : undefined
  }

  init(rendition: string, token: string, period: number): StoredInit | undefined {
    const inits = this.#renditions.get(rendition)?.inits
    return inits?.find((known) => known.token === token && known.init.period === period)?.init
  }

  async read(_rendition: string, segment: ArchivedSegment): Promise<Buffer | undefined> {
    const place = this.#places.get(segment)
    if (place === undefined) return undefined
    if (place.pending !== undefined) return place.pending
    const path = place.file?.path
    const { extents, sum, shift } = place.entry
    return path === undefined || extents.length === 0
      ? undefined
      : this.#cache.read(segment, { path, extents, sum, shift })
  }

  /** Another run begins, with a segment of this number. The renditions are made equally long before it. */
  begin(run: PackagingRun, { number, start }: { readonly number: number; readonly start: Micros }): void {
    const ends = [...this.#renditions.values()].map(({ blocks }) => endMs(blocks.at(-1)?.segments.at(-1)))
    // A clock that was set back: times in manifests would step back, which no player can follow.
    if (wallClock(run, start) + MAX_OVERLAP_MS < Math.max(Number.NEGATIVE_INFINITY, ...ends)) this.clear()
    for (const name of this.#renditions.keys()) this.#fill(name, number)
    this.nextNumber = Math.max(this.nextNumber, number)
  }

  /** The next segment of a rendition. */
  add(name: string, segment: ArchivedSegment, place: SegmentPlace): void {
    const rendition = this.#renditions.get(name) ?? { blocks: [], inits: [] }
    this.#renditions.set(name, rendition)
    this.#fill(name, segment.number)
    const { init, run } = segment
    if (init !== undefined && rendition.inits.at(-1)?.init !== init) rendition.inits.push({ token: run.token, init })
    const kept = place.entry.extents.length === 0 ? asGap(segment) : segment
    this.#places.set(kept, place)
    push(rendition, kept)
    this.nextNumber = Math.max(this.nextNumber, segment.number + 1)
    this.nextPeriod = Math.max(this.nextPeriod, segment.period + 1)
    this.#trim(rendition, kept)
  }

  /** What lies in a file, at or behind a place of it, is lost. */
  lose(file: NonNullable<SegmentPlace['file']>, from: number): void {
    for (const rendition of this.#renditions.values()) {
      for (const { segments } of rendition.blocks) {
        for (const segment of segments) {
          const place = this.#places.get(segment)
          if (place?.file === file) place.pending = undefined
        }
      }
      rendition.blocks = rendition.blocks.map((block) => {
        const lost = (segment: ArchivedSegment) => this.#isLost(segment, file, from)
        // Another block, since text was made of this one.
        return block.segments.some(lost)
          ? { segments: block.segments.map((segment) => (lost(segment) ? asGap(segment) : segment)) }
          : block
      })
    }
  }

  /** A file was deleted: what was before its end is listed no more. */
  forget(path: string): void {
    for (const rendition of this.#renditions.values()) {
      for (const { segments } of rendition.blocks) {
        for (const segment of segments) {
          if (this.#places.get(segment)?.file?.path === path)
            this.firstListed = Math.max(this.firstListed, segment.number + 1)
        }
      }
    }
  }

  /** The window begins anew; numbers go on. */
  clear(): void {
    this.#renditions.clear()
    this.firstListed = this.nextNumber
  }

  #isLost(segment: ArchivedSegment, file: SegmentPlace['file'], from: number): boolean {
    const place = this.#places.get(segment)
    if (place === undefined || place.file !== file) return false
    return place.entry.extents.some(([offset, length]) => offset + length > from)
  }

  /** Gaps for what is missing before a number. */
  #fill(name: string, number: number): void {
    const rendition = this.#renditions.get(name)
    const last = rendition?.blocks.at(-1)?.segments.at(-1)
    if (rendition === undefined || last === undefined || last.number + 1 === number) return
    if (number <= last.number || number - last.number > MAX_GAPS) {
      rendition.blocks = []
      return
    }
    for (let missing = last.number + 1, start = last.start; missing < number; missing++) {
      start += last.duration
      push(
        rendition,
        asGap({ ...last, number: missing, discontinuity: false, start, presentationStart: start, packets: 0 }),
      )
    }
  }

  #trim(rendition: Rendition, newest: ArchivedSegment): void {
    const windowMs = this.#windowSeconds() * 1_000
    const end = endMs(newest)
    for (;;) {
      const oldest = segmentAt(rendition.blocks, this.firstListed) ?? rendition.blocks[0]?.segments[0]
      if (oldest === undefined || end - endMs(oldest) <= windowMs) break
      this.firstListed = oldest.number + 1
    }
    const keptMs = windowMs + Math.min(windowMs, MAX_UNLISTED / MICROS_PER_MS)
    while (rendition.blocks.length > 1 && end - endMs(rendition.blocks[0]?.segments.at(-1)) > keptMs) {
      rendition.blocks.shift()
      const oldest = rendition.blocks[0]?.segments[0]?.period ?? 0
      while ((rendition.inits[0]?.init.period ?? oldest) < oldest) rendition.inits.shift()
    }
  }
}

function push(rendition: Rendition, segment: ArchivedSegment): void {
  const last = rendition.blocks.at(-1)
  if (last === undefined || last.segments.length >= ARCHIVE_BLOCK) rendition.blocks.push({ segments: [segment] })
  else last.segments.push(segment)
}

function segmentAt(blocks: readonly ArchivedBlock[], number: number): ArchivedSegment | undefined {
  const block = blocks.findLast(({ segments }) => (segments[0]?.number ?? number + 1) <= number)
  return block?.segments[number - (block.segments[0]?.number ?? number)]
}

function asGap(segment: ArchivedSegment): ArchivedSegment {
  return { ...segment, gap: true, byteLength: 0 }
}

function endMs(segment: ArchivedSegment | undefined): number {
  return segment === undefined ? Number.NEGATIVE_INFINITY : wallClock(segment.run, segment.start + segment.duration)
}
