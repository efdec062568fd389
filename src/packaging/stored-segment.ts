/** Segments and parts as the store keeps them and its readers see them. */
import type { Micros } from '../media/time.ts'
import type { Track } from '../media/track.ts'
import type { SegmentKey } from './protection/stream-protection.ts'
import type { SegmenterResult } from './segmenter.ts'

/** One CMAF chunk. */
export interface StoredPart {
  readonly start: Micros
  readonly presentationStart: Micros
  readonly duration: Micros
  readonly independent: boolean
  /** A chunk of its segment. Shared: never written to. */
  readonly bytes: Buffer
}

/** What a decoder needs before the segments of a period. */
export interface StoredInit {
  readonly period: number
  readonly track: Track
  readonly bytes: Buffer
  /** Of segments under this key only; `undefined`: it is in the clear. */
  readonly key?: SegmentKey | undefined
  /** What an encrypted one was made of, for those who keep streams in the clear. */
  readonly clear?: StoredInit | undefined
}

/** What a store takes: results of the segmenter, and what encryption adds to them. */
export type StoredResult = SegmenterResult & Pick<StoredInit, 'key' | 'clear'>

/** One segment of one rendition. Readers see it grow; what is there never changes. */
export interface StoredSegment {
  readonly number: number
  readonly period: number
  /** First of a period that another one came before. */
  readonly discontinuity: boolean
  /** Decode time of its first packet; where the leading track's segment starts while it has none. */
  readonly start: Micros
  /** Presentation time of its first packet. */
  readonly presentationStart: Micros
  readonly duration: Micros
  readonly packets: number
  readonly init: StoredInit | undefined
  /** `undefined`: it is in the clear. */
  readonly key?: SegmentKey | undefined
  /** Decoding can start with it. */
  readonly independent: boolean
  /** Empty again once the parts are too old to be listed. */
  readonly parts: readonly StoredPart[]
  readonly complete: boolean
  /** Complete, without any packet. */
  readonly gap: boolean
  readonly byteLength: number
  /** All parts in a row, once complete. */
  readonly bytes: Buffer | undefined
}

/** One track. */
export interface StoredRendition {
  readonly name: string
  /** As it is now. */
  readonly track: Track
  readonly inits: readonly StoredInit[]
  /** Consecutive numbers; all but the last are complete. */
  readonly segments: readonly StoredSegment[]
  /** Counts changes. */
  readonly version: number
}

/** A segment while the store works on it. */
export type MutableSegment = { -readonly [Key in keyof StoredSegment]: StoredSegment[Key] } & { parts: StoredPart[] }

/** An open segment without parts, after what the rendition has, or else after the period `before`. */
export function newSegment(
  rendition: StoredRendition,
  { number, period, start, key }: StoredResult & { type: 'open' },
  before: number | undefined,
): MutableSegment {
  const periodBefore = rendition.segments.at(-1)?.period ?? before
  return {
    number,
    period,
    discontinuity: periodBefore !== undefined && periodBefore !== period,
    start,
    presentationStart: start,
    duration: 0,
    packets: 0,
    init: rendition.inits.at(-1),
    key,
    independent: true,
    parts: [],
    complete: false,
    gap: false,
    byteLength: 0,
    bytes: undefined,
  }
}

/** Makes the parts of a complete segment views of its bytes. */
export function place(segment: MutableSegment, bytes: Buffer): void {
  segment.bytes = bytes
  let offset = 0
  segment.parts = segment.parts.map((part) => {
    const end = offset + part.bytes.byteLength
    const placed = { ...part, bytes: bytes.subarray(offset, end) }
    offset = end
    return placed
  })
}

/** The same memory. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
