/** Extended Stream Properties Object: rates, buffers, names, payload extensions of a stream (ASF 1.20 section 4.1). */
import { ByteReader } from '../../../bytes/byte-reader.ts'
import { ASF_GUID, type Guid, readGuid, writeGuid } from '../guid.ts'
import {
  OBJECT_HEADER_LENGTH,
  type ObjectBase,
  type ObjectCodec,
  readList,
  readText,
  readU64,
  textLength,
  writeText,
  writeU64,
} from './object.ts'
import { type StreamPropertiesObject, streamPropertiesCodec } from './stream-properties.ts'

/** Bits of `flags`. */
export const EXTENDED_STREAM_FLAG = {
  RELIABLE: 1,
  SEEKABLE: 2,
  NO_CLEAN_POINTS: 4,
  RESEND_LIVE_CLEAN_POINTS: 8,
} as const
/** Size of a payload extension whose length stands before it in each payload. */
export const VARIABLE_SIZE = 0xffff

export interface LeakyBucket {
  /** Bits a second. */
  readonly bitrate: number
  /** Milliseconds. */
  readonly bufferMs: number
  readonly initialFullnessMs: number
}

export interface PayloadExtension {
  readonly system: Guid
  /** Bytes in each payload, or VARIABLE_SIZE. */
  readonly size: number
  readonly info: Uint8Array
}

export interface ExtendedStreamPropertiesObject extends ObjectBase {
  readonly type: 'extended-stream-properties'
  /** Milliseconds; 0: not said. */
  readonly startTime: bigint
  readonly endTime: bigint
  readonly average: LeakyBucket
  readonly peak: LeakyBucket
  /** Bytes; 0: not said. */
  readonly maxObjectSize: number
  readonly flags: number
  readonly streamNumber: number
  readonly languageIndex: number
  /** 100 ns; 0: not said. */
  readonly averageTimePerFrame: bigint
  readonly names: readonly { readonly languageIndex: number; readonly name: string }[]
  readonly payloadExtensions: readonly PayloadExtension[]
  /** A stream that old readers are not to see: its Stream Properties are here and not in the header. */
  readonly stream?: StreamPropertiesObject
}

export const extendedStreamPropertiesCodec: ObjectCodec<ExtendedStreamPropertiesObject> = {
  guid: ASF_GUID.EXTENDED_STREAM_PROPERTIES,
  type: 'extended-stream-properties',
  read(body) {
    const readBucket = (): LeakyBucket => ({
      bitrate: body.u32le(),
      bufferMs: body.u32le(),
      initialFullnessMs: body.u32le(),
    })
    const fixed = {
      startTime: readU64(body),
      endTime: readU64(body),
      average: readBucket(),
      peak: readBucket(),
      maxObjectSize: body.u32le(),
      flags: body.u32le(),
      streamNumber: body.u16le(),
      languageIndex: body.u16le(),
      averageTimePerFrame: readU64(body),
    }
    const nameCount = body.u16le()
    const extensionCount = body.u16le()
    const names = readList(body, nameCount, 4, () => ({
      languageIndex: body.u16le(),
      name: readText(body, body.u16le()),
    }))
    const payloadExtensions = readList(body, extensionCount, 22, () => ({
      system: readGuid(body),
      size: body.u16le(),
      info: body.view(body.u32le()),
    }))
    const object = { type: 'extended-stream-properties', ...fixed, names, payloadExtensions } as const
    const hidden = hiddenStreamLength(body.bytes.subarray(body.position))
    if (hidden === undefined) return object
    body.skip(OBJECT_HEADER_LENGTH)
    const content = body.sub(hidden - OBJECT_HEADER_LENGTH)
    const stream = streamPropertiesCodec.read(content)
    return { ...object, stream: content.remaining === 0 ? stream : { ...stream, trailing: content.rest() } }
  },
  write(writer, object) {
    writeU64(writer, object.startTime)
    writeU64(writer, object.endTime)
    for (const { bitrate, bufferMs, initialFullnessMs } of [object.average, object.peak]) {
      writer.u32le(bitrate).u32le(bufferMs).u32le(initialFullnessMs)
    }
    writer.u32le(object.maxObjectSize).u32le(object.flags).u16le(object.streamNumber).u16le(object.languageIndex)
    writeU64(writer, object.averageTimePerFrame)
    writer.u16le(object.names.length).u16le(object.payloadExtensions.length)
    for (const { languageIndex, name } of object.names) {
      writer.u16le(languageIndex).u16le(textLength(name))
      writeText(writer, name)
    }
    for (const { system, size, info } of object.payloadExtensions) {
      writeGuid(writer, system)
      writer.u16le(size).u32le(info.byteLength).bytes(info)
    }
    const { stream } = object
    if (stream === undefined) return
    writeGuid(writer, ASF_GUID.STREAM_PROPERTIES)
    const sizeAt = writer.reserve(8)
    streamPropertiesCodec.write(writer, stream)
    if (stream.trailing !== undefined) writer.bytes(stream.trailing)
    writer.patchU32le(sizeAt, writer.length - sizeAt + 16)
    writer.patchU32le(sizeAt + 4, 0)
  },
}

/** Size of the Stream Properties Object that the bytes begin with; `undefined`: they are something else, or it is not whole. */
function hiddenStreamLength(bytes: Uint8Array): number | undefined {
  if (bytes.byteLength < OBJECT_HEADER_LENGTH) return undefined
  const reader = new ByteReader(bytes)
  if (readGuid(reader) !== ASF_GUID.STREAM_PROPERTIES) return undefined
  const size = readU64(reader)
  return size >= OBJECT_HEADER_LENGTH && size <= bytes.byteLength ? Number(size) : undefined
}
