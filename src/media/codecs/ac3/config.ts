/** The specific boxes of AC-3, `dac3`, and Enhanced AC-3, `dec3`: ETSI TS 102 366 annex F. */
import { FormatError } from '../../../errors.ts'
import { BitReader } from '../../bytes/bit-reader.ts'
import { BitWriter } from '../../bytes/bit-writer.ts'
import { readAc3Header } from './bitstream.ts'

const SAMPLE_RATES = [48_000, 44_100, 32_000] as const
const CHANNELS = [2, 1, 2, 3, 3, 4, 4, 5] as const
/** Channels that each bit of chan_loc adds (table F.1 order: the lowest bit is the last pair). */
const LOCATION_CHANNELS = [2, 2, 1, 1, 2, 2, 2, 1, 1] as const

export interface Ac3Config {
  readonly sampleRateCode: number
  readonly streamId: number
  readonly mode: number
  readonly audioMode: number
  readonly lowFrequency: boolean
  readonly bitrateCode: number
}

export interface Eac3Config {
  readonly dataRateKbps: number
  readonly substreams: readonly {
    readonly sampleRateCode: number
    readonly streamId: number
    readonly mode: number
    readonly audioMode: number
    readonly lowFrequency: boolean
    readonly dependents: number
    /** chan_loc; 0 without dependent substreams. */
    readonly locations: number
  }[]
}

/** Reads `dac3`. Throws FormatError when it is cut short. */
export function readAc3Config(config: Uint8Array): Ac3Config {
  const bits = new BitReader(config)
  return {
    sampleRateCode: bits.bits(2),
    streamId: bits.bits(5),
    mode: bits.bits(3),
    audioMode: bits.bits(3),
    lowFrequency: bits.flag(),
    bitrateCode: bits.bits(5),
  }
}

export function writeAc3Config(config: Ac3Config): Uint8Array {
  const bits = new BitWriter()
  bits.bits(config.sampleRateCode, 2)
  bits.bits(config.streamId, 5)
  bits.bits(config.mode, 3)
  bits.bits(config.audioMode, 3)
  bits.flag(config.lowFrequency)
  bits.bits(config.bitrateCode, 5)
  return bits.bits(0, 5).toBytes()
}

/** Reads `dec3`. Throws FormatError when it is cut short. */
export function readEac3Config(config: Uint8Array): Eac3Config {
  const bits = new BitReader(config)
  const dataRateKbps = bits.bits(13)
  const count = bits.bits(3) + 1
  const substreams: Eac3Config['substreams'][number][] = []
  for (let i = 0; i < count; i++) {
    const sampleRateCode = bits.bits(2)
    const streamId = bits.bits(5)
    bits.skip(2) // reserved, asvc
    const mode = bits.bits(3)
    const audioMode = bits.bits(3)
    const lowFrequency = bits.flag()
    bits.skip(3)
    const dependents = bits.bits(4)
    const locations = dependents > 0 ? bits.bits(9) : 0
    if (dependents === 0) bits.skip(1)
    substreams.push({ sampleRateCode, streamId, mode, audioMode, lowFrequency, dependents, locations })
  }
  return { dataRateKbps, substreams }
}

export function writeEac3Config(config: Eac3Config): Uint8Array {
  const bits = new BitWriter()
  bits.bits(config.dataRateKbps, 13)
  bits.bits(config.substreams.length - 1, 3)
  for (const substream of config.substreams) {
    bits.bits(substream.sampleRateCode, 2)
    bits.bits(substream.streamId, 5)
    bits.bits(0, 2)
    bits.bits(substream.mode, 3)
    bits.bits(substream.audioMode, 3)
    bits.flag(substream.lowFrequency)
    bits.bits(0, 3)
    bits.bits(substream.dependents, 4)
    if (substream.dependents > 0) bits.bits(substream.locations, 9)
    else bits.bits(0, 1)
  }
  return bits.toBytes()
}

/** The record of a track of which the first sync frame is known; sources such as Enhanced RTMP and MPEG-TS send none. */
export function ac3ConfigOfFrame(frame: Uint8Array): Uint8Array {
  const { codec, sampleRateCode, streamId, mode, audioMode, lowFrequency, bitrateCode, bitrateBps } =
    readAc3Header(frame)
  const shared = { sampleRateCode, streamId, mode, audioMode, lowFrequency }
  if (codec === 'ac3') return writeAc3Config({ ...shared, bitrateCode })
  const dataRateKbps = Math.min(0x1fff, Math.round(bitrateBps / 1000))
  return writeEac3Config({ dataRateKbps, substreams: [{ ...shared, dependents: 0, locations: 0 }] })
}

/** Samples a second and channels that a `dac3` or the first substream of a `dec3` stands for. Throws FormatError for a reserved rate. */
export function ac3Parameters(config: {
  readonly sampleRateCode: number
  readonly audioMode: number
  readonly lowFrequency: boolean
  readonly locations?: number
}): { sampleRate: number; channels: number } {
  const sampleRate = SAMPLE_RATES[config.sampleRateCode]
  if (sampleRate === undefined)
    throw new FormatError('ERR_CODEC_CONFIG', 'expected an AC-3 sample rate, found the reserved one')
  let channels = (CHANNELS[config.audioMode] ?? 0) + (config.lowFrequency ? 1 : 0)
  LOCATION_CHANNELS.forEach((count, bit) => {
    if ((((config.locations ?? 0) >> (8 - bit)) & 1) === 1) channels += count
  })
  return { sampleRate, channels }
}
