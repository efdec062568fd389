/** Builds sound without container and its tags for tests, byte by byte as their specifications lay them out. */
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { adtsHeader } from '../../codecs/aac/adts.ts'
import { hex } from '../../codecs/vectors.ts'

/** A tag of ID3v2 with frames behind its header; `size` where it lies about them. */
export function id3Tag(
  version: 2 | 3 | 4,
  frames: readonly Uint8Array[],
  options: { flags?: number; size?: number } = {},
): Uint8Array {
  const body = join(frames)
  const { flags = 0, size = body.byteLength } = options
  return join([Uint8Array.of(0x49, 0x44, 0x33, version, 0, flags, ...synchsafe(size)), body])
}

/** A frame of ID3v2. */
export function id3Frame(version: 2 | 3 | 4, id: string, content: Uint8Array, flags = 0): Uint8Array {
  const { byteLength: size } = content
  const plain = [size >>> 24, (size >> 16) & 0xff, (size >> 8) & 0xff, size & 0xff]
  const name = latin1(id)
  if (version === 2) return join([name, Uint8Array.from(plain.slice(1)), content])
  return join([name, Uint8Array.from([...(version === 4 ? synchsafe(size) : plain), 0, flags]), content])
}

/** Encoding, then text in it. */
export function id3Text(encoding: 0 | 1 | 2 | 3, text: string): Uint8Array {
  if (encoding === 0) return join([Uint8Array.of(0), latin1(text)])
  if (encoding === 3) return join([Uint8Array.of(3), new ByteWriter().utf8(text).toBytes()])
  const units = Array.from({ length: text.length }, (_, at) => text.charCodeAt(at))
  if (encoding === 2) return Uint8Array.from([2, ...units.flatMap((unit) => [unit >> 8, unit & 0xff])])
  return Uint8Array.from([1, 0xff, 0xfe, ...units.flatMap((unit) => [unit & 0xff, unit >> 8])])
}

/** A frame of MPEG 1 layer III, 44.1 kHz, stereo: 128 kbit/s (417 bytes), or 64 (208). */
export function mp3Frame(seed: number, bitrate: 128 | 64 = 128): Uint8Array {
  const frame = new Uint8Array(bitrate === 128 ? 417 : 208).fill(seed & 0x7f)
  frame.set([0xff, 0xfb, bitrate === 128 ? 0x90 : 0x50, 0x00])
  return frame
}

/** The frame before the sound that tells of it; `delays`: samples that LAME says to leave out at both ends. */
export function xingFrame(
  word: 'Xing' | 'Info',
  frames: number,
  bytes: number,
  delays?: readonly [number, number],
): Uint8Array {
  const frame = mp3Frame(0)
  frame.fill(0, 4)
  frame.set(latin1(word), 36)
  frame.set([0, 0, 0, 3, ...u32(frames), ...u32(bytes)], 40)
  if (delays === undefined) return frame
  const [start, end] = delays
  frame.set(latin1('LAME3.100'), 52)
  frame.set([start >> 4, ((start & 15) << 4) | (end >> 8), end & 0xff], 52 + 21)
  return frame
}

export function vbriFrame(frames: number, bytes: number): Uint8Array {
  const frame = mp3Frame(0)
  frame.fill(0, 4)
  frame.set([...latin1('VBRI'), 0, 1, 0, 0, 0, 0, ...u32(bytes), ...u32(frames)], 36)
  return frame
}

/** A frame of AAC-LC, 48 kHz, stereo, behind its ADTS header. */
export function adtsSound(seed: number, size = 100): Uint8Array {
  const sound = Uint8Array.from({ length: size }, (_, at) => (seed + at) & 0x7f)
  return join([adtsHeader(hex('1190'), size), sound])
}

/** Some frames in a row. */
export function row(count: number, frame: (at: number) => Uint8Array): Uint8Array {
  return join(Array.from({ length: count }, (_, at) => frame(at)))
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}

export function latin1(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length }, (_, at) => text.charCodeAt(at))
}

function synchsafe(size: number): number[] {
  return [(size >> 21) & 0x7f, (size >> 14) & 0x7f, (size >> 7) & 0x7f, size & 0x7f]
}

function u32(value: number): number[] {
  return [value >>> 24, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff]
}
