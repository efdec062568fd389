/** AudioSpecificConfig of AAC: ISO/IEC 14496-3 section 1.6.2.1. */
import { FormatError } from '../../../errors.ts'
import { BitReader } from '../../bytes/bit-reader.ts'
import { BitWriter } from '../../bytes/bit-writer.ts'

/** samplingFrequencyIndex of table 1.18. */
export const AAC_SAMPLE_RATES = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
] as const

/** Audio object types of table 1.17. */
export const AAC_OBJECT_TYPE = { MAIN: 1, LC: 2, SBR: 5, ER_LD: 23, PS: 29, ESCAPE: 31, ER_ELD: 39, USAC: 42 } as const

const EXPLICIT_RATE = 15
const MAX_SAMPLE_RATE = 192_000
/** Channels of channelConfiguration 1 to 14 (table 1.19). */
const CHANNELS: readonly (number | undefined)[] = [
  undefined,
  1,
  2,
  3,
  4,
  5,
  6,
  8,
  undefined,
  undefined,
  undefined,
  7,
  8,
  24,
  8,
]
/** Main, LC, SSR and LTP: what may be followed by a backward compatible extension. */
const LAST_PLAIN_TYPE = 4
/** Types that have a GASpecificConfig. */
const GENERAL_AUDIO: ReadonlySet<number> = new Set([1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23])
/** Output samples by coreSbrFrameLengthIndex of USAC (ISO/IEC 23003-3 table 76). */
const USAC_FRAME_LENGTHS = [768, 1024, 2048, 2048, 4096] as const
const SYNC_EXTENSION_SBR = 0x2b7
const SYNC_EXTENSION_PS = 0x548

export interface AacConfig {
  /** Of the core: 2 for AAC-LC, also below HE-AAC. */
  readonly objectType: number
  /** The object type that the record leads with: 5 or 29 where SBR or PS is signalled so, else `objectType`. */
  readonly signalledType: number
  /** Of the core, samples a second. */
  readonly coreSampleRate: number
  /** Of the output: twice the core's with signalled SBR. */
  readonly sampleRate: number
  /** Of the output: 2 with signalled parametric stereo. */
  readonly channels: number
  /** Samples of one packet at `coreSampleRate`: 1024 or 960; 512 or 480 for low delay, up to 4096 for USAC. */
  readonly coreFrameLength: number
  readonly sbr: boolean
  readonly ps: boolean
}

/** Throws FormatError for a record that is cut short or names a reserved rate or channel configuration. */
export function readAacConfig(config: Uint8Array): AacConfig {
  const bits = new BitReader(config)
  const signalledType = readObjectType(bits)
  const coreSampleRate = readSampleRate(bits)
  const channelConfiguration = bits.bits(4)
  let objectType = signalledType
  let sampleRate = coreSampleRate
  let sbr = false
  let ps = false
  if (signalledType === AAC_OBJECT_TYPE.SBR || signalledType === AAC_OBJECT_TYPE.PS) {
    sbr = true
    ps = signalledType === AAC_OBJECT_TYPE.PS
    sampleRate = readSampleRate(bits)
    objectType = readObjectType(bits)
  }
  const { coreFrameLength, extended } = readFrameLength(bits, objectType)
  const coreChannels = channelConfiguration === 0 ? readProgramConfig(bits) : CHANNELS[channelConfiguration]
  if (coreChannels === undefined) {
    throw new FormatError('ERR_CODEC_CONFIG', `expected an AAC channel configuration, found ${channelConfiguration}`)
  }
  if (!sbr && !extended && objectType <= LAST_PLAIN_TYPE) {
    const extension = readSyncExtension(bits)
    sbr = extension.sampleRate !== undefined
    ps = extension.ps
    sampleRate = extension.sampleRate ?? sampleRate
  }
  return {
    objectType,
    signalledType,
    coreSampleRate,
    sampleRate,
    channels: ps && coreChannels === 1 ? 2 : coreChannels,
    coreFrameLength,
    sbr,
    ps,
  }
}

