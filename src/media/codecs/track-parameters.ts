/** What a decoder configuration says of a track: the part of `Track` that every demuxer fills in the same way. */
import type { AudioParameters, Codec, ColorInfo, VideoParameters } from '../track.ts'
import { readAacConfig } from './aac/config.ts'
import { ac3Parameters, readAc3Config, readEac3Config } from './ac3/config.ts'
import { AV1_OBU, obus } from './av1/bitstream.ts'
import { readAv1Config } from './av1/config.ts'
import { readAv1SequenceHeader } from './av1/sequence-header.ts'
import { readFlacConfig } from './flac/config.ts'
import { readAvcSps } from './h264/bitstream.ts'
import { readAvcConfig } from './h264/config.ts'
import { readHevcSps } from './h265/bitstream.ts'
import { hevcConfigSps, readHevcConfig } from './h265/config.ts'
import { OPUS_SAMPLE_RATE } from './opus/bitstream.ts'
import { readOpusConfig } from './opus/config.ts'
import { readVpxConfig } from './vp9/config.ts'
import { readWaveFormat } from './wma/wave-format.ts'
import { readVc1AdvancedSequence } from './wmv/vc1.ts'

export interface TrackParameters {
  readonly video?: VideoParameters
  readonly audio?: AudioParameters
}

/**
 * Reads a configuration record. Empty for codecs without record (MP3, data) or whose record does not speak of it (WMV), and where none
 * is given; width and height are 0 where a record does not say them (VP8, VP9, AV1 without sequence header). Throws FormatError for a
 * broken record.
 */
export function trackParameters(codec: Codec, config: Uint8Array | undefined): TrackParameters {
  if (config === undefined) return {}
  switch (codec) {
    case 'h264':
      return describeH264Config(config)
    case 'h265':
      return describeH265Config(config)
    case 'av1':
      return describeAv1Config(config)
    case 'vp8':
    case 'vp9':
      return describeVpxConfig(config)
    case 'aac': {
      const { sampleRate, channels } = readAacConfig(config)
      return { audio: { sampleRate, channels } }
    }
    case 'opus':
      return { audio: { sampleRate: OPUS_SAMPLE_RATE, channels: readOpusConfig(config).channels } }
    case 'ac3':
      return { audio: ac3Parameters(readAc3Config(config)) }
    case 'eac3': {
      const first = readEac3Config(config).substreams[0]
      return first === undefined ? {} : { audio: ac3Parameters(first) }
    }
    case 'flac': {
      const { sampleRate, channels } = readFlacConfig(config)
      return { audio: { sampleRate, channels } }
    }
    case 'wma1':
    case 'wma2':
    case 'wmapro':
    case 'wmalossless':
    case 'wmavoice': {
      const { sampleRate, channels } = readWaveFormat(config)
      return { audio: { sampleRate, channels } }
    }
    case 'vc1': {
      const { size } = readVc1AdvancedSequence(config)
      return size === undefined ? {} : { video: size }
    }
    default:
      return {}
  }
}

/** From the first SPS of `avcC`. */
export function describeH264Config(config: Uint8Array): { video: VideoParameters } {
  const [sps] = readAvcConfig(config).sps
  // A record without SPS was refused by the reader.
  const { width, height, frameRate, color } = readAvcSps(sps ?? new Uint8Array(0))
  return { video: { width, height, ...(frameRate !== undefined && { frameRate }), color } }
}

/** From the first SPS of `hvcC`; without one (parameter sets in band) only the bit depth is known. */
export function describeH265Config(config: Uint8Array): { video: VideoParameters } {
  const record = readHevcConfig(config)
  const sps = hevcConfigSps(record)
  if (sps === undefined) return { video: { width: 0, height: 0, color: { bitDepth: record.bitDepth } } }
  const { width, height, frameRate, color } = readHevcSps(sps)
  return { video: { width, height, ...(frameRate !== undefined && { frameRate }), color } }
}

/** From the sequence header in `av1C`; without one only the bit depth is known. */
export function describeAv1Config(config: Uint8Array): { video: VideoParameters } {
  const record = readAv1Config(config)
  const header = obus(record.obus).find((unit) => unit.type === AV1_OBU.SEQUENCE_HEADER)
  if (header === undefined) return { video: { width: 0, height: 0, color: { bitDepth: record.bitDepth } } }
  const { width, height, frameRate, color } = readAv1SequenceHeader(header.payload)
  return { video: { width, height, ...(frameRate !== undefined && { frameRate }), color } }
}

/** From `vpcC`, which knows the colour but no size. */
export function describeVpxConfig(config: Uint8Array): { video: VideoParameters } {
  const { bitDepth, primaries, transfer, matrix, fullRange } = readVpxConfig(config)
  const color: ColorInfo = { bitDepth, primaries, transfer, matrix, fullRange }
  return { video: { width: 0, height: 0, color } }
}
