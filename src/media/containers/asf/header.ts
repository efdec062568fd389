/** The ASF header as Windows Media protocols send it: Header Object and the start of the Data Object (ASF 1.20 sections 3.1 and 5.1). */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { ASF_GUID, GUID_LENGTH, readGuid, writeGuid } from './guid.ts'
import {
  describeContent,
  describeEncryption,
  exclusionsOf,
  markersOf,
  prioritiesOf,
  scriptCommandsOf,
} from './header-facts.ts'
import { type AsfObject, type HeaderExtensionObject, readObjects, writeObject } from './header-objects.ts'
import { type AsfInit, type AsfStream, DATA_OBJECT_HEADER_LENGTH } from './model.ts'
import { FILE_FLAG, type FilePropertiesObject } from './objects/file-properties.ts'
import { streamsOf } from './streams.ts'

/** Bytes of a Header Object; those of encoders have some thousand, of files with pictures in their metadata some hundred thousand. */
export const MAX_ASF_HEADER_LENGTH = 1024 * 1024
/** Bytes of a data packet: its own length fields, and those of the protocols, have 16 bits. */
export const MAX_ASF_PACKET_SIZE = 65_535
/** A packet of a payload's headers alone has more. */
export const MIN_ASF_PACKET_SIZE = 32

/** Before the first object of the header. */
const HEADER_OBJECT_LENGTH = 30
const HEADER_VERSION = 2
const TICKS_PER_MS = 10_000n

/** The content of a Header Object. */
export interface AsfHeader {
  readonly objects: readonly AsfObject[]
  /** As stored; should be the number of objects. */
  readonly objectCount: number
  /** 1 in every header seen. */
  readonly reserved: number
  /** Bytes behind the last object that make no object. */
  readonly rest?: Uint8Array
}

/**
 * Bytes that the Header Object and the first 50 bytes of the Data Object take; `undefined` while fewer than 30 bytes are there. Throws
 * FormatError when the bytes begin no Header Object, or one above MAX_ASF_HEADER_LENGTH.
 */
export function asfHeaderLength(bytes: Uint8Array): number | undefined {
  if (bytes.byteLength < HEADER_OBJECT_LENGTH) return undefined
  return headerObjectLength(new ByteReader(bytes)) + DATA_OBJECT_HEADER_LENGTH
}

/** Reads the whole Header Object; bytes behind it are not looked at. Throws FormatError; see `readObjects`. */
export function readAsfHeader(bytes: Uint8Array): AsfHeader {
  const reader = new ByteReader(bytes)
  const length = headerObjectLength(reader)
  const objectCount = reader.u32le()
  const reserved = reader.u8()
  const version = reader.u8()
  if (version !== HEADER_VERSION) {
    throw new FormatError('ERR_ASF_VERSION', `expected ${HEADER_VERSION} in the Header Object, found ${version}`, 29)
  }
  const { objects, rest } = readObjects(reader.sub(length - HEADER_OBJECT_LENGTH))
  return { objects, objectCount, reserved, ...(rest !== undefined && { rest }) }
}

/** The Header Object's bytes; what `readAsfHeader` gave becomes the same bytes again. */
export function writeAsfHeader(header: AsfHeader): Uint8Array {
  const writer = new ByteWriter(4096)
  writeGuid(writer, ASF_GUID.HEADER)
  const sizeAt = writer.reserve(8)
  writer.u32le(header.objectCount).u8(header.reserved).u8(HEADER_VERSION)
  for (const object of header.objects) writeObject(writer, object)
  if (header.rest !== undefined) writer.bytes(header.rest)
  writer.patchU32le(sizeAt, writer.length)
  writer.patchU32le(sizeAt + 4, 0)
  return writer.toBytes()
}

/**
 * Reads the Header Object and the 50 bytes behind it, of which the init gets a copy. Throws FormatError when the header is broken or cut
 * short, has no file properties, or packets of no fixed size.
 */
