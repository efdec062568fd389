/** Video codecs of Matroska and WebM (RFC 9559 section 22, codec mappings of video). */
import { FormatError } from '../../../errors.ts'
import { AV1_OBU, obus, toCanonicalObus } from '../../codecs/av1/bitstream.ts'
import { av1ConfigOf, writeAv1Config } from '../../codecs/av1/config.ts'
import { readAvcSps } from '../../codecs/h264/bitstream.ts'
import { readAvcConfig, writeAvcConfig } from '../../codecs/h264/config.ts'
import { readHevcSps } from '../../codecs/h265/bitstream.ts'
import { hevcConfigSps, readHevcConfig, writeHevcConfig } from '../../codecs/h265/config.ts'
import { toCanonicalNalUnits } from '../../codecs/nal-units.ts'
import { trackParameters } from '../../codecs/track-parameters.ts'
import { readVp9KeyFrame } from '../../codecs/vp9/bitstream.ts'
import { writeVpxConfig } from '../../codecs/vp9/config.ts'
import { readBitmapInfo, wmvCodecOf } from '../../codecs/wmv/bitmap-info.ts'
import type { ColorInfo, VideoCodec, VideoParameters } from '../../track.ts'
import type { TrackEntry } from './track-entry.ts'
import type { TrackFormat } from './track-format.ts'

/** profile_idc of the one profile of H.264 that cannot reorder. */
const BASELINE_PROFILE = 66
/** pic_order_cnt_type that says the same. */
const OUTPUT_ORDER = 2
const UNSPECIFIED = 2
/** Features in the private data of VP9 in WebM: id, length 1, value. */
const VP9_FEATURE_LEVEL = 2
const VC1_FRAME_START_CODE = [0, 0, 1, 0x0d] as const
const SAME = (frame: Uint8Array): Uint8Array => frame

/** `undefined` for codecs that are none of ours. Throws FormatError where the configuration is broken or missing. */
export function videoFormat(entry: TrackEntry, frame: Uint8Array | undefined): TrackFormat | undefined {
  switch (entry.codecId) {
    case 'V_MPEG4/ISO/AVC':
      return h264Format(entry)
    case 'V_MPEGH/ISO/HEVC':
      return h265Format(entry)
    case 'V_AV1':
      return av1Format(entry, frame)
    case 'V_VP9':
      return vp9Format(entry, frame)
    case 'V_VP8':
      return { codec: 'vp8', video: videoOf(entry, 'vp8', undefined), canonical: SAME }
    case 'V_MS/VFW/FOURCC':
      return windowsMediaFormat(entry)
    default:
      return undefined
  }
}

function h264Format(entry: TrackEntry): TrackFormat {
  const record = readAvcConfig(privateOf(entry))
  const config = writeAvcConfig({ ...record, lengthSize: 4 })
  const { profile, order } = readAvcSps(record.sps[0] ?? new Uint8Array(0))
  const inOrder = profile === BASELINE_PROFILE || order.type === OUTPUT_ORDER
  return {
    codec: 'h264',
    config,
    video: videoOf(entry, 'h264', config),
    reordering: inOrder ? 0 : (order.maxReorder ?? 'unknown'),
    canonical: (frame) => toCanonicalNalUnits(frame, record.lengthSize),
  }
}

function h265Format(entry: TrackEntry): TrackFormat {
  const record = readHevcConfig(privateOf(entry))
  const config = writeHevcConfig({ ...record, lengthSize: 4 })
  const sps = hevcConfigSps(record)
  return {
    codec: 'h265',
    config,
    video: videoOf(entry, 'h265', config),
    reordering: sps === undefined ? 'unknown' : readHevcSps(sps).maxReorder,
    canonical: (frame) => toCanonicalNalUnits(frame, record.lengthSize),
  }
}

