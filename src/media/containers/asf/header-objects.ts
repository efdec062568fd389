/** The objects of an ASF header, both ways without losing a byte (ASF 1.20 sections 2.2, 3.1 and 3.4). */
import { FormatError } from '../../../errors.ts'
import type { ByteReader } from '../../bytes/byte-reader.ts'
import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { ASF_GUID, type Guid, readGuid, writeGuid } from './guid.ts'
import { type BandwidthSharingObject, bandwidthSharingCodec } from './objects/bandwidth-sharing.ts'
import { type CodecListObject, codecListCodec } from './objects/codec-list.ts'
import { type CompatibilityObject, compatibilityCodec } from './objects/compatibility.ts'
import { type ContentBrandingObject, contentBrandingCodec } from './objects/content-branding.ts'
import {
  type ContentDescriptionObject,
  contentDescriptionCodec,
  type ExtendedContentDescriptionObject,
  extendedContentDescriptionCodec,
} from './objects/content-description.ts'
import {
  type AdvancedContentEncryptionObject,
  advancedContentEncryptionCodec,
  type ContentEncryptionObject,
  contentEncryptionCodec,
  type ExtendedContentEncryptionObject,
  extendedContentEncryptionCodec,
  type PlayReadyObject,
  playReadyCodec,
} from './objects/content-encryption.ts'
import { type DigitalSignatureObject, digitalSignatureCodec } from './objects/digital-signature.ts'
import {
  type ExtendedStreamPropertiesObject,
  extendedStreamPropertiesCodec,
} from './objects/extended-stream-properties.ts'
import { type FilePropertiesObject, filePropertiesCodec } from './objects/file-properties.ts'
import {
  type IndexParametersObject,
  indexParametersCodec,
  type MediaObjectIndexParametersObject,
  mediaObjectIndexParametersCodec,
  type TimecodeIndexParametersObject,
  timecodeIndexParametersCodec,
} from './objects/index-parameters.ts'
import { type LanguageListObject, languageListCodec } from './objects/language-list.ts'
import { type MarkerObject, markerCodec } from './objects/marker.ts'
import {
  type MetadataLibraryObject,
  type MetadataObject,
  metadataCodec,
  metadataLibraryCodec,
} from './objects/metadata.ts'
import {
  type AdvancedMutualExclusionObject,
  advancedMutualExclusionCodec,
  type BitrateMutualExclusionObject,
  bitrateMutualExclusionCodec,
  type GroupMutualExclusionObject,
  groupMutualExclusionCodec,
} from './objects/mutual-exclusion.ts'
import { OBJECT_HEADER_LENGTH, type ObjectBase, type ObjectCodec, type OpaqueObject } from './objects/object.ts'
import { type PaddingObject, paddingCodec } from './objects/padding.ts'
import { type ScriptCommandObject, scriptCommandCodec } from './objects/script-command.ts'
import { type StreamBitratesObject, streamBitratesCodec } from './objects/stream-bitrates.ts'
import { type StreamPrioritizationObject, streamPrioritizationCodec } from './objects/stream-prioritization.ts'
import { type StreamPropertiesObject, streamPropertiesCodec } from './objects/stream-properties.ts'

/** Objects in one header, and in its extension; real ones have some dozens. */
export const MAX_HEADER_OBJECTS = 1024

/** Objects within the header, one level deeper. */
export interface HeaderExtensionObject extends ObjectBase {
  readonly type: 'header-extension'
  readonly reserved: Guid
  readonly reserved2: number
  readonly objects: readonly AsfObject[]
  /** Bytes behind the last object that make no object. */
  readonly rest?: Uint8Array
}

/** Any object of a header. */
export type AsfObject =
  | AdvancedContentEncryptionObject
  | AdvancedMutualExclusionObject
  | BandwidthSharingObject
  | BitrateMutualExclusionObject
  | CodecListObject
  | CompatibilityObject
  | ContentBrandingObject
  | ContentDescriptionObject
  | ContentEncryptionObject
  | DigitalSignatureObject
  | ExtendedContentDescriptionObject
  | ExtendedContentEncryptionObject
  | ExtendedStreamPropertiesObject
  | FilePropertiesObject
  | GroupMutualExclusionObject
  | HeaderExtensionObject
  | IndexParametersObject
  | LanguageListObject
  | MarkerObject
  | MediaObjectIndexParametersObject
  | MetadataLibraryObject
  | MetadataObject
  | OpaqueObject
  | PaddingObject
  | PlayReadyObject
  | ScriptCommandObject
  | StreamBitratesObject
  | StreamPrioritizationObject
  | StreamPropertiesObject
  | TimecodeIndexParametersObject

/** Objects in a row. */
export interface ObjectList {
  readonly objects: readonly AsfObject[]
  /** Fewer bytes than an object's header has, behind the last one. */
  readonly rest: Uint8Array | undefined
}

/**
 * Reads objects until the bytes end. Objects of unknown kinds, and known ones that break their format, are kept as `opaque`, as players
 * pass over them; a header whose file, stream or extension object is broken cannot be used, and neither can one whose sizes do not
 * lead forward: FormatError.
 */
export function readObjects(reader: ByteReader): ObjectList {
  return readLevel(reader, true)
}

