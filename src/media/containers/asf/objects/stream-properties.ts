/** Stream Properties Object: what a stream carries and how (ASF 1.20 section 3.3, Audio Spread section 8, type-specific data section 9). */
import { FormatError } from '../../../../errors.ts'
import { ByteReader } from '../../../bytes/byte-reader.ts'
import { ByteWriter } from '../../../bytes/byte-writer.ts'
import { ASF_GUID, type Guid, readGuid, writeGuid } from '../guid.ts'
import { type ObjectBase, type ObjectCodec, readU64, writeU64 } from './object.ts'

/** Bits of `flags`. */
export const STREAM_FLAG = { NUMBER_MASK: 0x7f, ENCRYPTED: 0x8000 } as const
/** Before the format in the type-specific data of video: width, height, reserved byte, size. */
const VIDEO_HEADER_LENGTH = 11
const VIDEO_RESERVED = 2

export interface StreamPropertiesObject extends ObjectBase {
  readonly type: 'stream-properties'
  readonly streamType: Guid
  readonly errorCorrectionType: Guid
  /** 100 ns. */
  readonly timeOffset: bigint
  /** Bits 0 to 6: stream number; bit 15: encrypted. */
  readonly flags: number
  readonly reserved: number
  readonly typeSpecific: Uint8Array
  readonly errorCorrection: Uint8Array
}

export const streamPropertiesCodec: ObjectCodec<StreamPropertiesObject> = {
  guid: ASF_GUID.STREAM_PROPERTIES,
  type: 'stream-properties',
  read(body) {
    const streamType = readGuid(body)
    const errorCorrectionType = readGuid(body)
    const timeOffset = readU64(body)
    const typeSpecificLength = body.u32le()
    const errorCorrectionLength = body.u32le()
    return {
      type: 'stream-properties',
      streamType,
      errorCorrectionType,
      timeOffset,
      flags: body.u16le(),
      reserved: body.u32le(),
      typeSpecific: body.view(typeSpecificLength),
      errorCorrection: body.view(errorCorrectionLength),
    }
  },
  write(writer, object) {
    writeGuid(writer, object.streamType)
    writeGuid(writer, object.errorCorrectionType)
    writeU64(writer, object.timeOffset)
    writer.u32le(object.typeSpecific.byteLength).u32le(object.errorCorrection.byteLength)
    writer.u16le(object.flags).u32le(object.reserved).bytes(object.typeSpecific).bytes(object.errorCorrection)
  },
}

export interface VideoTypeSpecific {
  /** Pixels. */
  readonly width: number
  readonly height: number
  /** BITMAPINFOHEADER and what the codec appends; a view. */
  readonly format: Uint8Array
}

/** Throws FormatError when it is cut short. */
export function readVideoTypeSpecific(bytes: Uint8Array): VideoTypeSpecific {
  const reader = new ByteReader(bytes)
  const width = reader.u32le()
  const height = reader.u32le()
  reader.skip(1)
  const size = reader.u16le()
  return { width, height, format: reader.view(size) }
}

/** Throws ERR_ASF_FORMAT_SIZE for a format above 65,535 bytes. */
export function writeVideoTypeSpecific({ width, height, format }: VideoTypeSpecific): Uint8Array {
  if (format.byteLength > 0xffff) {
    throw new FormatError('ERR_ASF_FORMAT_SIZE', `expected a format of at most 65535 bytes, found ${format.byteLength}`)
  }
  const writer = new ByteWriter(VIDEO_HEADER_LENGTH + format.byteLength)
  writer.u32le(width).u32le(height).u8(VIDEO_RESERVED).u16le(format.byteLength)
  return writer.bytes(format).toBytes()
}

/** Error correction data of Audio Spread. */
export interface AudioSpread {
  /** Packets that a block is spread over; 1 and 0: no scrambling. */
  readonly span: number
  readonly packetLength: number
  readonly chunkLength: number
  readonly silence: Uint8Array
}

/** Throws FormatError when it is cut short. */
export function readAudioSpread(bytes: Uint8Array): AudioSpread {
  const reader = new ByteReader(bytes)
  const span = reader.u8()
  const packetLength = reader.u16le()
  const chunkLength = reader.u16le()
  return { span, packetLength, chunkLength, silence: reader.view(reader.u16le()) }
}

export function writeAudioSpread({ span, packetLength, chunkLength, silence }: AudioSpread): Uint8Array {
  const writer = new ByteWriter(16)
  writer.u8(span).u16le(packetLength).u16le(chunkLength).u16le(silence.byteLength)
  return writer.bytes(silence).toBytes()
}