/** A record for a plain object type (AAC-LC is 2), without SBR. Throws FormatError for channels no configuration stands for. */
export function writeAacConfig(config: {
  readonly objectType: number
  readonly sampleRate: number
  readonly channels: number
}): Uint8Array {
  const channelConfiguration = CHANNELS.indexOf(config.channels)
  if (channelConfiguration < 1) {
    throw new FormatError('ERR_CODEC_CONFIG', `expected 1 to 8 channels of AAC, found ${config.channels}`)
  }
  const bits = new BitWriter()
  bits.bits(config.objectType, 5)
  const index = AAC_SAMPLE_RATES.findIndex((rate) => rate === config.sampleRate)
  if (index === -1) bits.bits(EXPLICIT_RATE, 4).bits(config.sampleRate, 24)
  else bits.bits(index, 4)
  return bits.bits(channelConfiguration, 4).bits(0, 3).toBytes()
}

/** The start of the configuration of each type, as far as it tells the frame length. */
function readFrameLength(bits: BitReader, objectType: number): { coreFrameLength: number; extended: boolean } {
  if (objectType === AAC_OBJECT_TYPE.USAC) {
    if (bits.bits(5) === 31) bits.skip(24) // usacSamplingFrequencyIndex
    const coreFrameLength = USAC_FRAME_LENGTHS[bits.bits(3)]
    if (coreFrameLength === undefined)
      throw new FormatError('ERR_CODEC_CONFIG', 'expected a USAC frame length, found a reserved one')
    return { coreFrameLength, extended: true }
  }
  if (objectType === AAC_OBJECT_TYPE.ER_ELD) return { coreFrameLength: bits.flag() ? 480 : 512, extended: true }
  if (!GENERAL_AUDIO.has(objectType)) {
    throw new FormatError('ERR_CODEC_CONFIG', `expected an AAC object type, found ${objectType}`, 0)
  }
  const shortFrames = bits.flag()
  if (bits.flag()) bits.skip(14) // coreCoderDelay
  const extended = bits.flag()
  const length = shortFrames ? 960 : 1024
  return { coreFrameLength: objectType === AAC_OBJECT_TYPE.ER_LD ? length / 2 : length, extended }
}

function readObjectType(bits: BitReader): number {
  const type = bits.bits(5)
  return type === AAC_OBJECT_TYPE.ESCAPE ? 32 + bits.bits(6) : type
}

function readSampleRate(bits: BitReader): number {
  const index = bits.bits(4)
  const rate = index === EXPLICIT_RATE ? bits.bits(24) : AAC_SAMPLE_RATES[index]
  if (rate === undefined || rate === 0 || rate > MAX_SAMPLE_RATE) {
    throw new FormatError(
      'ERR_CODEC_CONFIG',
      `expected an AAC sample rate, found index ${index}, rate ${rate ?? 'reserved'}`,
    )
  }
  return rate
}

/** program_config_element (section 4.4.1.1): the number of channels it adds up to. */
function readProgramConfig(bits: BitReader): number {
  bits.skip(4 + 2 + 4) // element_instance_tag, object_type, sampling_frequency_index
  const front = bits.bits(4)
  const side = bits.bits(4)
  const back = bits.bits(4)
  const lowFrequency = bits.bits(2)
  bits.skip(3 + 4) // associated data, coupling channels
  if (bits.flag()) bits.skip(4)
  if (bits.flag()) bits.skip(4)
  if (bits.flag()) bits.skip(3)
  let channels = lowFrequency
  for (let i = 0; i < front + side + back; i++) {
    channels += bits.flag() ? 2 : 1
    bits.skip(4)
  }
  if (channels === 0)
    throw new FormatError('ERR_CODEC_CONFIG', 'expected channels in an AAC program configuration, found none')
  return channels
}

/** SBR and PS signalled behind the record, which old decoders do not look at. */
function readSyncExtension(bits: BitReader): { sampleRate?: number; ps: boolean } {
  if (bits.remaining < 16 || bits.bits(11) !== SYNC_EXTENSION_SBR) return { ps: false }
  if (readObjectType(bits) !== AAC_OBJECT_TYPE.SBR || bits.remaining < 5 || !bits.flag()) return { ps: false }
  const sampleRate = readSampleRate(bits)
  const ps = bits.remaining >= 12 && bits.bits(11) === SYNC_EXTENSION_PS && bits.flag()
  return { sampleRate, ps }
}
