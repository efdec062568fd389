/** The body of a video message: Video File Format 10.1 annex E.4.3 and Enhanced RTMP v2, section Enhanced Video. */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { type FlvVideoCodec, VIDEO_CODEC_ID, VIDEO_FOUR_CC, videoCodecName, videoCodecOf } from './codec-id.ts'
import { MULTITRACK, readModEx, readMultitrack, type TagPart } from './tag-part.ts'

/** VideoPacketType. */
export const VIDEO_PACKET = {
  SEQUENCE_START: 0,
  CODED_FRAMES: 1,
  SEQUENCE_END: 2,
  CODED_FRAMES_X: 3,
  METADATA: 4,
  MPEG2_TS_SEQUENCE_START: 5,
  MULTITRACK: 6,
  MOD_EX: 7,
} as const

/** AVCPacketType of the header without FourCC. */
const AVC_PACKET = { SEQUENCE_HEADER: 0, UNITS: 1 } as const
/** FrameType. */
const FRAME = { KEY: 1, INTER: 2, GENERATED_KEY: 4, COMMAND: 5 } as const
const EX_HEADER = 0x80

export type VideoPart = TagPart<FlvVideoCodec>

/** How a track is written: `legacy` is what players before Enhanced RTMP know (H.264, one track). */
export interface VideoForm {
  readonly codec: FlvVideoCodec
  readonly legacy: boolean
  /** 0: the default track; others go out as multitrack. */
  readonly trackId: number
}

/**
 * Reads a message. Empty for commands, messages without content, and packet types of later versions. Throws FormatError for anything
 * cut short, lying about sizes or past the limits of tag-part.ts.
 */
export function readVideoTag(body: Uint8Array): VideoPart[] {
  const first = body[0]
  if (first === undefined) return []
  const reader = new ByteReader(body)
  reader.skip(1)
  return (first & EX_HEADER) === 0
    ? readLegacy(reader, first >> 4, first & 15)
    : readEnhanced(reader, (first >> 4) & 7, first & 15)
}

/** The bytes before a coded frame: two to thirteen. */
export function videoFrameHeader(form: VideoForm, key: boolean, compositionMs: number): Uint8Array {
  const frameType = key ? FRAME.KEY : FRAME.INTER
  const [high, middle, low] = [(compositionMs >> 16) & 0xff, (compositionMs >> 8) & 0xff, compositionMs & 0xff]
  if (form.legacy) {
    return Uint8Array.of((frameType << 4) | VIDEO_CODEC_ID.AVC, AVC_PACKET.UNITS, high, middle, low)
  }
  const timed = hasComposition(form.codec)
  const packetType = timed && compositionMs === 0 ? VIDEO_PACKET.CODED_FRAMES_X : VIDEO_PACKET.CODED_FRAMES
  const composition = packetType === VIDEO_PACKET.CODED_FRAMES && timed ? [high, middle, low] : []
  return Uint8Array.of(...enhancedHeader(form, frameType, packetType), ...composition)
}

/** The bytes before a configuration record. */
export function videoConfigHeader(form: VideoForm): Uint8Array {
  if (form.legacy) return Uint8Array.of((FRAME.KEY << 4) | VIDEO_CODEC_ID.AVC, AVC_PACKET.SEQUENCE_HEADER, 0, 0, 0)
  return Uint8Array.from(enhancedHeader(form, FRAME.KEY, VIDEO_PACKET.SEQUENCE_START))
}

/** The bytes before metadata in AMF 0. Only forms with FourCC have it. */
export function videoMetadataHeader(form: VideoForm): Uint8Array {
  return Uint8Array.from(enhancedHeader(form, FRAME.KEY, VIDEO_PACKET.METADATA))
}

