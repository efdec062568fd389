/** What the browser plays by itself: HLS (older iPhones), and files of the library. */

import { encodePath, isOnDemand, type PlaybackEngine } from './playback.ts'
import { sourcePlayback } from './source-playback.ts'

/** Types of files that browsers may play, by their ending. */
const TYPES: Readonly<Record<string, string>> = {
  mp4: 'video/mp4',
  m4v: 'video/mp4',
  mov: 'video/mp4',
  m4a: 'audio/mp4',
  webm: 'video/webm',
  mkv: 'video/x-matroska',
  mp3: 'audio/mpeg',
  aac: 'audio/aac',
  flac: 'audio/flac',
  ogg: 'audio/ogg',
}

/** HLS where nothing else is there. */
export const nativeEngine: PlaybackEngine = {
  kind: 'native',
  label: 'HLS by the browser',
  supported: () => canPlay('application/vnd.apple.mpegurl'),
  url: (path) => `/${encodePath(path)}/index.m3u8`,
  open: (options) => Promise.resolve(sourcePlayback('native', options)),
}

/** The file itself, by ranges. */
export const fileEngine: PlaybackEngine = {
  kind: 'file',
  label: 'The file itself',
  supported(path) {
    const type = TYPES[/\.([A-Za-z0-9]+)$/.exec(path)?.[1]?.toLowerCase() ?? '']
    return isOnDemand(path) && type !== undefined && canPlay(type)
  },
  url: (path) => `/${encodePath(path)}`,
  open: (options) => Promise.resolve(sourcePlayback('file', options)),
}

function canPlay(type: string): boolean {
  return document.createElement('video').canPlayType(type) !== ''
}
