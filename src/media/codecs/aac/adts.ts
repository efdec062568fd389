/** The ADTS header before AAC frames in MPEG-TS and raw files: ISO/IEC 14496-3 section 1.A.2. */
import { FormatError } from '../../../errors.ts'
import { AAC_SAMPLE_RATES, readAacConfig } from './config.ts'

/** Bytes of the header we write; with a checksum it has two more. */
export const ADTS_HEADER_SIZE = 7

export interface AdtsHeader {
  readonly objectType: number
  readonly sampleRate: number
  /** channel_configuration; 0: told inside the frame. */
  readonly channels: number
  readonly headerSize: number
  /** Header and frame, in bytes. */
  readonly frameSize: number
}

/** The header at `offset`, `undefined` when fewer than seven bytes follow. Throws FormatError when there is none. */
export function readAdtsHeader(data: Uint8Array, offset = 0): AdtsHeader | undefined {
  if (data.byteLength - offset < ADTS_HEADER_SIZE) return undefined
  const [b0 = 0, b1 = 0, b2 = 0, b3 = 0, b4 = 0, b5 = 0] = data.subarray(offset, offset + ADTS_HEADER_SIZE)
  const sampleRate = AAC_SAMPLE_RATES[(b2 >> 2) & 15]
  const headerSize = (b1 & 1) === 1 ? ADTS_HEADER_SIZE : ADTS_HEADER_SIZE + 2
  const frameSize = ((b3 & 3) << 11) | (b4 << 3) | (b5 >> 5)
  if (b0 !== 0xff || (b1 & 0xf6) !== 0xf0 || sampleRate === undefined || frameSize < headerSize) {
    throw new FormatError('ERR_CODEC_BITSTREAM', 'expected an ADTS header', offset)
  }
  const channels = ((b2 & 1) << 2) | (b3 >> 6)
  return { objectType: (b2 >> 6) + 1, sampleRate, channels: channels === 7 ? 8 : channels, headerSize, frameSize }
}

/** A header for a raw frame of `size` bytes of a track with this AudioSpecificConfig. Throws FormatError for what ADTS cannot say. */
export function adtsHeader(config: Uint8Array, size: number): Uint8Array {
  const { objectType, coreSampleRate } = readAacConfig(config)
  const rateIndex = AAC_SAMPLE_RATES.findIndex((rate) => rate === coreSampleRate)
  const channels = channelConfigurationOf(config)
  const frameSize = size + ADTS_HEADER_SIZE
  if (objectType > 4 || rateIndex === -1 || channels > 7 || frameSize > 0x1fff) {
    throw new FormatError(
      'ERR_CODEC_CONFIG',
      `expected AAC that ADTS can carry, found object type ${objectType}, ${size} bytes`,
    )
  }
  return Uint8Array.of(
    0xff,
    0xf1,
    ((objectType - 1) << 6) | (rateIndex << 2) | (channels >> 2),
    ((channels & 3) << 6) | (frameSize >> 11),
    (frameSize >> 3) & 0xff,
    ((frameSize & 7) << 5) | 0x1f,
    0xfc,
  )
}

/** The field sits behind the object type and the rate, both of which may be longer; ADTS carries the short forms only. */
function channelConfigurationOf(config: Uint8Array): number {
  return ((config[1] ?? 0) >> 3) & 15
}
