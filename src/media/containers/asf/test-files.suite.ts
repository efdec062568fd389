/** The files of testdata with what FFmpeg reads of them, for tests. */
import { readFileSync } from 'node:fs'

/** Files of FFmpeg 5.1 in testdata, by name; README.md there tells how they were made. */
export const testFiles = [
  'wmv2-wmav2.wmv',
  'h264-aac.asf',
  'wmav2.wma',
  'mp3.asf',
  'two-video-two-audio.wmv',
  'truncated.wmv',
  'piped.wmv',
] as const

/** A line of what FFmpeg reads of a file: `ffmpeg -copyts -i FILE -c copy -map 0 -f framecrc -`. */
export interface ExpectedObject {
  /** In the order of the header. */
  readonly stream: number
  /** Preroll taken off. */
  readonly timeMs: number
  readonly size: number
  /** As `adler32` gives it. */
  readonly checksum: number
}

/** A file of testdata and the objects in it. */
export function testFile(name: (typeof testFiles)[number]): {
  readonly bytes: Uint8Array
  readonly expected: readonly ExpectedObject[]
} {
  const folder = new URL('testdata/', import.meta.url)
  const text = readFileSync(new URL(name.replace(/\..*/, '.framecrc'), folder), 'utf8')
  const expected = text.split('\n').flatMap((line): ExpectedObject[] => {
    const [stream, dts, , , size, checksum] = line.split(',').map(Number)
    if (checksum === undefined) return []
    return [{ stream: stream ?? 0, timeMs: dts ?? 0, size: size ?? 0, checksum }]
  })
  return { bytes: new Uint8Array(readFileSync(new URL(name, folder))), expected }
}

/** The checksum of FFmpeg's framecrc: Adler-32 that starts with 0. */
export function adler32(data: Uint8Array): number {
  let a = 0
  let b = 0
  for (const byte of data) {
    a = (a + byte) % 65_521
    b = (b + a) % 65_521
  }
  return b * 65_536 + a
}
