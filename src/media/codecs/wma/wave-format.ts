/** WAVEFORMATEX, which describes sound in ASF and AVI (Microsoft mmreg.h; ASF 1.20 section 9.1), and the format tags carried here. */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { WindowsMediaAudioCodec } from '../../track.ts'

/** Format tags: `wFormatTag`. */
export const WAVE_FORMAT = {
  WMA_VOICE: 0x000a,
  MP3: 0x0055,
  AAC: 0x00ff,
  WMA1: 0x0160,
  WMA2: 0x0161,
  WMA_PRO: 0x0162,
  WMA_LOSSLESS: 0x0163,
  /** AAC with a HEAACWAVEINFO before its AudioSpecificConfig. */
  HE_AAC: 0x1610,
} as const

/** Extra bytes of a format; real ones have at most some dozens. */
export const MAX_WAVE_EXTRA = 4096
/** Beyond these a format is nonsense. */
const MAX_CHANNELS = 64
const MAX_SAMPLE_RATE = 768_000

export interface WaveFormat {
  readonly tag: number
  readonly channels: number
  /** Samples a second. */
  readonly sampleRate: number
  readonly bytesPerSecond: number
  /** Bytes of a block, the unit that decoders take. */
  readonly blockAlign: number
  /** 0 for codecs that do not say. */
  readonly bitsPerSample: number
  /** What the codec appends; a view. */
  readonly extra: Uint8Array
}

/**
 * Reads a WAVEFORMATEX, or the shorter PCMWAVEFORMAT that lacks the extra size. Bytes behind it are ignored. Throws FormatError when it
 * is cut short, and for 0 or too many channels or samples a second.
 */
export function readWaveFormat(bytes: Uint8Array): WaveFormat {
  const reader = new ByteReader(bytes)
  const tag = reader.u16le()
  const channels = reader.u16le()
  const sampleRate = reader.u32le()
  const bytesPerSecond = reader.u32le()
  const blockAlign = reader.u16le()
  const bitsPerSample = reader.u16le()
  const extraSize = reader.remaining >= 2 ? reader.u16le() : 0
  if (extraSize > MAX_WAVE_EXTRA) {
    throw new FormatError('ERR_CODEC_CONFIG', `expected at most ${MAX_WAVE_EXTRA} extra bytes, found ${extraSize}`, 16)
  }
  if (channels === 0 || channels > MAX_CHANNELS) {
    throw new FormatError('ERR_CODEC_CONFIG', `expected 1 to ${MAX_CHANNELS} channels, found ${channels}`, 2)
  }
  if (sampleRate === 0 || sampleRate > MAX_SAMPLE_RATE) {
    throw new FormatError(
      'ERR_CODEC_CONFIG',
      `expected 1 to ${MAX_SAMPLE_RATE} samples a second, found ${sampleRate}`,
      4,
    )
  }
  return { tag, channels, sampleRate, bytesPerSecond, blockAlign, bitsPerSample, extra: reader.view(extraSize) }
}

export function writeWaveFormat(format: WaveFormat): Uint8Array {
  const writer = new ByteWriter(18 + format.extra.byteLength)
  writer.u16le(format.tag).u16le(format.channels).u32le(format.sampleRate).u32le(format.bytesPerSecond)
  writer.u16le(format.blockAlign).u16le(format.bitsPerSample)
  return writer.u16le(format.extra.byteLength).bytes(format.extra).toBytes()
}

const TAG_OF = {
  wma1: WAVE_FORMAT.WMA1,
  wma2: WAVE_FORMAT.WMA2,
  wmapro: WAVE_FORMAT.WMA_PRO,
  wmalossless: WAVE_FORMAT.WMA_LOSSLESS,
  wmavoice: WAVE_FORMAT.WMA_VOICE,
} as const satisfies Record<WindowsMediaAudioCodec, number>
const CODEC_OF = new Map((Object.keys(TAG_OF) as WindowsMediaAudioCodec[]).map((codec) => [TAG_OF[codec], codec]))

/** `undefined` for formats that are not Windows Media Audio. */
export function wmaCodecOf(tag: number): WindowsMediaAudioCodec | undefined {
  return (CODEC_OF as ReadonlyMap<number, WindowsMediaAudioCodec>).get(tag)
}

export function wmaFormatTag(codec: WindowsMediaAudioCodec): number {
  return TAG_OF[codec]
}