/** Writes the object with its header. */
export function writeObject(writer: ByteWriter, object: AsfObject): void {
  if (object.type === 'opaque') {
    writeSized(writer, object.guid, () => writer.bytes(object.data))
  } else if (object.type === 'header-extension') {
    writeSized(writer, ASF_GUID.HEADER_EXTENSION, () => writeExtension(writer, object))
  } else {
    const codec = CODEC_OF_TYPE.get(object.type)
    if (codec === undefined)
      throw new FormatError('ERR_ASF_OBJECT_TYPE', `expected an ASF object, found ${object.type}`)
    writeSized(writer, codec.guid, () => {
      codec.write(writer, object)
      if (object.trailing !== undefined) writer.bytes(object.trailing)
    })
  }
}

const CODECS = [
  advancedContentEncryptionCodec,
  advancedMutualExclusionCodec,
  bandwidthSharingCodec,
  bitrateMutualExclusionCodec,
  codecListCodec,
  compatibilityCodec,
  contentBrandingCodec,
  contentDescriptionCodec,
  contentEncryptionCodec,
  digitalSignatureCodec,
  extendedContentDescriptionCodec,
  extendedContentEncryptionCodec,
  extendedStreamPropertiesCodec,
  filePropertiesCodec,
  groupMutualExclusionCodec,
  indexParametersCodec,
  languageListCodec,
  markerCodec,
  mediaObjectIndexParametersCodec,
  metadataCodec,
  metadataLibraryCodec,
  paddingCodec,
  playReadyCodec,
  scriptCommandCodec,
  streamBitratesCodec,
  streamPrioritizationCodec,
  streamPropertiesCodec,
  timecodeIndexParametersCodec,
  // Each codec is looked up by the type of the object that it is given.
] as unknown as readonly ObjectCodec<Exclude<AsfObject, OpaqueObject | HeaderExtensionObject>>[]
const CODEC_OF_GUID = new Map(CODECS.map((codec) => [codec.guid, codec]))
const CODEC_OF_TYPE = new Map<string, (typeof CODECS)[number]>(CODECS.map((codec) => [codec.type, codec]))
/** Without these a header says nothing. */
const ESSENTIAL: ReadonlySet<Guid> = new Set([ASF_GUID.FILE_PROPERTIES, ASF_GUID.STREAM_PROPERTIES])

/** `mayExtend`: not within a header extension, so objects nest two levels deep at most. */
function readLevel(reader: ByteReader, mayExtend: boolean): ObjectList {
  const objects: AsfObject[] = []
  while (reader.remaining >= OBJECT_HEADER_LENGTH) {
    if (objects.length >= MAX_HEADER_OBJECTS) {
      throw new FormatError('ERR_ASF_OBJECTS', `expected at most ${MAX_HEADER_OBJECTS} objects`, reader.offset)
    }
    const at = reader.offset
    const guid = readGuid(reader)
    const size = reader.u64le()
    if (size < OBJECT_HEADER_LENGTH || size - OBJECT_HEADER_LENGTH > reader.remaining) {
      const most = reader.remaining + OBJECT_HEADER_LENGTH
      throw new FormatError('ERR_ASF_OBJECT_SIZE', `expected an object of 24 to ${most} bytes, found ${size}`, at)
    }
    const body = reader.sub(size - OBJECT_HEADER_LENGTH)
    if (guid === ASF_GUID.HEADER_EXTENSION && mayExtend) objects.push(readExtension(body))
    else objects.push(readKnown(guid, body))
  }
  return { objects, rest: reader.remaining === 0 ? undefined : reader.rest() }
}

function readKnown(guid: Guid, body: ByteReader): AsfObject {
  const codec = CODEC_OF_GUID.get(guid)
  if (codec === undefined) return { type: 'opaque', guid, data: body.rest() }
  try {
    const object = codec.read(body)
    return body.remaining === 0 ? object : { ...object, trailing: body.rest() }
  } catch (error) {
    if (!(error instanceof FormatError) || ESSENTIAL.has(guid)) throw error
    return { type: 'opaque', guid, data: body.bytes, fault: error }
  }
}

function readExtension(body: ByteReader): HeaderExtensionObject {
  const reserved = readGuid(body)
  const reserved2 = body.u16le()
  const { objects, rest } = readLevel(body.sub(body.u32le()), false)
  return {
    type: 'header-extension',
    reserved,
    reserved2,
    objects,
    ...(rest !== undefined && { rest }),
    ...(body.remaining > 0 && { trailing: body.rest() }),
  }
}

function writeExtension(writer: ByteWriter, extension: HeaderExtensionObject): void {
  writeGuid(writer, extension.reserved)
  writer.u16le(extension.reserved2)
  const lengthAt = writer.reserve(4)
  for (const object of extension.objects) writeObject(writer, object)
  if (extension.rest !== undefined) writer.bytes(extension.rest)
  writer.patchU32le(lengthAt, writer.length - lengthAt - 4)
  if (extension.trailing !== undefined) writer.bytes(extension.trailing)
}

function writeSized(writer: ByteWriter, guid: Guid, writeBody: () => void): void {
  const start = writer.length
  writeGuid(writer, guid)
  const sizeAt = writer.reserve(8)
  writeBody()
  writer.patchU32le(sizeAt, writer.length - start)
  writer.patchU32le(sizeAt + 4, 0)
}
