/** What a file of the library is called on the wire: by its bytes, then by its name (IANA media types). */
import { FORMAT_HEAD_BYTES, formatOf } from '../media/open-reader.ts'
import type { MediaFormat } from '../media/reader.ts'

/** Bytes of a file's beginning that tell what it is. */
export const MEDIA_TYPE_HEAD = FORMAT_HEAD_BYTES
/** In these the EBML header names the kind of Matroska that follows. */
const DOC_TYPE_BYTES = 64

/** By the name's ending, where one container has several names. The first is for others. */
const TYPES: Readonly<Record<MediaFormat, Readonly<Record<string, string>> & { readonly '': string }>> = {
  mp4: { '': 'video/mp4', m4a: 'audio/mp4', m4b: 'audio/mp4', mov: 'video/quicktime', qt: 'video/quicktime' },
  matroska: { '': 'video/x-matroska', mka: 'audio/x-matroska' },
  mpegts: { '': 'video/mp2t' },
  flv: { '': 'video/x-flv' },
  asf: { '': 'video/x-ms-asf', wmv: 'video/x-ms-wmv', wma: 'audio/x-ms-wma' },
  // Behind a long tag, ADTS looks the same from the beginning.
  mp3: { '': 'audio/mpeg', aac: 'audio/aac' },
  aac: { '': 'audio/aac' },
}

/** What is no media, and cannot harm who opens it here: nothing that runs scripts is among them. */
const OTHERS: Readonly<Record<string, string>> = {
  vtt: 'text/vtt; charset=utf-8',
  srt: 'application/x-subrip',
  m3u8: 'application/vnd.apple.mpegurl',
  mpd: 'application/dash+xml',
  m4s: 'video/iso.segment',
  txt: 'text/plain; charset=utf-8',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  wav: 'audio/wav',
  flac: 'audio/flac',
  ogg: 'audio/ogg',
  oga: 'audio/ogg',
  ogv: 'video/ogg',
  opus: 'audio/ogg',
  avi: 'video/x-msvideo',
  mpg: 'video/mpeg',
  mpeg: 'video/mpeg',
}

/** Value of Content-Type. `head`: the first `MEDIA_TYPE_HEAD` bytes, or all that there are. */
export function mediaTypeOf(head: Uint8Array, path: string): string {
  const ending = /\.([A-Za-z0-9]{1,8})$/.exec(path)?.[1]?.toLowerCase() ?? ''
  const format = formatOf(head)
  if (format === undefined) return own(OTHERS, ending) ?? 'application/octet-stream'
  if (format === 'matroska' && isWebm(head)) return ending === 'weba' ? 'audio/webm' : 'video/webm'
  return own(TYPES[format], ending) ?? TYPES[format]['']
}

function own(table: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}

function isWebm(head: Uint8Array): boolean {
  return String.fromCharCode(...head.subarray(0, DOC_TYPE_BYTES)).includes('webm')
}
