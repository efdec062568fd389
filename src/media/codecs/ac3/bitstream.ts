/** The sync frame header of AC-3 and Enhanced AC-3: ETSI TS 102 366 sections 4.3 and E.1.2. */
import { FormatError } from '../../../errors.ts'
import { BitReader } from '../../bytes/bit-reader.ts'

const SYNC_WORD = 0x0b77
/** Up to here AC-3; 11 to 16 Enhanced AC-3. */
const MAX_AC3_STREAM_ID = 10
const MAX_EAC3_STREAM_ID = 16
const SAMPLES_PER_BLOCK = 256

const SAMPLE_RATES = [48_000, 44_100, 32_000] as const
/** Full-bandwidth channels by acmod. */
const CHANNELS = [2, 1, 2, 3, 3, 4, 4, 5] as const
/** kbit/s by half of frmsizecod. */
const BITRATES = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640] as const
const BLOCKS = [1, 2, 3, 6] as const

export interface Ac3Header {
  readonly codec: 'ac3' | 'eac3'
  readonly sampleRate: number
  readonly channels: number
  readonly samples: number
  /** Bytes of the sync frame. */
  readonly frameSize: number
  readonly bitrateBps: number
  readonly streamId: number
  readonly mode: number
  readonly audioMode: number
  readonly lowFrequency: boolean
  /** fscod, and for AC-3 half of frmsizecod. */
  readonly sampleRateCode: number
  readonly bitrateCode: number
  /** Enhanced AC-3: a frame that belongs to the one before (more channels), so it adds no time. */
  readonly dependent: boolean
}

/** The header at the start of the data. Throws FormatError for anything cut short or not a sync frame. */
export function readAc3Header(data: Uint8Array): Ac3Header {
  const bits = new BitReader(data)
  if (bits.bits(16) !== SYNC_WORD) throw new FormatError('ERR_CODEC_BITSTREAM', 'expected the sync word of AC-3', 0)
  const streamId = (data[5] ?? 0) >> 3
  if (streamId <= MAX_AC3_STREAM_ID) return readAc3(bits, streamId)
  if (streamId <= MAX_EAC3_STREAM_ID) return readEac3(bits, streamId)
  throw new FormatError(
    'ERR_CODEC_BITSTREAM',
    `expected an AC-3 stream id of at most ${MAX_EAC3_STREAM_ID}, found ${streamId}`,
    5,
  )
}

/** Samples of all sync frames in a packet. Throws FormatError as `readAc3Header`. */
export function ac3PacketSamples(packet: Uint8Array): number {
  let samples = 0
  for (let at = 0; at < packet.byteLength; ) {
    const header = readAc3Header(packet.subarray(at))
    if (!header.dependent) samples += header.samples
    at += header.frameSize
  }
  return samples
}

function readAc3(bits: BitReader, streamId: number): Ac3Header {
  bits.skip(16) // crc1
  const sampleRateCode = bits.bits(2)
  const sizeCode = bits.bits(6)
  const sampleRate = SAMPLE_RATES[sampleRateCode]
  const bitrate = BITRATES[sizeCode >> 1]
  if (sampleRate === undefined || bitrate === undefined) {
    throw new FormatError('ERR_CODEC_BITSTREAM', `expected an AC-3 rate, found ${sampleRateCode} and ${sizeCode}`, 4)
  }
  bits.skip(5) // bsid
  const mode = bits.bits(3)
  const audioMode = bits.bits(3)
  if ((audioMode & 1) !== 0 && audioMode !== 1) bits.skip(2) // cmixlev
  if ((audioMode & 4) !== 0) bits.skip(2) // surmixlev
  if (audioMode === 2) bits.skip(2) // dsurmod
  const lowFrequency = bits.flag()
  // 44.1 kHz frames alternate between two sizes; the low bit tells which.
  const words = Math.floor((bitrate * 96_000) / sampleRate) + (sampleRate === 44_100 ? sizeCode & 1 : 0)
  return {
    codec: 'ac3',
    // Stream ids 9 and 10 are the half and quarter rates.
    sampleRate: sampleRate >> Math.max(0, streamId - 8),
    channels: (CHANNELS[audioMode] ?? 0) + (lowFrequency ? 1 : 0),
    samples: 6 * SAMPLES_PER_BLOCK,
    frameSize: words * 2,
    bitrateBps: (bitrate * 1000) >> Math.max(0, streamId - 8),
    streamId,
    mode,
    audioMode,
    lowFrequency,
    sampleRateCode,
    bitrateCode: sizeCode >> 1,
    dependent: false,
  }
}

function readEac3(bits: BitReader, streamId: number): Ac3Header {
  const dependent = bits.bits(2) === 1
  bits.skip(3) // substreamid
  const frameSize = (bits.bits(11) + 1) * 2
  const sampleRateCode = bits.bits(2)
  const second = bits.bits(2)
  const halfRate = sampleRateCode === 3
  const sampleRate = halfRate ? (SAMPLE_RATES[second] ?? 0) / 2 : (SAMPLE_RATES[sampleRateCode] ?? 0)
  if (sampleRate === 0)
    throw new FormatError('ERR_CODEC_BITSTREAM', 'expected an E-AC-3 sample rate, found the reserved one', 4)
  const samples = (halfRate ? 6 : (BLOCKS[second] ?? 6)) * SAMPLES_PER_BLOCK
  const audioMode = bits.bits(3)
  const lowFrequency = bits.flag()
  return {
    codec: 'eac3',
    sampleRate,
    channels: (CHANNELS[audioMode] ?? 0) + (lowFrequency ? 1 : 0),
    samples,
    frameSize,
    bitrateBps: Math.round((frameSize * 8 * sampleRate) / samples),
    streamId,
    mode: 0,
    audioMode,
    lowFrequency,
    sampleRateCode,
    bitrateCode: 0,
    dependent,
  }
}