function av1Format(entry: TrackEntry, frame: Uint8Array | undefined): TrackFormat {
  const config = entry.codecPrivate ?? av1ConfigOfFrame(frame)
  return { codec: 'av1', config, video: videoOf(entry, 'av1', config), canonical: toCanonicalObus }
}

/** Early files have no private data. */
function av1ConfigOfFrame(frame: Uint8Array | undefined): Uint8Array {
  const header = obus(frame ?? new Uint8Array(0)).find(({ type }) => type === AV1_OBU.SEQUENCE_HEADER)
  if (header === undefined) throw new FormatError('ERR_CODEC_CONFIG', 'expected an AV1 sequence header, found none')
  return writeAv1Config(av1ConfigOf(toCanonicalObus(header.bytes)))
}

function vp9Format(entry: TrackEntry, frame: Uint8Array | undefined): TrackFormat {
  const header = readVp9KeyFrame(frame ?? new Uint8Array(0))
  if (header === undefined)
    throw new FormatError('ERR_CODEC_CONFIG', 'expected a key frame of VP9 first, found another')
  const { profile, bitDepth, chromaSubsampling, fullRange, width, height } = header
  const { primaries = UNSPECIFIED, transfer = UNSPECIFIED, matrix = UNSPECIFIED } = entry.video?.color ?? {}
  const config = writeVpxConfig({
    profile,
    level: vp9LevelOf(entry.codecPrivate),
    bitDepth,
    chromaSubsampling,
    fullRange,
    primaries,
    transfer,
    matrix,
    initializationData: new Uint8Array(0),
  })
  return { codec: 'vp9', config, video: { ...videoOf(entry, 'vp9', config), width, height }, canonical: SAME }
}

/** Ten times the level; 0 where it is not told. */
function vp9LevelOf(features: Uint8Array | undefined): number {
  if (features === undefined) return 0
  for (let at = 0; at + 2 < features.byteLength; at += 2 + (features[at + 1] as number)) {
    if (features[at] === VP9_FEATURE_LEVEL && features[at + 1] === 1) return features[at + 2] as number
  }
  return 0
}

function windowsMediaFormat(entry: TrackEntry): TrackFormat | undefined {
  const info = readBitmapInfo(privateOf(entry))
  const codec = wmvCodecOf(info.fourCc)
  if (codec === undefined) return undefined
  const config = info.extra.byteLength > 0 ? info.extra : undefined
  const { width, height } = { width: info.width, height: Math.abs(info.height) }
  return {
    codec,
    ...(config !== undefined && { config }),
    video: { ...videoOf(entry, codec, undefined), ...(width > 0 && height > 0 && { width, height }) },
    ...((codec === 'wmv3' || codec === 'vc1') && { reordering: 'unknown' as const }),
    canonical: codec === 'vc1' ? withoutFrameStartCode : SAME,
  }
}

/** Files made of transport streams keep it, those made of ASF have none. */
function withoutFrameStartCode(frame: Uint8Array): Uint8Array {
  return VC1_FRAME_START_CODE.every((byte, i) => frame[i] === byte)
    ? frame.subarray(VC1_FRAME_START_CODE.length)
    : frame
}

function privateOf({ codecId, codecPrivate }: TrackEntry): Uint8Array {
  if (codecPrivate !== undefined) return codecPrivate
  throw new FormatError('ERR_CODEC_CONFIG', `expected private data of ${codecId}, found none`)
}

/** What the configuration says comes first for the size, what the container says for the colour. */
function videoOf({ video }: TrackEntry, codec: VideoCodec, config: Uint8Array | undefined): VideoParameters {
  const told = trackParameters(codec, config).video
  const size = told !== undefined && told.width > 0 ? told : video
  const color: ColorInfo = { ...told?.color, ...video?.color }
  return {
    width: size?.width ?? 0,
    height: size?.height ?? 0,
    ...(told?.frameRate !== undefined && { frameRate: told.frameRate }),
    ...(Object.keys(color).length > 0 && { color }),
  }
}