export function parseAsfInit(bytes: Uint8Array): AsfInit {
  const length = asfHeaderLength(bytes)
  if (length === undefined || bytes.byteLength < length) {
    throw new FormatError(
      'ERR_ASF_TRUNCATED',
      `expected a header of ${length ?? HEADER_OBJECT_LENGTH} bytes, found ${bytes.byteLength}`,
    )
  }
  const own = bytes.slice(0, length)
  const header = readAsfHeader(own)
  const dataGuid = readGuid(new ByteReader(own.subarray(length - DATA_OBJECT_HEADER_LENGTH)))
  if (dataGuid !== ASF_GUID.DATA) {
    const at = length - DATA_OBJECT_HEADER_LENGTH
    throw new FormatError('ERR_ASF_NO_DATA', `expected a Data Object behind the header, found ${dataGuid}`, at)
  }
  const objects = allObjects(header)
  const file = objects.find((object) => object.type === 'file-properties')
  if (file === undefined) throw new FormatError('ERR_ASF_NO_FILE_PROPERTIES', 'expected file properties, found none')
  const broadcast = (file.flags & FILE_FLAG.BROADCAST) !== 0
  // Readers take 32 bits of it, and some writers leave garbage in the others.
  const prerollMs = Number(BigInt.asUintN(32, file.preroll))
  const described = streamsOf(objects)
  const encryption = describeEncryption(objects, described)
  const streams = encryption === undefined ? described : encryptedStreams(described)
  return {
    bytes: own,
    fileId: file.fileId,
    packetSize: packetSizeOf(file),
    prerollMs,
    broadcast,
    seekable: (file.flags & FILE_FLAG.SEEKABLE) !== 0,
    packetCount: broadcast ? 0 : safeNumber(file.packetCount),
    durationMs: broadcast ? 0 : Math.max(0, safeNumber(file.playDuration / TICKS_PER_MS) - prerollMs),
    maxBitrateBps: file.maxBitrate,
    streams,
    exclusions: exclusionsOf(objects, streams),
    priorities: prioritiesOf(objects, streams),
    markers: markersOf(objects, prerollMs),
    commands: scriptCommandsOf(objects),
    description: describeContent(objects),
    encryption,
  }
}

/** Where the header says that the content is protected and no stream has the flag, all picture and sound is taken for encrypted: never to be decoded. */
function encryptedStreams(streams: readonly AsfStream[]): readonly AsfStream[] {
  if (streams.some(({ encrypted }) => encrypted)) return streams
  return streams.map((stream) =>
    stream.kind === 'video' || stream.kind === 'audio' ? { ...stream, encrypted: true, track: undefined } : stream,
  )
}

/** The objects of the header and those of its extension, in the order of the bytes. */
export function allObjects(header: AsfHeader): readonly Exclude<AsfObject, HeaderExtensionObject>[] {
  return header.objects.flatMap((object) => {
    if (object.type !== 'header-extension') return [object]
    return object.objects.filter((inner) => inner.type !== 'header-extension')
  })
}

/** Moves behind the size of the Header Object. */
function headerObjectLength(reader: ByteReader): number {
  const guid = readGuid(reader)
  if (guid !== ASF_GUID.HEADER) throw new FormatError('ERR_ASF_NO_HEADER', `expected an ASF header, found ${guid}`, 0)
  const length = reader.u64le()
  if (length < HEADER_OBJECT_LENGTH || length > MAX_ASF_HEADER_LENGTH) {
    throw new FormatError(
      'ERR_ASF_HEADER_LENGTH',
      `expected a header of ${HEADER_OBJECT_LENGTH} to ${MAX_ASF_HEADER_LENGTH} bytes, found ${length}`,
      GUID_LENGTH,
    )
  }
  return length
}

function packetSizeOf({ minPacketSize, maxPacketSize }: FilePropertiesObject): number {
  if (minPacketSize !== maxPacketSize) {
    throw new FormatError(
      'ERR_ASF_PACKET_SIZE',
      `expected packets of one size, found ${minPacketSize} to ${maxPacketSize} bytes`,
    )
  }
  if (maxPacketSize < MIN_ASF_PACKET_SIZE || maxPacketSize > MAX_ASF_PACKET_SIZE) {
    throw new FormatError(
      'ERR_ASF_PACKET_SIZE',
      `expected packets of ${MIN_ASF_PACKET_SIZE} to ${MAX_ASF_PACKET_SIZE} bytes, found ${maxPacketSize}`,
    )
  }
  return maxPacketSize
}

/** 0 for what no file can have. */
function safeNumber(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? 0 : Number(value)
}
