/** What an elementary stream is, from its stream_type and descriptors: ISO/IEC 13818-1 table 2-34, ETSI EN 300 468 annex D, ATSC A/52 annex A. */
import { languageOfLetters } from '../../language.ts'
import type { TrackKind } from '../../track.ts'
import type { Descriptor, ProgramMap, StreamEntry } from './program-map.ts'

/** How the bytes of a stream that is carried are read. MPEG audio tells its layer in its frames, AC-3 whether it is the enhanced one. */
export type StreamFormat = 'h264' | 'h265' | 'aac' | 'mpeg-audio' | 'ac3' | 'opus'

/** A stream of the program, as far as its entry tells. */
export interface StreamDescription {
  readonly kind: TrackKind
  /** Of streams that are carried. */
  readonly format?: StreamFormat
  /** Of streams that are not: as `ForeignTrack` names it. */
  readonly codec: string
  readonly language?: string
  /** Channels of Opus as its descriptor codes them (ETSI TS 103 491 table 3). */
  readonly opusChannels?: number
  /** Whether it comes in PES packets: else it has no times. */
  readonly timed: boolean
}

const DESCRIPTOR = {
  REGISTRATION: 0x05,
  LANGUAGE: 0x0a,
  TELETEXT: 0x56,
  SUBTITLING: 0x59,
  AC3: 0x6a,
  EAC3: 0x7a,
  DTS: 0x7b,
  AAC: 0x7c,
  EXTENSION: 0x7f,
} as const
/** Within an extension descriptor. */
const OPUS_CHANNELS = 0x80

type Known = Pick<StreamDescription, 'kind' | 'codec'> & { readonly format?: StreamFormat; readonly timed?: false }

const STREAM_TYPES: Readonly<Record<number, Known>> = {
  0x01: { kind: 'video', codec: 'mpeg1video' },
  0x02: { kind: 'video', codec: 'mpeg2video' },
  0x03: { kind: 'audio', codec: 'mp2', format: 'mpeg-audio' },
  0x04: { kind: 'audio', codec: 'mp2', format: 'mpeg-audio' },
  0x05: { kind: 'data', codec: 'private_sections', timed: false },
  0x0f: { kind: 'audio', codec: 'aac', format: 'aac' },
  0x10: { kind: 'video', codec: 'mpeg4' },
  0x11: { kind: 'audio', codec: 'aac_latm' },
  0x15: { kind: 'data', codec: 'timed_id3' },
  0x1b: { kind: 'video', codec: 'h264', format: 'h264' },
  0x1c: { kind: 'audio', codec: 'aac_raw' },
  0x1f: { kind: 'video', codec: 'h264_svc' },
  0x20: { kind: 'video', codec: 'h264_mvc' },
  0x21: { kind: 'video', codec: 'jpeg2000' },
  0x24: { kind: 'video', codec: 'h265', format: 'h265' },
  0x33: { kind: 'video', codec: 'vvc' },
  0x42: { kind: 'video', codec: 'cavs' },
  0x81: { kind: 'audio', codec: 'ac3', format: 'ac3' },
  0x86: { kind: 'data', codec: 'scte_35', timed: false },
  0x87: { kind: 'audio', codec: 'eac3', format: 'ac3' },
  0xcf: { kind: 'audio', codec: 'aac_encrypted' },
  0xd1: { kind: 'video', codec: 'dirac' },
  0xdb: { kind: 'video', codec: 'h264_encrypted' },
  0xea: { kind: 'video', codec: 'vc1' },
}

/** Where the program is registered as HDMV: Blu-ray and camcorders. */
const HDMV_STREAM_TYPES: Readonly<Record<number, Known>> = {
  0x80: { kind: 'audio', codec: 'pcm_bluray' },
  0x82: { kind: 'audio', codec: 'dts' },
  0x83: { kind: 'audio', codec: 'truehd' },
  0x84: { kind: 'audio', codec: 'eac3', format: 'ac3' },
  0x85: { kind: 'audio', codec: 'dts' },
  0x86: { kind: 'audio', codec: 'dts' },
  0x90: { kind: 'text', codec: 'hdmv_pgs_subtitle' },
  0x91: { kind: 'data', codec: 'hdmv_igs', timed: false },
  0x92: { kind: 'text', codec: 'hdmv_text_subtitle' },
  0xa1: { kind: 'audio', codec: 'eac3', format: 'ac3' },
  0xa2: { kind: 'audio', codec: 'dts' },
}

