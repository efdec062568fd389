/** Codecs in ASF, both ways between Stream Properties and Track (ASF 1.20 section 9; H.264 and AAC as FFmpeg and VLC have them). */
import { FormatError } from '../../../errors.ts'
import { readAacConfig } from '../../codecs/aac/config.ts'
import { AVC_NAL, avcNalType } from '../../codecs/h264/bitstream.ts'
import { avcConfigOf, readAvcConfig, writeAvcConfig } from '../../codecs/h264/config.ts'
import { annexBUnits, isAnnexB } from '../../codecs/nal-units.ts'
import { trackParameters } from '../../codecs/track-parameters.ts'
import {
  readWaveFormat,
  WAVE_FORMAT,
  type WaveFormat,
  wmaCodecOf,
  wmaFormatTag,
  writeWaveFormat,
} from '../../codecs/wma/wave-format.ts'
import { bitmapInfoOf, readBitmapInfo, wmvCodecOf, wmvFourCc, writeBitmapInfo } from '../../codecs/wmv/bitmap-info.ts'
import type { Track, VideoParameters, WindowsMediaAudioCodec, WindowsMediaVideoCodec } from '../../track.ts'
import { ASF_GUID, type Guid } from './guid.ts'
import {
  readVideoTypeSpecific,
  type StreamPropertiesObject,
  writeVideoTypeSpecific,
} from './objects/stream-properties.ts'

/** What a format tells of its track. */
export type TrackFormat = Pick<Track, 'kind' | 'codec' | 'config' | 'video' | 'audio'>

