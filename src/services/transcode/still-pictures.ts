/** Single pictures of a file as JPEG: posters and the thumbnails of a seek bar. */
import type { MediaReader } from '../../media/reader.ts'
import { MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import { FILE_INPUT } from './child.ts'
import { inputOptions } from './source-layout.ts'

/** Longest JPEG that is taken. */
export const MAX_STILL_BYTES = 4 * 1024 * 1024
/** Pixels, for those who ask. */
const MIN_STILL_WIDTH = 16
const MAX_STILL_WIDTH = 1920

/**
 * Arguments of ffmpeg for the key picture at a time or shortly before it. Only key pictures are decoded: one costs a seek and a picture,
 * wherever in the file it is.
 */
export function stillArguments(reader: Pick<MediaReader, 'format'>, time: Micros, width: number): string[] {
  const at = (Math.max(0, time) / MICROS_PER_SECOND).toFixed(3)
  const size = Math.round(Math.min(MAX_STILL_WIDTH, Math.max(MIN_STILL_WIDTH, width)) / 2) * 2
  return [
    '-hide_banner',
    '-loglevel',
    'error',
    '-nostdin',
    '-threads',
    '1',
    '-skip_frame',
    'nokey',
    '-noaccurate_seek',
    '-ss',
    at,
    ...inputOptions(reader.format),
    '-i',
    FILE_INPUT,
    '-map',
    '0:V:0',
    '-frames:v',
    '1',
    '-vf',
    // Anamorphic pictures are made square first.
    `scale='trunc(iw*sar/2)*2':ih,setsar=1,scale=${size}:-2:flags=bicubic,format=yuvj420p`,
    '-c:v',
    'mjpeg',
    '-q:v',
    '4',
    '-f',
    'image2pipe',
    'pipe:1',
  ]
}