const REGISTRATIONS: Readonly<Record<string, Known>> = {
  'AC-3': { kind: 'audio', codec: 'ac3', format: 'ac3' },
  EAC3: { kind: 'audio', codec: 'eac3', format: 'ac3' },
  Opus: { kind: 'audio', codec: 'opus', format: 'opus' },
  HEVC: { kind: 'video', codec: 'h265', format: 'h265' },
  AV01: { kind: 'video', codec: 'av1' },
  'VC-1': { kind: 'video', codec: 'vc1' },
  drac: { kind: 'video', codec: 'dirac' },
  DTS1: { kind: 'audio', codec: 'dts' },
  DTS2: { kind: 'audio', codec: 'dts' },
  DTS3: { kind: 'audio', codec: 'dts' },
  BSSD: { kind: 'audio', codec: 's302m' },
  KLVA: { kind: 'data', codec: 'klv' },
  'ID3 ': { kind: 'data', codec: 'timed_id3' },
  CUEI: { kind: 'data', codec: 'scte_35', timed: false },
}

const DESCRIPTORS: Readonly<Record<number, Known>> = {
  [DESCRIPTOR.AC3]: { kind: 'audio', codec: 'ac3', format: 'ac3' },
  [DESCRIPTOR.EAC3]: { kind: 'audio', codec: 'eac3', format: 'ac3' },
  [DESCRIPTOR.DTS]: { kind: 'audio', codec: 'dts' },
  [DESCRIPTOR.AAC]: { kind: 'audio', codec: 'aac', format: 'aac' },
  [DESCRIPTOR.TELETEXT]: { kind: 'text', codec: 'dvb_teletext' },
  [DESCRIPTOR.SUBTITLING]: { kind: 'text', codec: 'dvb_subtitle' },
}

/** What an entry of a PMT stands for. */
export function describeStream({ streamType, descriptors }: StreamEntry, program: ProgramMap): StreamDescription {
  const isHdmv = registrationOf(program.descriptors) === 'HDMV'
  const known = (isHdmv ? HDMV_STREAM_TYPES[streamType] : undefined) ??
    STREAM_TYPES[streamType] ??
    knownByDescriptors(descriptors) ?? {
      kind: 'data' as const,
      codec: `stream_type_0x${streamType.toString(16).padStart(2, '0')}`,
      timed: false,
    }
  const language = languageOf(descriptors)
  const opus = descriptors.find(({ tag, body }) => tag === DESCRIPTOR.EXTENSION && body[0] === OPUS_CHANNELS)
  const opusChannels = opus?.body[1]
  return {
    timed: true,
    ...known,
    ...(language !== undefined && { language }),
    ...(opusChannels !== undefined && { opusChannels }),
  }
}

/** stream_type 0x06 and the private ones: the descriptors tell. */
function knownByDescriptors(descriptors: readonly Descriptor[]): Known | undefined {
  const registration = registrationOf(descriptors)
  const registered = registration === undefined ? undefined : REGISTRATIONS[registration]
  if (registered !== undefined) return registered
  for (const { tag } of descriptors) {
    const known = DESCRIPTORS[tag]
    if (known !== undefined) return known
  }
  return undefined
}

function registrationOf(descriptors: readonly Descriptor[]): string | undefined {
  const body = descriptors.find(({ tag }) => tag === DESCRIPTOR.REGISTRATION)?.body
  return body === undefined || body.byteLength < 4 ? undefined : String.fromCharCode(...body.subarray(0, 4))
}

/** ISO_639_language_descriptor (section 2.6.18); the first of several languages. */
function languageOf(descriptors: readonly Descriptor[]): string | undefined {
  const body = descriptors.find(({ tag }) => tag === DESCRIPTOR.LANGUAGE)?.body
  if (body === undefined || body.byteLength < 3) return undefined
  // Some multiplexers write capitals.
  const letters = String.fromCharCode(...body.subarray(0, 3)).toLowerCase()
  return /^[a-z]{3}$/.test(letters) ? languageOfLetters(letters) : undefined
}
