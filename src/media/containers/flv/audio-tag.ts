/** The body of an audio message: Video File Format 10.1 annex E.4.2 and Enhanced RTMP v2, section Enhanced Audio. */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { AUDIO_FOUR_CC, audioCodecName, audioCodecOf, type FlvAudioCodec, SOUND_FORMAT } from './codec-id.ts'
import { MULTITRACK, readModEx, readMultitrack, type TagPart } from './tag-part.ts'

/** AudioPacketType. */
export const AUDIO_PACKET = {
  SEQUENCE_START: 0,
  CODED_FRAMES: 1,
  SEQUENCE_END: 2,
  MULTICHANNEL_CONFIG: 4,
  MULTITRACK: 5,
  MOD_EX: 7,
} as const

/** AACPacketType of the header without FourCC. */
const AAC_PACKET = { SEQUENCE_HEADER: 0, RAW: 1 } as const
/** AAC says 44 kHz, 16 bits, stereo whatever it is. */
const AAC_FLAGS = 0x0f

export type AudioPart = TagPart<FlvAudioCodec>

/** How a track is written: `legacy` is what players before Enhanced RTMP know (AAC or MP3, one track). */
export interface AudioForm {
  readonly codec: FlvAudioCodec
  readonly legacy: boolean
  /** 0: the default track; others go out as multitrack. */
  readonly trackId: number
  readonly sampleRate: number
  readonly channels: number
}

/** Reads a message. Empty, or a FormatError, as `readVideoTag`. */
export function readAudioTag(body: Uint8Array): AudioPart[] {
  const first = body[0]
  if (first === undefined) return []
  const reader = new ByteReader(body)
  reader.skip(1)
  return first >> 4 === SOUND_FORMAT.EX_HEADER ? readEnhanced(reader, first & 15) : readLegacy(reader, first >> 4)
}

/** The bytes before a coded frame: one to seven, always the same for a track. */
export function audioFrameHeader(form: AudioForm): Uint8Array {
  if (!form.legacy) return enhancedHeader(form, AUDIO_PACKET.CODED_FRAMES)
  if (form.codec === 'aac') return Uint8Array.of((SOUND_FORMAT.AAC << 4) | AAC_FLAGS, AAC_PACKET.RAW)
  return Uint8Array.of(mp3Flags(form))
}

/** The bytes before a configuration record. */
export function audioConfigHeader(form: AudioForm): Uint8Array {
  if (!form.legacy) return enhancedHeader(form, AUDIO_PACKET.SEQUENCE_START)
  return Uint8Array.of((SOUND_FORMAT.AAC << 4) | AAC_FLAGS, AAC_PACKET.SEQUENCE_HEADER)
}

function readLegacy(reader: ByteReader, format: number): AudioPart[] {
  const codec =
    format === SOUND_FORMAT.AAC
      ? 'aac'
      : format === SOUND_FORMAT.MP3 || format === SOUND_FORMAT.MP3_8_KHZ
        ? 'mp3'
        : undefined
  // Some encoders send a lone header byte to say that they are there.
  if (reader.remaining === 0) return []
  const codecName = codec ?? audioCodecName(format)
  const kind = codec === 'aac' && reader.u8() === AAC_PACKET.SEQUENCE_HEADER ? 'config' : 'frame'
  return [{ kind, codec, codecName, trackId: 0, key: true, compositionMs: 0, nanoseconds: 0, data: reader.rest() }]
}

function readEnhanced(reader: ByteReader, firstType: number): AudioPart[] {
  const { packetType, nanoseconds } = readModEx(reader, firstType, AUDIO_PACKET.MOD_EX)
  if (packetType !== AUDIO_PACKET.MULTITRACK) {
    const part = readPart(packetType, reader.latin1(4), 0, reader, nanoseconds)
    return part === undefined ? [] : [part]
  }
  const head = reader.u8()
  const parts: AudioPart[] = []
  for (const { fourCc, trackId, body } of readMultitrack(reader, head >> 4)) {
    const part = readPart(head & 15, fourCc, trackId, body, nanoseconds)
    if (part !== undefined) parts.push(part)
  }
  return parts
}

function readPart(
  packetType: number,
  fourCc: string,
  trackId: number,
  body: ByteReader,
  nanoseconds: number,
): AudioPart | undefined {
  const part = {
    codec: audioCodecOf(fourCc),
    codecName: fourCc,
    trackId,
    key: true,
    compositionMs: 0,
    nanoseconds,
    data: body.rest(),
  } as const
  switch (packetType) {
    case AUDIO_PACKET.SEQUENCE_START:
      return { ...part, kind: 'config' }
    case AUDIO_PACKET.CODED_FRAMES:
      return { ...part, kind: 'frame' }
    case AUDIO_PACKET.SEQUENCE_END:
      return { ...part, kind: 'end' }
    case AUDIO_PACKET.MULTITRACK:
    case AUDIO_PACKET.MOD_EX:
      throw new FormatError('ERR_FLV_MULTITRACK', `expected a packet type of a track, found ${packetType}`, body.offset)
    // The order of channels is also in the codec's own configuration.
    default:
      return undefined
  }
}

function enhancedHeader(form: AudioForm, packetType: number): Uint8Array {
  const fourCc = Array.from(AUDIO_FOUR_CC[form.codec], (character) => character.charCodeAt(0))
  const format = SOUND_FORMAT.EX_HEADER << 4
  if (form.trackId === 0) return Uint8Array.of(format | packetType, ...fourCc)
  return Uint8Array.of(
    format | AUDIO_PACKET.MULTITRACK,
    (MULTITRACK.ONE_TRACK << 4) | packetType,
    ...fourCc,
    form.trackId,
  )
}

function mp3Flags({ sampleRate, channels }: AudioForm): number {
  const stereo = channels > 1 ? 1 : 0
  if (sampleRate === 8_000) return (SOUND_FORMAT.MP3_8_KHZ << 4) | 2 | stereo
  const rate = sampleRate === 11_025 ? 1 : sampleRate === 22_050 ? 2 : 3
  return (SOUND_FORMAT.MP3 << 4) | (rate << 2) | 2 | stereo
}
