/** What an HLS playlist says (RFC 8216bis section 4), as plain immutable objects. Times are seconds, as in the format. */

/** Optional properties are absent, never `undefined`: parsing what was formatted gives an equal object. */
export interface MediaPlaylist {
  readonly type: 'media'
  readonly version: number
  /** Seconds, a whole number. */
  readonly targetDuration: number
  readonly independentSegments?: true
  readonly start?: StartPoint
  readonly serverControl?: ServerControl
  /** EXT-X-PART-INF: longest duration of a part. */
  readonly partTarget?: number
  /** Number of the first segment, whether listed or skipped. */
  readonly mediaSequence: number
  readonly discontinuitySequence: number
  readonly playlistType?: 'EVENT' | 'VOD'
  readonly iFramesOnly?: true
  /** Makes it a delta update: so many segments are left out before the first of `segments`. */
  readonly skip?: Skip
  readonly dateRanges: readonly DateRange[]
  readonly segments: readonly Segment[]
  /** What is known of the segment after the last one: at the live edge, its parts so far. */
  readonly openSegment?: SegmentHead
  readonly preloadHints: readonly PreloadHint[]
  readonly renditionReports: readonly RenditionReport[]
  /** EXT-X-ENDLIST: nothing more will be added. */
  readonly ended: boolean
}

/** EXT-X-START: where to begin playing. */
export interface StartPoint {
  /** From the beginning, or from the end when negative. */
  readonly timeOffset: number
  readonly precise?: true
}

/** EXT-X-SERVER-CONTROL: what the server can do and how far players stay behind. */
export interface ServerControl {
  readonly canBlockReload?: true
  readonly canSkipUntil?: number
  readonly canSkipDateRanges?: true
  readonly partHoldBack?: number
  readonly holdBack?: number
}

/** EXT-X-SKIP. */
export interface Skip {
  readonly skippedSegments: number
  readonly recentlyRemovedDateRanges?: readonly string[]
}

/** What can be known of a segment before it is complete. */
export interface SegmentHead {
  readonly discontinuity?: true
  /** EXT-X-MAP in force: the initialization section. */
  readonly map?: InitializationSection
  /** EXT-X-KEY tags in force, one for each key format. */
  readonly keys?: readonly Key[]
  /** Milliseconds since 1970 of the first sample, where the playlist says it at this segment. */
  readonly programDateTime?: number
  readonly gap?: true
  /** EXT-X-BITRATE in force, kilobits a second; once given it can change but not end. */
  readonly bitrate?: number
  readonly parts: readonly Part[]
}

/** A complete segment. */
export interface Segment extends SegmentHead {
  readonly duration: number
  readonly title?: string
  readonly uri: string
  readonly byteRange?: ByteRange
}

/** EXT-X-PART: a piece of a segment that can be fetched by itself. */
export interface Part {
  readonly duration: number
  readonly uri: string
  readonly independent?: true
  readonly byteRange?: ByteRange
  readonly gap?: true
}

/** Bytes of a resource. */
export interface ByteRange {
  readonly length: number
  readonly offset: number
}

/** EXT-X-MAP. */
export interface InitializationSection {
  readonly uri: string
  readonly byteRange?: ByteRange
}

/** EXT-X-KEY and EXT-X-SESSION-KEY. */
export interface Key {
  /** `AES-128`, `SAMPLE-AES`, `SAMPLE-AES-CTR` … `NONE` is said by the absence of keys. */
  readonly method: string
  readonly uri: string
  /** Hexadecimal with 0x, as written. */
  readonly iv?: string
  /** `identity` when absent. */
  readonly keyFormat?: string
  readonly keyFormatVersions?: string
}

/** EXT-X-DATERANGE. */
export interface DateRange {
  readonly id: string
  readonly class?: string
  /** Milliseconds since 1970. */
  readonly startDate?: number
  readonly cue?: string
  readonly endDate?: number
  readonly duration?: number
  readonly plannedDuration?: number
  /** Hexadecimal with 0x, as written. */
  readonly scte35Cmd?: string
  readonly scte35Out?: string
  readonly scte35In?: string
  readonly endOnNext?: true
  /** `X-…` attributes; written as quoted strings. */
  readonly clientAttributes?: Readonly<Record<string, string>>
}

/** EXT-X-PRELOAD-HINT: what comes next, to be asked for ahead. */
export interface PreloadHint {
  readonly type: 'PART' | 'MAP'
  readonly uri: string
  readonly byteRangeStart?: number
  readonly byteRangeLength?: number
}

/** EXT-X-RENDITION-REPORT: how far another playlist of the same presentation is. */
export interface RenditionReport {
  readonly uri: string
  readonly lastMsn?: number
  readonly lastPart?: number
}

/** The choice of variants and renditions; optional properties are absent, never `undefined`. */
export interface MultivariantPlaylist {
  readonly type: 'multivariant'
  readonly version: number
  readonly independentSegments?: true
  readonly start?: StartPoint
  readonly sessionKeys: readonly Key[]
  readonly renditions: readonly Rendition[]
  readonly variants: readonly Variant[]
  readonly iFrameVariants: readonly IFrameVariant[]
}

/** EXT-X-MEDIA. */
export interface Rendition {
  readonly type: 'AUDIO' | 'VIDEO' | 'SUBTITLES' | 'CLOSED-CAPTIONS'
  readonly groupId: string
  readonly name: string
  /** Absent when the media is in the variant's own playlist. */
  readonly uri?: string
  readonly language?: string
  readonly associatedLanguage?: string
  readonly default?: true
  readonly autoselect?: true
  readonly forced?: true
  readonly instreamId?: string
  readonly bitDepth?: number
  readonly sampleRate?: number
  readonly characteristics?: string
  readonly channels?: string
}

interface VariantCommon {
  /** Bits a second: peak. */
  readonly bandwidth: number
  readonly averageBandwidth?: number
  /** RFC 6381, separated by commas. */
  readonly codecs?: string
  readonly supplementalCodecs?: string
  readonly resolution?: Resolution
  readonly videoRange?: string
  readonly hdcpLevel?: string
  readonly score?: number
  readonly stableVariantId?: string
  readonly pathwayId?: string
  /** Group id of its VIDEO renditions. */
  readonly video?: string
  /** Not in the RFC, but shown by players as the name of a quality. */
  readonly name?: string
  readonly uri: string
}

/** EXT-X-STREAM-INF. */
export interface Variant extends VariantCommon {
  readonly frameRate?: number
  readonly audio?: string
  readonly subtitles?: string
  /** Group id, or `NONE`. */
  readonly closedCaptions?: string
}

/** EXT-X-I-FRAME-STREAM-INF. */
export interface IFrameVariant extends VariantCommon {}

/** Pixels. */
export interface Resolution {
  readonly width: number
  readonly height: number
}
