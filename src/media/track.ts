/** A track: one elementary stream and what a decoder must know of it. */

/** What a track carries. */
export type TrackKind = 'video' | 'audio' | 'data' | 'text'

/** Video codecs that are carried. */
export type VideoCodec = 'h264' | 'h265' | 'av1' | 'vp8' | 'vp9' | WindowsMediaVideoCodec
/** What Windows Media encoders made, oldest first in each line; `vc1` is the advanced profile, FourCC `WVC1`. */
export type WindowsMediaVideoCodec = 'msmpeg4v2' | 'msmpeg4v3' | 'wmv1' | 'wmv2' | 'wmv3' | 'vc1'
/** Audio codecs that are carried. */
export type AudioCodec = 'aac' | 'opus' | 'mp3' | 'ac3' | 'eac3' | 'flac' | WindowsMediaAudioCodec
/** Windows Media Audio 7 (`wma1`), 8 and 9 (`wma2`), and its professional, lossless and voice codecs. */
export type WindowsMediaAudioCodec = 'wma1' | 'wma2' | 'wmapro' | 'wmalossless' | 'wmavoice'
/** `amf0-data`: script data as an RTMP or FLV publisher sent it. `asf-command`: script commands as an ASF stream carries them. */
export type DataCodec = 'amf0-data' | 'asf-command'
/** Subtitles and captions, whatever their form in the source: each packet is the text of one WebVTT cue. */
export type TextCodec = 'webvtt'
/** Any codec that is carried. */
export type Codec = VideoCodec | AudioCodec | DataCodec | TextCodec

/** Colour description, from a codec configuration or from Enhanced RTMP `colorInfo`. Values are the code points of ISO/IEC 23091-2. */
export interface ColorInfo {
  readonly bitDepth?: number
  readonly primaries?: number
  readonly transfer?: number
  readonly matrix?: number
  readonly fullRange?: boolean
  /** Content light level, cd/m². */
  readonly contentLight?: { readonly maxCll: number; readonly maxFall: number }
  /** Mastering display: CIE 1931 xy chromaticities 0 to 1, luminance in cd/m². */
  readonly mastering?: {
    readonly red: readonly [number, number]
    readonly green: readonly [number, number]
    readonly blue: readonly [number, number]
    readonly whitePoint: readonly [number, number]
    readonly maxLuminance: number
    readonly minLuminance: number
  }
}

/** The picture, as the configuration declares it. */
export interface VideoParameters {
  /** Pixels; 0 when the configuration does not say. */
  readonly width: number
  readonly height: number
  /** Frames a second, when declared. */
  readonly frameRate?: number
  /** Degrees clockwise by which the picture is turned before it is shown; width and height are before that. */
  readonly rotation?: 90 | 180 | 270
  readonly color?: ColorInfo
}

/** The sound, as the configuration declares it. */
export interface AudioParameters {
  /** Samples a second. */
  readonly sampleRate: number
  readonly channels: number
}

/** Immutable: a changed configuration is a new Track object with the same id. */
export interface Track {
  /** Unique within its stream. Video tracks from 1, audio tracks from 101, data tracks from 201, text tracks from 301. */
  readonly id: number
  readonly kind: TrackKind
  readonly codec: Codec
  /**
   * Decoder configuration as ISO BMFF stores it, without the box header: avcC, hvcC, av1C, vpcC, AudioSpecificConfig (aac),
   * dOps (opus), dfLa (flac), dac3, dec3. MP3 has none. Windows Media codecs, which ISO BMFF does not know: the whole WAVEFORMATEX
   * of sound, what follows the BITMAPINFOHEADER of pictures.
   */
  readonly config?: Uint8Array
  readonly video?: VideoParameters
  readonly audio?: AudioParameters
  /** Ticks a second of the source's clock, so that a muxer can restore exact ticks: 90 000, the sample rate, 1 000 … */
  readonly timescale: number
  /** BCP 47, for example `en`. */
  readonly language?: string
  /** For people: "Commentary". */
  readonly name?: string
  /** Bits a second, when declared. */
  readonly bitrateBps?: number
}

/** Pixels of the picture as it is shown. */
export function shownSize({ width, height, rotation }: VideoParameters): { width: number; height: number } {
  return rotation === 90 || rotation === 270 ? { width: height, height: width } : { width, height }
}

/** First id of each kind; a source's n-th track of a kind has the id `base + n`, counting from zero. */
export const TRACK_ID_BASE = { video: 1, audio: 101, data: 201, text: 301 } as const satisfies Record<TrackKind, number>
