/** The header of MPEG audio frames, layers I to III: ISO/IEC 11172-3 section 2.4.1.3 and 13818-3 section 2.4.1.3. */
import { FormatError } from '../../../errors.ts'

const HEADER_SIZE = 4

export interface Mp3Header {
  readonly version: 1 | 2 | 2.5
  readonly layer: 1 | 2 | 3
  readonly sampleRate: number
  readonly channels: 1 | 2
  readonly bitrateBps: number
  readonly samples: number
  /** Header and frame, in bytes; `undefined` for a free-format frame. */
  readonly frameSize?: number
}

/** kbit/s by [version 1 layer 1, 2, 3, version 2 layer 1, layers 2 and 3], index 1 to 14. */
const BITRATES: readonly (readonly number[])[] = [
  [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
]
const SAMPLE_RATES = [44_100, 48_000, 32_000] as const
const MONO = 3

/** The header at `offset`, `undefined` when fewer than four bytes follow. Throws FormatError when there is none. */
export function readMp3Header(data: Uint8Array, offset = 0): Mp3Header | undefined {
  if (data.byteLength - offset < HEADER_SIZE) return undefined
  const [b0 = 0, b1 = 0, b2 = 0, b3 = 0] = data.subarray(offset, offset + HEADER_SIZE)
  const versionBits = (b1 >> 3) & 3
  const layerBits = (b1 >> 1) & 3
  const rateIndex = b2 >> 4
  const baseRate = SAMPLE_RATES[(b2 >> 2) & 3]
  if (
    b0 !== 0xff ||
    (b1 & 0xe0) !== 0xe0 ||
    versionBits === 1 ||
    layerBits === 0 ||
    rateIndex === 15 ||
    baseRate === undefined
  ) {
    throw new FormatError('ERR_CODEC_BITSTREAM', 'expected an MPEG audio frame header', offset)
  }
  const version = versionBits === 3 ? 1 : versionBits === 2 ? 2 : 2.5
  const layer = (4 - layerBits) as 1 | 2 | 3
  const sampleRate = baseRate / (version === 1 ? 1 : version === 2 ? 2 : 4)
  const row = version === 1 ? layer - 1 : layer === 1 ? 3 : 4
  const bitrateBps = (BITRATES[row]?.[rateIndex - 1] ?? 0) * 1000
  const samples = layer === 1 ? 384 : layer === 3 && version !== 1 ? 576 : 1152
  const slot = layer === 1 ? 4 : 1
  const frameSize = (Math.floor((samples / 8 / slot) * (bitrateBps / sampleRate)) + ((b2 >> 1) & 1)) * slot
  return {
    version,
    layer,
    sampleRate,
    channels: b3 >> 6 === MONO ? 1 : 2,
    bitrateBps,
    samples,
    ...(rateIndex > 0 && { frameSize }),
  }
}