/** `undefined` for what no decoder here knows, and for a format that breaks its own form: such a stream is carried, not decoded. */
export function readTrackFormat({ streamType, typeSpecific }: StreamPropertiesObject): TrackFormat | undefined {
  try {
    if (streamType === ASF_GUID.AUDIO_MEDIA) return readAudio(typeSpecific)
    if (streamType === ASF_GUID.VIDEO_MEDIA) return readVideo(typeSpecific)
    return streamType === ASF_GUID.COMMAND_MEDIA ? { kind: 'data', codec: 'asf-command' } : undefined
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/** The name that the header gives a format by, whether it is known here or not; `unknown` where it cannot be read. */
export function formatNameOf({ streamType, typeSpecific }: StreamPropertiesObject): string {
  try {
    if (streamType === ASF_GUID.COMMAND_MEDIA) return 'script commands'
    if (streamType === ASF_GUID.VIDEO_MEDIA) {
      const { fourCc } = readBitmapInfo(readVideoTypeSpecific(typeSpecific).format)
      return /^[\x21-\x7e]{1,4}$/.test(fourCc) ? fourCc : 'unknown'
    }
    if (streamType === ASF_GUID.AUDIO_MEDIA) {
      return `format 0x${readWaveFormat(typeSpecific).tag.toString(16).padStart(4, '0')}`
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
  }
  return 'unknown'
}

/** Whether ASF can carry the track as we write it. */
export function isAsfTrack({ codec, config }: Track): boolean {
  switch (codec) {
    case 'h264':
    case 'aac':
      return config !== undefined
    case 'mp3':
    case 'asf-command':
      return true
    case 'wma1':
    case 'wma2':
    case 'wmapro':
    case 'wmalossless':
    case 'wmavoice':
      return config !== undefined
    case 'wmv1':
    case 'wmv2':
    case 'wmv3':
    case 'vc1':
    case 'msmpeg4v2':
    case 'msmpeg4v3':
      return true
    default:
      return false
  }
}

/** How a track stands in the header. */
export interface StreamFormat {
  readonly streamType: Guid
  readonly typeSpecific: Uint8Array
  /** FourCC, or format tag, for the codec list; empty for commands. */
  readonly info: Uint8Array
  /** Of audio. */
  readonly wave: WaveFormat | undefined
}

/** Throws ERR_ASF_CODEC for a track that `isAsfTrack` refuses, FormatError for a configuration that cannot be read. */
export function writeTrackFormat(track: Track): StreamFormat {
  if (!isAsfTrack(track)) {
    throw new FormatError(
      'ERR_ASF_CODEC',
      `expected a codec with its configuration that ASF carries, found ${track.codec}`,
    )
  }
  if (track.kind === 'data') {
    return { streamType: ASF_GUID.COMMAND_MEDIA, typeSpecific: EMPTY, info: EMPTY, wave: undefined }
  }
  return track.kind === 'audio' ? writeAudio(track) : writeVideo(track)
}

const EMPTY = new Uint8Array(0)
/** HEAACWAVEINFO between WAVEFORMATEX and AudioSpecificConfig. */
const HE_AAC_INFO_LENGTH = 12
/** Payload type of HEAACWAVEINFO: frames without headers. */
const RAW_AAC = 0
const H264_FOUR_CC = 'H264'
const H264_FOUR_CCS: ReadonlySet<string> = new Set([H264_FOUR_CC, 'AVC1', 'X264', 'DAVC', 'VSSH'])
/** Samples a second that MPEG-1 and MPEG-2 layer 3 meet at. */
const MPEG2_MAX_RATE = 28_000
const DEFAULT_AUDIO_BPS = 128_000
/** What a stereo frame of AAC takes at most. */
const AAC_BYTES_PER_CHANNEL = 768
const SAMPLE_BITS = 16

function readAudio(bytes: Uint8Array): TrackFormat | undefined {
  const wave = readWaveFormat(bytes)
  const { tag, sampleRate, channels, extra } = wave
  const wma = wmaCodecOf(tag)
  const audio = { sampleRate, channels }
  // The whole structure, without what may follow it.
  if (wma !== undefined) return { kind: 'audio', codec: wma, config: writeWaveFormat(wave), audio }
  if (tag === WAVE_FORMAT.MP3) return { kind: 'audio', codec: 'mp3', audio }
  if (tag === WAVE_FORMAT.AAC) return readAac(extra)
  const raw = (extra[0] ?? 0) === RAW_AAC && (extra[1] ?? 0) === 0
  return tag === WAVE_FORMAT.HE_AAC && raw ? readAac(extra.subarray(HE_AAC_INFO_LENGTH)) : undefined
}

function readAac(config: Uint8Array): TrackFormat {
  const { sampleRate, channels } = readAacConfig(config)
  return { kind: 'audio', codec: 'aac', config: config.slice(), audio: { sampleRate, channels } }
}

function readVideo(bytes: Uint8Array): TrackFormat | undefined {
  const { width, height, format } = readVideoTypeSpecific(bytes)
  const info = readBitmapInfo(format)
  const size = { width: width || Math.max(0, info.width), height: height || Math.abs(info.height) }
  const wmv = wmvCodecOf(info.fourCc)
  if (wmv !== undefined) {
    const config = info.extra.byteLength === 0 ? undefined : info.extra.slice()
    return { kind: 'video', codec: wmv, ...(config !== undefined && { config }), video: size }
  }
  return H264_FOUR_CCS.has(info.fourCc.toUpperCase()) ? readH264(info.extra, size) : undefined
}

/** Without parameter sets in the header (VLC) the track has no configuration until a key frame brings them. */
function readH264(extra: Uint8Array, size: VideoParameters): TrackFormat {
  const config = h264Config(extra)
  if (config === undefined) return { kind: 'video', codec: 'h264', video: size }
  return { kind: 'video', codec: 'h264', config, video: trackParameters('h264', config).video ?? size }
}

/**
 * `avcC` of parameter sets with start codes, or the record itself where a writer put that; `undefined` when there is no sequence
 * parameter set. Throws FormatError when it cannot be read, and for a record of shorter NAL unit lengths, which nobody writes into ASF.
 */
export function h264Config(extra: Uint8Array): Uint8Array | undefined {
  if (extra.byteLength === 0) return undefined
  if (!isAnnexB(extra)) {
    const { lengthSize } = readAvcConfig(extra)
    if (lengthSize === 4) return extra.slice()
    throw new FormatError('ERR_ASF_UNIT_LENGTH', `expected NAL unit lengths of 4 bytes in ASF, found ${lengthSize}`)
  }
  const units = annexBUnits(extra)
  const sps = units.filter((unit) => avcNalType(unit) === AVC_NAL.SPS)
  const pps = units.filter((unit) => avcNalType(unit) === AVC_NAL.PPS)
  return sps.length === 0 ? undefined : writeAvcConfig(avcConfigOf(sps, pps))
}

/** Parameter sets of `avcC` with start codes. Throws FormatError for a broken record. */
export function h264ParameterSets(config: Uint8Array): Uint8Array {
  const { sps, pps } = readAvcConfig(config)
  const bytes: number[] = []
  for (const unit of [...sps, ...pps]) bytes.push(0, 0, 0, 1, ...unit)
  return Uint8Array.from(bytes)
}

function writeAudio(track: Track): StreamFormat {
  const wave = waveFormatOf(track)
  const info = Uint8Array.of(wave.tag & 0xff, wave.tag >> 8)
  return { streamType: ASF_GUID.AUDIO_MEDIA, typeSpecific: writeWaveFormat(wave), info, wave }
}

function waveFormatOf({ codec, config, audio, bitrateBps = DEFAULT_AUDIO_BPS }: Track): WaveFormat {
  if (codec !== 'aac' && codec !== 'mp3') {
    // Its own tag must say the same as the codec, whoever made the track.
    return { ...readWaveFormat(config ?? EMPTY), tag: wmaFormatTag(codec as WindowsMediaAudioCodec) }
  }
  const { sampleRate, channels } = codec === 'aac' ? readAacConfig(config ?? EMPTY) : (audio ?? DEFAULT_AUDIO)
  const plain = { channels, sampleRate, bytesPerSecond: Math.round(bitrateBps / 8), bitsPerSample: SAMPLE_BITS }
  if (codec === 'aac') {
    const extra = config ?? EMPTY
    return { ...plain, tag: WAVE_FORMAT.AAC, blockAlign: AAC_BYTES_PER_CHANNEL * channels, extra }
  }
  const samples = sampleRate < MPEG2_MAX_RATE ? 576 : 1152
  const frameSize = Math.min(Math.floor((samples * bitrateBps) / 8 / sampleRate), 0xffff)
  return { ...plain, tag: WAVE_FORMAT.MP3, blockAlign: 1, bitsPerSample: 0, extra: mp3Extra(frameSize) }
}

const DEFAULT_AUDIO = { sampleRate: 44_100, channels: 2 } as const

/** MPEGLAYER3WAVEFORMAT: id 1, padding as needed, one frame a block, the usual decoder delay. */
function mp3Extra(frameSize: number): Uint8Array {
  return Uint8Array.of(1, 0, 2, 0, 0, 0, frameSize & 0xff, frameSize >> 8, 1, 0, 0x71, 0x05)
}

function writeVideo(track: Track): StreamFormat {
  const { width = 0, height = 0 } = track.video ?? {}
  const fourCc = track.codec === 'h264' ? H264_FOUR_CC : wmvFourCc(track.codec as WindowsMediaVideoCodec)
  const extra = track.codec === 'h264' ? h264ParameterSets(track.config ?? EMPTY) : (track.config ?? EMPTY)
  const format = writeBitmapInfo(bitmapInfoOf(fourCc, { width, height }, extra))
  return {
    streamType: ASF_GUID.VIDEO_MEDIA,
    typeSpecific: writeVideoTypeSpecific({ width, height, format }),
    info: Uint8Array.from(fourCc, (character) => character.charCodeAt(0)),
    wave: undefined,
  }
}
