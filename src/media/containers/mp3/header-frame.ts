/** The frame before the sound of an MP3 file that has no sound but tells of the file: Xing, Info with what LAME adds, VBRI. */
import { ByteReader } from '../../bytes/byte-reader.ts'
import type { Mp3Header } from '../../codecs/mp3/bitstream.ts'

const FRAME_HEADER_SIZE = 4
/** Bytes of side information (ISO/IEC 11172-3 section 2.4.1.7), behind which Xing and Info stand. */
const SIDE_INFORMATION = { version1: { mono: 17, stereo: 32 }, version2: { mono: 9, stereo: 17 } } as const
/** VBRI stands here whatever the frame is. */
const VBRI_AT = FRAME_HEADER_SIZE + 32
const XING_FLAG = { FRAMES: 1, BYTES: 2, TOC: 4, QUALITY: 8 } as const
const TOC_SIZE = 100
/** Of the part that LAME adds: from its name to the delays. */
const LAME_DELAYS_AT = 21
const LAME_NAME_SIZE = 9
/** Samples by which every decoder is late; what an encoder says is without them (LAME technical FAQ). */
const DECODER_DELAY = 529

export interface HeaderFrame {
  /** Of the sound, without this one. */
  readonly frames: number | undefined
  /** Of the sound, sometimes with this frame. */
  readonly bytes: number | undefined
  /** Samples to leave out at the beginning and at the end; 0 where nothing tells. */
  readonly leadingSamples: number
  readonly trailingSamples: number
  /** The encoder's name, where it says it. */
  readonly encoder: string | undefined
}

/** What a frame with this header tells of the file; `undefined` for a frame of sound. Throws nothing. */
export function readHeaderFrame(frame: Uint8Array, { version, channels }: Mp3Header): HeaderFrame | undefined {
  const side = version === 1 ? SIDE_INFORMATION.version1 : SIDE_INFORMATION.version2
  const at = FRAME_HEADER_SIZE + (channels === 1 ? side.mono : side.stereo)
  const word = wordAt(frame, at)
  if (word === 'Xing' || word === 'Info') return readXing(frame, at)
  return wordAt(frame, VBRI_AT) === 'VBRI' ? readVbri(frame) : undefined
}

function readXing(frame: Uint8Array, at: number): HeaderFrame {
  const reader = new ByteReader(frame)
  reader.skip(at + 4)
  const take = (size: number) => (reader.remaining >= size ? reader.sub(size) : undefined)
  const flags = take(4)?.u32() ?? 0
  const frames = (flags & XING_FLAG.FRAMES) === 0 ? undefined : take(4)?.u32()
  const bytes = (flags & XING_FLAG.BYTES) === 0 ? undefined : take(4)?.u32()
  if ((flags & XING_FLAG.TOC) !== 0) take(TOC_SIZE)
  if ((flags & XING_FLAG.QUALITY) !== 0) take(4)
  const lame = take(LAME_DELAYS_AT + 3)
  const name = lame?.latin1(LAME_NAME_SIZE) ?? ''
  const encoder = /^(LAME|Lav[cf])[ -~]*/.exec(name)?.[0].trim()
  if (lame === undefined || encoder === undefined) {
    return { frames, bytes, leadingSamples: 0, trailingSamples: 0, encoder: undefined }
  }
  lame.skip(LAME_DELAYS_AT - LAME_NAME_SIZE)
  const delays = lame.u24()
  const padding = delays & 0xfff
  return {
    frames,
    bytes,
    leadingSamples: (delays >> 12) + DECODER_DELAY,
    trailingSamples: Math.max(0, padding - DECODER_DELAY),
    encoder,
  }
}

function readVbri(frame: Uint8Array): HeaderFrame | undefined {
  const reader = new ByteReader(frame)
  if (reader.remaining < VBRI_AT + 18) return undefined
  reader.skip(VBRI_AT + 4)
  reader.skip(2 + 2 + 2) // version, delay, quality
  const bytes = reader.u32()
  return { bytes, frames: reader.u32(), leadingSamples: 0, trailingSamples: 0, encoder: undefined }
}

function wordAt(bytes: Uint8Array, at: number): string {
  return at + 4 <= bytes.byteLength ? String.fromCharCode(...bytes.subarray(at, at + 4)) : ''
}
