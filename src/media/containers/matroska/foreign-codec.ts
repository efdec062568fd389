/** Names of the codecs that are told of and not read, as other programs call them. */
import { FormatError } from '../../../errors.ts'
import { readBitmapInfo } from '../../codecs/wmv/bitmap-info.ts'
import type { TrackEntry } from './track-entry.ts'

/** By the beginning of the codec id (RFC 9559 refers to the list of codec specifications). The first that fits counts. */
const NAMES: readonly (readonly [string, string])[] = [
  ['V_MPEG1', 'mpeg1video'],
  ['V_MPEG2', 'mpeg2video'],
  ['V_MPEG4/MS/V3', 'msmpeg4v3'],
  ['V_MPEG4/ISO/AVC', 'h264'],
  ['V_MPEG4/ISO', 'mpeg4'],
  ['V_MPEGH/ISO/HEVC', 'hevc'],
  ['V_MPEGI/ISO/VVC', 'vvc'],
  ['V_THEORA', 'theora'],
  ['V_PRORES', 'prores'],
  ['V_FFV1', 'ffv1'],
  ['V_MJPEG', 'mjpeg'],
  ['V_UNCOMPRESSED', 'rawvideo'],
  ['V_AV1', 'av1'],
  ['V_VP8', 'vp8'],
  ['V_VP9', 'vp9'],
  ['V_REAL/RV40', 'rv40'],
  ['V_REAL/RV30', 'rv30'],
  ['A_AAC', 'aac'],
  ['A_OPUS', 'opus'],
  ['A_VORBIS', 'vorbis'],
  ['A_FLAC', 'flac'],
  ['A_DTS', 'dts'],
  ['A_TRUEHD', 'truehd'],
  ['A_MLP', 'mlp'],
  ['A_ALAC', 'alac'],
  ['A_TTA', 'tta'],
  ['A_WAVPACK', 'wavpack'],
  ['A_AC3', 'ac3'],
  ['A_EAC3', 'eac3'],
  ['A_MPEG/L3', 'mp3'],
  ['A_MPEG/L2', 'mp2'],
  ['A_MPEG/L1', 'mp1'],
  ['S_VOBSUB', 'dvd_subtitle'],
  ['S_HDMV/PGS', 'hdmv_pgs_subtitle'],
  ['S_HDMV/TEXTST', 'hdmv_text_subtitle'],
  ['S_DVBSUB', 'dvb_subtitle'],
]
/** FourCCs of MPEG-4 part 2, which everybody gave a name of his own. */
const MPEG4_FOUR_CCS: ReadonlySet<string> = new Set(['XVID', 'DIVX', 'DX50', 'FMP4', 'MP4V', 'MP4S'])
const FOUR_CC_NAMES: Readonly<Record<string, string>> = {
  MJPG: 'mjpeg',
  H264: 'h264',
  AVC1: 'h264',
  MPG2: 'mpeg2video',
}

/** `mpeg2video`, `pcm_s16le`; else what the container says. Nothing that cannot be read in a terminal. */
export function foreignCodec({ codecId, codecPrivate, audio }: TrackEntry): string {
  if (codecId === 'V_MS/VFW/FOURCC' && codecPrivate !== undefined) return ofFourCc(codecPrivate) ?? codecId
  const bits = audio?.bitDepth || 16
  if (codecId === 'A_PCM/INT/LIT') return bits === 8 ? 'pcm_u8' : `pcm_s${bits}le`
  if (codecId === 'A_PCM/INT/BIG') return `pcm_s${bits}be`
  if (codecId === 'A_PCM/FLOAT/IEEE') return `pcm_f${audio?.bitDepth || 32}le`
  const name = NAMES.find(([beginning]) => codecId.startsWith(beginning))
  return name?.[1] ?? codecId.replace(/[^\x20-\x7e]/g, '?')
}

function ofFourCc(codecPrivate: Uint8Array): string | undefined {
  try {
    const fourCc = readBitmapInfo(codecPrivate).fourCc.toUpperCase()
    if (MPEG4_FOUR_CCS.has(fourCc)) return 'mpeg4'
    return FOUR_CC_NAMES[fourCc] ?? (/^[\x21-\x7e]{4}$/.test(fourCc) ? fourCc : undefined)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
