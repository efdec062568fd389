/** What the indexes behind the data contain: Index, Media Object Index and Timecode Index Parameters (ASF 1.20 sections 4.9 to 4.11). */
import type { ByteReader } from '../../../bytes/byte-reader.ts'
import type { ByteWriter } from '../../../bytes/byte-writer.ts'
import { ASF_GUID } from '../guid.ts'
import { type ObjectBase, type ObjectCodec, readList } from './object.ts'

export interface IndexSpecifier {
  readonly streamNumber: number
  /** 1 nearest past packet, 2 nearest past object, 3 nearest past key frame, 255 frame number. */
  readonly indexType: number
}

interface IndexParameters {
  /** Milliseconds between entries; frames for Media Object Index. */
  readonly interval: number
  readonly specifiers: readonly IndexSpecifier[]
}

export interface IndexParametersObject extends ObjectBase, IndexParameters {
  readonly type: 'index-parameters'
}
export interface MediaObjectIndexParametersObject extends ObjectBase, IndexParameters {
  readonly type: 'media-object-index-parameters'
}
export interface TimecodeIndexParametersObject extends ObjectBase, IndexParameters {
  readonly type: 'timecode-index-parameters'
}

export const indexParametersCodec: ObjectCodec<IndexParametersObject> = {
  guid: ASF_GUID.INDEX_PARAMETERS,
  type: 'index-parameters',
  read: (body) => ({ type: 'index-parameters', ...readParameters(body) }),
  write: writeParameters,
}

export const mediaObjectIndexParametersCodec: ObjectCodec<MediaObjectIndexParametersObject> = {
  guid: ASF_GUID.MEDIA_OBJECT_INDEX_PARAMETERS,
  type: 'media-object-index-parameters',
  read: (body) => ({ type: 'media-object-index-parameters', ...readParameters(body) }),
  write: writeParameters,
}

export const timecodeIndexParametersCodec: ObjectCodec<TimecodeIndexParametersObject> = {
  guid: ASF_GUID.TIMECODE_INDEX_PARAMETERS,
  type: 'timecode-index-parameters',
  read: (body) => ({ type: 'timecode-index-parameters', ...readParameters(body) }),
  write: writeParameters,
}

function readParameters(body: ByteReader): IndexParameters {
  const interval = body.u32le()
  const specifiers = readList(body, body.u16le(), 4, () => ({ streamNumber: body.u16le(), indexType: body.u16le() }))
  return { interval, specifiers }
}

function writeParameters(writer: ByteWriter, { interval, specifiers }: IndexParameters): void {
  writer.u32le(interval).u16le(specifiers.length)
  for (const { streamNumber, indexType } of specifiers) writer.u16le(streamNumber).u16le(indexType)
}
