/** Names for the codecs of tracks that are not read, by their sample entries (ISO/IEC 14496-12 section 8.5.2, the MP4 registration authority). */
import { FormatError } from '../../../errors.ts'
import { type Box, childBoxes, readFullBoxHeader, topLevelBoxes } from './box.ts'
import { readElementaryStream } from './descriptor.ts'
import { codecOfEntry } from './sample-entry.ts'

/** By type of the entry. Names are those of FFmpeg, which people and programs know. */
const NAMES: Readonly<Record<string, string>> = {
  mp4v: 'mpeg4',
  mp2v: 'mpeg2video',
  m2v1: 'mpeg2video',
  'vc-1': 'vc1',
  s263: 'h263',
  h263: 'h263',
  jpeg: 'mjpeg',
  mjpa: 'mjpeg',
  mjp2: 'jpeg2000',
  'png ': 'png',
  apch: 'prores',
  apcn: 'prores',
  apcs: 'prores',
  apco: 'prores',
  ap4h: 'prores',
  ap4x: 'prores',
  dvh1: 'dolby vision',
  dvhe: 'dolby vision',
  vvc1: 'vvc',
  SVQ3: 'svq3',
  'raw ': 'raw',
  dtsc: 'dts',
  dtsh: 'dts',
  dtsl: 'dts',
  dtse: 'dts',
  dtsx: 'dts:x',
  'ac-4': 'ac4',
  mlpa: 'truehd',
  mhm1: 'mpeg-h 3d audio',
  mha1: 'mpeg-h 3d audio',
  alac: 'alac',
  samr: 'amr_nb',
  sawb: 'amr_wb',
  sowt: 'pcm_s16le',
  twos: 'pcm_s16be',
  in24: 'pcm_s24be',
  in32: 'pcm_s32be',
  fl32: 'pcm_f32be',
  fl64: 'pcm_f64be',
  lpcm: 'pcm',
  ipcm: 'pcm',
  fpcm: 'pcm_f32le',
  ulaw: 'pcm_mulaw',
  alaw: 'pcm_alaw',
  stpp: 'ttml',
  c608: 'eia_608',
  c708: 'eia_708',
  mp4s: 'dvd_subtitle',
  tmcd: 'timecode',
  mett: 'timed metadata',
  metx: 'timed metadata',
  mebx: 'timed metadata',
  'rtp ': 'rtp hint',
}

/** By object type indication, of `mp4v` and `mp4a` (ISO/IEC 14496-1 section 7.2.6.6). */
const OBJECT_NAMES: Readonly<Record<number, string>> = {
  32: 'mpeg4',
  96: 'mpeg2video',
  97: 'mpeg2video',
  98: 'mpeg2video',
  99: 'mpeg2video',
  100: 'mpeg2video',
  101: 'mpeg2video',
  106: 'mpeg1video',
  108: 'mjpeg',
  110: 'png',
  165: 'ac3',
  166: 'eac3',
  169: 'dts',
  170: 'dts',
  173: 'opus',
  221: 'vorbis',
  225: 'qcelp',
}
/** Bytes before the boxes of an entry. */
const VISUAL_FIELDS = 78
const SOUND_FIELDS = 28
const MAX_NAME_LENGTH = 20

/** How a track is encrypted. */
export interface EntryProtection {
  /** Name of the codec before encryption. */
  readonly codec: string
  /** `cenc`, `cbcs` … */
  readonly scheme: string
  /** Of the default key, as a UUID; empty where the entry does not say. */
  readonly keyId: string
}

/** For people: the codec's name where it is known, else the type of the entry; for an encrypted track with its scheme. */
export function foreignCodecName(entry: Box, handler: string): string {
  const { type } = entry
  const protection = readProtection(entry)
  if (protection !== undefined) return `${protection.codec} (encrypted, ${protection.scheme})`
  const name = NAMES[type] ?? printable(type)
  if (type !== 'mp4v' && type !== 'mp4a') return name
  const objectType = objectTypeOf(entry, handler)
  return objectType === undefined ? name : (OBJECT_NAMES[objectType] ?? `${name} (object type ${objectType})`)
}

function objectTypeOf(entry: Box, handler: string): number | undefined {
  for (const { type, body } of fieldBoxes(entry, handler === 'vide' ? VISUAL_FIELDS : SOUND_FIELDS)) {
    if (type !== 'esds') continue
    readFullBoxHeader(body)
    return readElementaryStream(body).objectType
  }
  return undefined
}

/** Reads `sinf`, which says what was encrypted, how and with which key (ISO/IEC 23001-7 section 8.2); `undefined` for what is in the clear. */
export function readProtection(entry: Box): EntryProtection | undefined {
  if (entry.type !== 'encv' && entry.type !== 'enca') return undefined
  const told = { codec: 'unknown', scheme: 'unknown scheme', keyId: '' }
  for (const box of fieldBoxes(entry, entry.type === 'encv' ? VISUAL_FIELDS : SOUND_FIELDS)) {
    if (box.type === 'sinf') readProtectionBoxes(box, told)
  }
  return told
}

function readProtectionBoxes(parent: Box, told: { codec: string; scheme: string; keyId: string }): void {
  for (const box of childBoxes(parent)) {
    const { type, body } = box
    if (type === 'schi') readProtectionBoxes(box, told)
    else if (type === 'frma') {
      const original = body.latin1(4)
      told.codec = codecOfEntry(original) ?? NAMES[original] ?? printable(original)
    } else if (type === 'schm') {
      readFullBoxHeader(body)
      told.scheme = printable(body.latin1(4))
    } else if (type === 'tenc') {
      readFullBoxHeader(body)
      body.skip(4)
      told.keyId = [...body.view(16)]
        .map((byte) => byte.toString(16).padStart(2, '0'))
        .join('')
        .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
    }
  }
}

/** What is broken tells nothing. */
function fieldBoxes({ body }: Box, fields: number): Box[] {
  const bytes = body.bytes.subarray(fields)
  const boxes: Box[] = []
  try {
    for (const box of topLevelBoxes(bytes)) boxes.push(box)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
  }
  return boxes
}

/** Names go to terminals and pages. */
function printable(type: string): string {
  const text = type.replaceAll(/[^\x20-\x7e]/g, '?').trim()
  return text === '' ? 'unknown' : text.slice(0, MAX_NAME_LENGTH)
}
