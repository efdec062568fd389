/** File names below the path of a file on demand: the same for HLS and DASH, never used twice for different bytes. */

/** `video-1.m3u8`. */
export function playlistName(rendition: string): string {
  return `${rendition}.m3u8`
}

/** `video-1-key-pictures.m3u8`. */
export function keyPicturePlaylistName(rendition: string): string {
  return `${rendition}-key-pictures.m3u8`
}

/** `number` may be a placeholder of a template. */
export function initName(rendition: string, token: string): string {
  return `${rendition}-${token}-init.mp4`
}

export function segmentName(rendition: string, token: string, number: number | string): string {
  return `${rendition}-${token}-${number}.m4s`
}

export function keyPictureName(rendition: string, token: string, number: number | string): string {
  return `${rendition}-${token}-key-${number}.m4s`
}

/** Cues of a segment as WebVTT. */
export function cuesName(rendition: string, token: string, number: number): string {
  return `${rendition}-${token}-${number}.vtt`
}

/** What a media file's name asks for. */
export interface OnDemandName {
  readonly rendition: string
  readonly token: string
  readonly part: 'init' | 'segment' | 'key-picture' | 'cues'
  /** 0 for an initialization. */
  readonly number: number
}

const MEDIA = /^((?:video|audio|text)-\d{1,10})-([0-9a-f]{12})-(?:(init)\.mp4|(key-)?(\d{1,7})\.m4s|(\d{1,7})\.vtt)$/
const PLAYLIST = /^((?:video|audio|text)-\d{1,10})(-key-pictures)?\.m3u8$/

/** `undefined`: not a name of ours. */
export function parseOnDemandName(name: string): OnDemandName | undefined {
  const match = MEDIA.exec(name)
  if (match === null) return undefined
  const [, rendition = '', token = '', init, key, segment, cues] = match
  if (init !== undefined) return { rendition, token, part: 'init', number: 0 }
  if (cues !== undefined) return { rendition, token, part: 'cues', number: Number(cues) }
  return { rendition, token, part: key === undefined ? 'segment' : 'key-picture', number: Number(segment) }
}

/** What the name of a rendition's playlist asks for; `undefined`: not a name of ours. */
export function parsePlaylistName(name: string): { rendition: string; keyPictures: boolean } | undefined {
  const match = PLAYLIST.exec(name)
  return match === null ? undefined : { rendition: match[1] ?? '', keyPictures: match[2] !== undefined }
}
