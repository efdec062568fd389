/** Which media browsers play as it is; the rest is encoded for them while it is watched. */
import type { Codec, Track, TrackKind } from '../media/track.ts'

/** Codecs that the current browsers decode from MP4. VP8 they know from WebM only, AC-3 on a few devices only. */
const BROWSER_CODECS: ReadonlySet<Codec> = new Set<Codec>(['h264', 'h265', 'av1', 'vp9', 'aac', 'mp3', 'opus', 'flac'])

/** Whether browsers decode this codec from MP4. */
export function isBrowserCodec(codec: Codec): boolean {
  return BROWSER_CODECS.has(codec)
}

/** Sound that televisions and Apple devices take from MP4 besides: of a live stream it is passed on to them as it is. */
const SURROUND_CODECS: ReadonlySet<Codec> = new Set<Codec>(['ac3', 'eac3'])

/** What `isBrowserMedia` looks at: a file's reader, or a live stream. */
export interface MediaTracks {
  readonly tracks: readonly Pick<Track, 'kind' | 'codec'>[]
  /** Tracks of codecs that `Track` has no word for. */
  readonly foreign?: readonly { readonly kind: TrackKind }[]
}

/**
 * Whether browsers play it without encoding: there is picture or sound, and of each of the two that is there at least one track is of a
 * codec they know. A film whose picture they know and whose sound they do not is not played without its sound.
 */
export function isBrowserMedia(media: MediaTracks): boolean {
  return isPlayed(media, isBrowserCodec)
}

/** The same of a live stream: surround sound, which browsers do not know, is left to those who do. */
export function isStreamedMedia(media: MediaTracks): boolean {
  return isPlayed(media, (codec) => isBrowserCodec(codec) || SURROUND_CODECS.has(codec))
}

function isPlayed({ tracks, foreign = [] }: MediaTracks, isKnown: (codec: Codec) => boolean): boolean {
  const played = (kind: TrackKind) => tracks.some((track) => track.kind === kind && isKnown(track.codec))
  const absent = (kind: TrackKind) => ![...tracks, ...foreign].some((track) => track.kind === kind)
  return (
    (played('video') || absent('video')) && (played('audio') || absent('audio')) && (played('video') || played('audio'))
  )
}
