/** What on-demand manifests and segments are made of, whether a file is cut as it is or encoded for browsers while it is watched. */
import type { ByteSource } from '../../media/byte-source.ts'
import type { ContentProtection } from '../../media/manifests/dash/model.ts'
import type { Key } from '../../media/manifests/hls/model.ts'
import type { Micros } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'
import type { KeyLines } from '../protection/signalling.ts'

/** One segment of every rendition: its place in time is the same in all of them. */
export interface SegmentSpan {
  readonly start: Micros
  readonly duration: Micros
  /** Does not begin with a key picture: only where these are too far apart for one segment. */
  readonly dependent?: true
  /** The rendition has nothing there: a sound that begins later than the picture. */
  readonly gap?: true
}

/** One track as it is offered: a quality of the picture or a language of the sound. */
export interface OnDemandRendition {
  /** `video-1`, `audio-101`; unique in its presentation, and the beginning of the names of its files. */
  readonly name: string
  readonly track: Track
  /** Bits a second: the largest of any segment, and of all together. */
  readonly peakBps: number
  readonly averageBps: number
  /** Frames a second, where known. */
  readonly frameRate?: number
  /** Its own segments, where they are not those of all: other key pictures, gaps, an earlier end. */
  readonly segments?: readonly SegmentSpan[]
  /** Pictures that can be shown alone for fast seeking: the start of each, in order. Empty where there are none. */
  readonly keyPictures: readonly SegmentSpan[]
  /** Bits a second of the key pictures, where it is known. */
  readonly keyPictureRate?: Bandwidth
}

/** Bits a second. */
export interface Bandwidth {
  readonly peakBps: number
  readonly averageBps: number
}

/** Bytes of a file that are read when they are sent. */
export interface FileRange {
  readonly source: ByteSource
  readonly offset: number
  readonly length: number
}

/** Bytes in memory are shared: never written to. */
export type SegmentPiece = Uint8Array | FileRange

/** Bytes of a segment, in pieces that are sent one after the other. */
export interface SegmentBody {
  readonly pieces: readonly SegmentPiece[]
  readonly byteLength: number
}

/** What manifests say of encrypted renditions. */
export interface PresentationProtection {
  /** Descriptors of the adaptation set that a rendition is in. */
  contentProtections(rendition: OnDemandRendition): readonly ContentProtection[]
  /** EXT-X-KEY lines of its segments, for players that read such ones. */
  hlsKeys(rendition: OnDemandRendition, lines: KeyLines): readonly Key[]
}

/**
 * A file, or several qualities of one, as browsers can play it. The same names stand for the same bytes for ever: `token` is made of the files'
 * size and time of change and of all settings that decide the bytes.
 */
export interface Presentation {
  /** `vod/film.mp4`. */
  readonly path: string
  /** 12 hexadecimal digits. */
  readonly token: string
  readonly duration: Micros
  /** Of the newest file. */
  readonly modified: Date
  readonly segments: readonly SegmentSpan[]
  readonly renditions: readonly OnDemandRendition[]
  /** A segment that is made anew may have other bytes: an encoder does not come to the same twice. */
  readonly encoded?: true
  /** What players must know of its encryption; left out: it is in the clear. */
  readonly protection?: PresentationProtection
  /** Initialization of a rendition: `moov` of its track. */
  init(rendition: OnDemandRendition): Promise<SegmentBody>
  /** Segment by its place in the rendition's `segments`. Throws HeadendError when it cannot be made. */
  segment(rendition: OnDemandRendition, index: number, signal: AbortSignal): Promise<SegmentBody>
  /** Key picture by its place in `keyPictures`. */
  keyPicture(rendition: OnDemandRendition, index: number, signal: AbortSignal): Promise<SegmentBody>
  /** Frees what it holds; whoever opened it calls it once. */
  close(): void
}

/** The segments of a rendition. */
export function segmentsOf(
  presentation: Pick<Presentation, 'segments'>,
  rendition: OnDemandRendition,
): readonly SegmentSpan[] {
  return rendition.segments ?? presentation.segments
}
