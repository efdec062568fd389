/** What a DASH media presentation description says (ISO/IEC 23009-1 section 5), as plain immutable objects. */

/**
 * Spans are seconds, moments are milliseconds since 1970, as far as the name does not say otherwise. Optional properties are absent,
 * never `undefined`: parsing what was formatted gives an equal object.
 */
export interface Mpd {
  readonly type: 'static' | 'dynamic'
  readonly id?: string
  /** Separated by commas. */
  readonly profiles: string
  readonly availabilityStartTime?: number
  readonly publishTime?: number
  readonly mediaPresentationDuration?: number
  readonly minimumUpdatePeriod?: number
  readonly minBufferTime: number
  readonly timeShiftBufferDepth?: number
  readonly suggestedPresentationDelay?: number
  readonly maxSegmentDuration?: number
  readonly baseUrls: readonly BaseUrl[]
  /** Where to fetch the next version of this document. */
  readonly locations: readonly string[]
  readonly serviceDescriptions: readonly ServiceDescription[]
  readonly periods: readonly Period[]
  readonly utcTimings: readonly Descriptor[]
}

/** What relative URLs below it stand on. */
export interface BaseUrl {
  readonly url: string
  readonly serviceLocation?: string
  /** Seconds before its end that a segment can be asked for; Infinity is written INF. */
  readonly availabilityTimeOffset?: number
  readonly availabilityTimeComplete?: boolean
}

/** How the provider wants it played. */
export interface ServiceDescription {
  readonly id?: string
  readonly scopes: readonly Descriptor[]
  readonly latency?: Latency
  readonly playbackRate?: PlaybackRate
}

/** Milliseconds. */
export interface Latency {
  /** Id of the ProducerReferenceTime it is measured against. */
  readonly referenceId?: number
  readonly targetMs?: number
  readonly maxMs?: number
  readonly minMs?: number
}

/** 1 is normal speed. */
export interface PlaybackRate {
  readonly max?: number
  readonly min?: number
}

/** Any element that is a scheme and a value: Role, UTCTiming, AudioChannelConfiguration … */
export interface Descriptor {
  readonly schemeIdUri: string
  readonly value?: string
}

/** A stretch of the presentation with one set of tracks. */
export interface Period {
  readonly id?: string
  readonly start?: number
  readonly duration?: number
  readonly baseUrls: readonly BaseUrl[]
  readonly segmentTemplate?: SegmentTemplate
  readonly adaptationSets: readonly AdaptationSet[]
}

/** What an adaptation set may say once for all its representations. */
export interface RepresentationCommon {
  readonly mimeType?: string
  /** RFC 6381. */
  readonly codecs?: string
  readonly width?: number
  readonly height?: number
  /** `25` or `30000/1001`. */
  readonly frameRate?: string
  readonly audioSamplingRate?: number
  /** Pixel aspect ratio, `1:1`. */
  readonly sar?: string
  readonly startWithSap?: number
  readonly audioChannelConfigurations: readonly Descriptor[]
  readonly contentProtections: readonly ContentProtection[]
  readonly essentialProperties: readonly Descriptor[]
  readonly supplementalProperties: readonly Descriptor[]
  readonly producerReferenceTimes: readonly ProducerReferenceTime[]
  readonly baseUrls: readonly BaseUrl[]
  readonly segmentTemplate?: SegmentTemplate
}

/** Representations of one content that a player may switch between. */
export interface AdaptationSet extends RepresentationCommon {
  readonly id?: string
  /** `video`, `audio`, `text`. */
  readonly contentType?: string
  /** BCP 47. */
  readonly lang?: string
  readonly par?: string
  readonly segmentAlignment?: boolean
  readonly maxWidth?: number
  readonly maxHeight?: number
  readonly maxFrameRate?: string
  readonly labels: readonly string[]
  readonly accessibilities: readonly Descriptor[]
  readonly roles: readonly Descriptor[]
  readonly representations: readonly Representation[]
}

/** One quality of one content. */
export interface Representation extends RepresentationCommon {
  readonly id: string
  /** Bits a second. */
  readonly bandwidth: number
}

/** One DRM system, or the generic descriptor of the encryption scheme. */
export interface ContentProtection extends Descriptor {
  /** UUID text; cenc:default_KID. */
  readonly defaultKid?: string
  readonly robustness?: string
  /** A whole pssh box, base64; cenc:pssh. */
  readonly pssh?: string
  /** A PlayReady object, base64; mspr:pro. */
  readonly pro?: string
  /** dashif:laurl. */
  readonly licenseUrl?: string
}

/** Says which wall-clock time a media time was made at. */
export interface ProducerReferenceTime {
  readonly id: number
  readonly type?: string
  readonly inband?: boolean
  readonly wallClockTime: number
  /** Ticks of the segment template's timescale. */
  readonly presentationTime: number
  readonly utcTiming?: Descriptor
}

/** How the URLs and times of segments are computed. */
export interface SegmentTemplate {
  /** Ticks a second; 1 when absent. */
  readonly timescale?: number
  readonly presentationTimeOffset?: number
  /** Ticks of each segment, when there is no timeline. */
  readonly duration?: number
  readonly startNumber?: number
  readonly endNumber?: number
  readonly initialization?: string
  readonly media?: string
  readonly availabilityTimeOffset?: number
  readonly availabilityTimeComplete?: boolean
  readonly timeline?: readonly TimelineEntry[]
}

/** An S element: a run of segments of equal duration, in ticks. */
export interface TimelineEntry {
  /** Start of the first; directly after the entry before when absent. */
  readonly time?: number
  readonly duration: number
  /** How many more follow the first; -1: up to the next entry or the end of the period. */
  readonly repeat?: number
}
