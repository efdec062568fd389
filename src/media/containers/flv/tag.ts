/** The FLV file header and tags: Video File Format 10.1 annex E.2 to E.4.1. */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import type { ByteWriter } from '../../bytes/byte-writer.ts'
import type { FlvMessage } from './message.ts'

/** Bytes of the file header that we write, without the size of the tag before the first. */
export const FLV_HEADER_SIZE = 9
export const TAG_HEADER_SIZE = 11
/** Bytes of the size that follows each tag. */
export const TAG_TRAILER_SIZE = 4
/** Bytes of a tag's body, as large as we accept. */
export const MAX_TAG_SIZE = 8 * 1024 * 1024

/** A longer header than ours may follow in a later version of the format. */
const MAX_HEADER_SIZE = 1024
const TAG_TYPE = { audio: 8, video: 9, data: 18 } as const
const ENCRYPTED = 0x20
const HAS_AUDIO = 4
const HAS_VIDEO = 1

export interface FlvHeader {
  readonly hasAudio: boolean
  readonly hasVideo: boolean
  /** Bytes of the whole header. */
  readonly size: number
}

export interface TagHeader {
  /** `undefined`: a type that is to be skipped. */
  readonly type: FlvMessage['type'] | undefined
  /** Bytes of the body. */
  readonly size: number
  /** 32 bits, milliseconds. */
  readonly timestampMs: number
}

/** Reads the nine bytes. Throws FormatError when they are not an FLV header. */
export function readFlvHeader(bytes: Uint8Array): FlvHeader {
  const reader = new ByteReader(bytes)
  const signature = reader.latin1(3)
  const version = reader.u8()
  if (signature !== 'FLV' || version !== 1) throw new FormatError('ERR_FLV_HEADER', 'expected FLV version 1', 0)
  const flags = reader.u8()
  const size = reader.u32()
  if (size < FLV_HEADER_SIZE || size > MAX_HEADER_SIZE) {
    throw new FormatError('ERR_FLV_HEADER', `expected a header of 9 to ${MAX_HEADER_SIZE} bytes, found ${size}`, 5)
  }
  return { hasAudio: (flags & HAS_AUDIO) !== 0, hasVideo: (flags & HAS_VIDEO) !== 0, size }
}

/** Writes the header and the size, zero, of the tag before the first. */
export function writeFlvHeader(writer: ByteWriter, { hasAudio, hasVideo }: Omit<FlvHeader, 'size'>): void {
  writer.latin1('FLV').u8(1)
  writer.u8((hasAudio ? HAS_AUDIO : 0) | (hasVideo ? HAS_VIDEO : 0))
  writer.u32(FLV_HEADER_SIZE)
  writer.u32(0)
}

/** Reads the eleven bytes. Throws FormatError for encrypted tags and bodies past MAX_TAG_SIZE; `offset` is for the message. */
export function readTagHeader(bytes: Uint8Array, offset: number): TagHeader {
  const reader = new ByteReader(bytes, offset)
  const typeBits = reader.u8()
  if ((typeBits & ENCRYPTED) !== 0)
    throw new FormatError('ERR_FLV_ENCRYPTED', 'expected a tag in the clear, found an encrypted one', offset)
  const size = reader.u24()
  if (size > MAX_TAG_SIZE) {
    throw new FormatError(
      'ERR_FLV_TAG_TOO_LARGE',
      `expected a tag of at most ${MAX_TAG_SIZE} bytes, found ${size}`,
      offset,
    )
  }
  const low = reader.u24()
  const timestampMs = reader.u8() * 2 ** 24 + low
  return { type: typeOf(typeBits & 0x1f), size, timestampMs }
}

/** Writes a tag whose body is `header` and `data` one after the other, and the size after it. */
export function writeTag(
  writer: ByteWriter,
  type: FlvMessage['type'],
  timestampMs: number,
  header: Uint8Array,
  data: Uint8Array,
): void {
  const size = header.byteLength + data.byteLength
  const timestamp = timestampMs >>> 0
  writer.u8(TAG_TYPE[type])
  writer.u24(size)
  writer.u24(timestamp & 0xff_ffff)
  writer.u8(timestamp >>> 24)
  writer.u24(0)
  writer.bytes(header).bytes(data)
  writer.u32(TAG_HEADER_SIZE + size)
}

function typeOf(number: number): FlvMessage['type'] | undefined {
  if (number === TAG_TYPE.audio) return 'audio'
  if (number === TAG_TYPE.video) return 'video'
  return number === TAG_TYPE.data ? 'data' : undefined
}