function readLegacy(reader: ByteReader, frameType: number, codecId: number): VideoPart[] {
  if (frameType === FRAME.COMMAND) return []
  const codec = codecId === VIDEO_CODEC_ID.AVC ? 'h264' : codecId === VIDEO_CODEC_ID.HEVC ? 'h265' : undefined
  const codecName = codec ?? videoCodecName(codecId)
  const key = frameType === FRAME.KEY || frameType === FRAME.GENERATED_KEY
  const packetType = codec === undefined ? AVC_PACKET.UNITS : reader.u8()
  const compositionMs = codec === undefined ? 0 : reader.i24()
  const kind = packetType === AVC_PACKET.SEQUENCE_HEADER ? 'config' : packetType === AVC_PACKET.UNITS ? 'frame' : 'end'
  return [{ kind, codec, codecName, trackId: 0, key, compositionMs, nanoseconds: 0, data: reader.rest() }]
}

function readEnhanced(reader: ByteReader, frameType: number, firstType: number): VideoPart[] {
  const { packetType, nanoseconds } = readModEx(reader, firstType, VIDEO_PACKET.MOD_EX)
  const key = frameType === FRAME.KEY || frameType === FRAME.GENERATED_KEY
  if (frameType === FRAME.COMMAND && packetType !== VIDEO_PACKET.METADATA) return []
  if (packetType !== VIDEO_PACKET.MULTITRACK) {
    const part = readPart(packetType, reader.latin1(4), 0, reader, { key, nanoseconds })
    return part === undefined ? [] : [part]
  }
  const head = reader.u8()
  const parts: VideoPart[] = []
  for (const { fourCc, trackId, body } of readMultitrack(reader, head >> 4)) {
    const part = readPart(head & 15, fourCc, trackId, body, { key, nanoseconds })
    if (part !== undefined) parts.push(part)
  }
  return parts
}

function readPart(
  packetType: number,
  fourCc: string,
  trackId: number,
  body: ByteReader,
  { key, nanoseconds }: { readonly key: boolean; readonly nanoseconds: number },
): VideoPart | undefined {
  const codec = videoCodecOf(fourCc)
  const part = { codec, codecName: fourCc, trackId, key, nanoseconds, compositionMs: 0 } as const
  switch (packetType) {
    case VIDEO_PACKET.SEQUENCE_START:
      return { ...part, kind: 'config', data: body.rest() }
    case VIDEO_PACKET.CODED_FRAMES: {
      const compositionMs = codec !== undefined && hasComposition(codec) ? body.i24() : 0
      return { ...part, kind: 'frame', compositionMs, data: body.rest() }
    }
    case VIDEO_PACKET.CODED_FRAMES_X:
      return { ...part, kind: 'frame', data: body.rest() }
    case VIDEO_PACKET.METADATA:
      return { ...part, kind: 'metadata', data: body.rest() }
    case VIDEO_PACKET.SEQUENCE_END:
      return { ...part, kind: 'end', data: body.rest() }
    case VIDEO_PACKET.MPEG2_TS_SEQUENCE_START:
      throw new FormatError(
        'ERR_FLV_MPEG2_TS',
        'expected a configuration record, found an MPEG-2 TS descriptor',
        body.offset,
      )
    case VIDEO_PACKET.MULTITRACK:
    case VIDEO_PACKET.MOD_EX:
      throw new FormatError('ERR_FLV_MULTITRACK', `expected a packet type of a track, found ${packetType}`, body.offset)
    default:
      return undefined
  }
}

function enhancedHeader(form: VideoForm, frameType: number, packetType: number): number[] {
  const fourCc = Array.from(VIDEO_FOUR_CC[form.codec], (character) => character.charCodeAt(0))
  const outer = form.trackId === 0 ? packetType : VIDEO_PACKET.MULTITRACK
  const first = EX_HEADER | (frameType << 4) | outer
  return form.trackId === 0
    ? [first, ...fourCc]
    : [first, (MULTITRACK.ONE_TRACK << 4) | packetType, ...fourCc, form.trackId]
}

/** Only these carry a composition time in CodedFrames. */
function hasComposition(codec: FlvVideoCodec): boolean {
  return codec === 'h264' || codec === 'h265'
}
