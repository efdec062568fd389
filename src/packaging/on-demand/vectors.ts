/** Movies made by code, for tests: pictures in another order than they are shown, sound between them, each sample with bytes of its own. */
import { MovieWriter } from '../../media/containers/isobmff/movie-writer.ts'
import { type Micros, ticksToMicros } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'
import { AUDIO, VIDEO } from '../vectors.ts'

const RATE = 25
/** How long pictures wait to be shown. */
export const WAIT: Micros = 80_000
/** Presentation after decoding of pictures that are decoded in the order 0 3 1 2, in pictures. */
const REORDER = [2, 4, 1, 1] as const

export interface MovieShape {
  readonly seconds: number
  /** Pictures from one key picture to the next, a multiple of four. */
  readonly gop?: number
  /** Bytes of a picture. */
  readonly size?: number
  readonly audioTracks?: readonly Track[]
  /** Where an edit list begins to show. */
  readonly start?: Micros
  /** Pictures are slices with headers, as encryption wants them; else any bytes. */
  readonly slices?: true
}

/** Pictures of 25 a second, and sounds of 1024 samples. */
export function movieFile({
  seconds,
  gop = 48,
  size = 900,
  audioTracks = [AUDIO],
  start = WAIT,
  slices,
}: MovieShape): Uint8Array {
  const samples: { track: Track; size: number; dts: Micros; pts: Micros; duration: Micros; key: boolean }[] = []
  for (let index = 0; index < seconds * RATE; index++) {
    const dts = ticksToMicros(index, RATE)
    const pts = dts + ticksToMicros(REORDER[index % 4] as number, RATE)
    samples.push({ track: VIDEO, size: size + (index % 7), dts, pts, duration: 40_000, key: index % gop === 0 })
  }
  for (const track of audioTracks) {
    for (let index = 0; index * 1024 < seconds * 48_000; index++) {
      const dts = ticksToMicros(index * 1024, 48_000) + WAIT
      samples.push({ track, size: 40 + (index % 5), dts, pts: dts, duration: 21_333, key: true })
    }
  }
  samples.sort((left, right) => left.dts - right.dts)
  const writer = new MovieWriter([VIDEO, ...audioTracks])
  for (const { track, ...sample } of samples) writer.add(track.id, [sample])
  const head = writer.finish(start)
  const bytes = new Uint8Array(head.byteLength + writer.dataBytes)
  bytes.set(head)
  let at = head.byteLength
  for (const [number, sample] of samples.entries()) {
    const from = at
    for (let index = 0; index < sample.size; index++) bytes[at++] = (number * 31 + index * 7) & 0xff
    if (slices && sample.track === VIDEO) writeSlice(bytes.subarray(from, at), sample.key)
  }
  return bytes
}

const LENGTH_BYTES = 4
const HEADER_BYTES = 16
/** first_mb_in_slice 0, slice_type 7. */
const FIRST_SLICE_OF_I = 0x88

/** An I slice whose header has the number 0 (one bit in Exp-Golomb) in all fields but the type; no start code behind it. */
function writeSlice(sample: Uint8Array, isKey: boolean): void {
  new DataView(sample.buffer, sample.byteOffset).setUint32(0, sample.byteLength - LENGTH_BYTES)
  sample[LENGTH_BYTES] = isKey ? 0x65 : 0x41
  sample.fill(0xff, LENGTH_BYTES + 1, LENGTH_BYTES + HEADER_BYTES)
  sample[LENGTH_BYTES + 1] = FIRST_SLICE_OF_I
  for (let index = LENGTH_BYTES + HEADER_BYTES; index < sample.byteLength; index++) {
    sample[index] = (sample[index] as number) | 0x80
  }
}
