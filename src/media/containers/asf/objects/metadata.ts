/** Metadata Object and Metadata Library Object: attributes of the file and of streams (ASF 1.20 sections 4.7 and 4.8). */
import type { ByteReader } from '../../../bytes/byte-reader.ts'
import type { ByteWriter } from '../../../bytes/byte-writer.ts'
import { ASF_GUID } from '../guid.ts'
import { type ObjectBase, type ObjectCodec, readList, readText, textLength, writeText } from './object.ts'

const ENTRY_LENGTH = 12

export interface MetadataEntry {
  /** Reserved, 0, in Metadata. */
  readonly languageIndex: number
  /** 0: the whole file. */
  readonly streamNumber: number
  /** As stored, with its terminator. */
  readonly name: string
  /** One of VALUE_TYPE (content-description.ts); a truth value has 16 bits. */
  readonly valueType: number
  readonly value: Uint8Array
}

export interface MetadataObject extends ObjectBase {
  readonly type: 'metadata'
  readonly entries: readonly MetadataEntry[]
}

export interface MetadataLibraryObject extends ObjectBase {
  readonly type: 'metadata-library'
  readonly entries: readonly MetadataEntry[]
}

export const metadataCodec: ObjectCodec<MetadataObject> = {
  guid: ASF_GUID.METADATA,
  type: 'metadata',
  read: (body) => ({ type: 'metadata', entries: readEntries(body) }),
  write: (writer, { entries }) => writeEntries(writer, entries),
}

export const metadataLibraryCodec: ObjectCodec<MetadataLibraryObject> = {
  guid: ASF_GUID.METADATA_LIBRARY,
  type: 'metadata-library',
  read: (body) => ({ type: 'metadata-library', entries: readEntries(body) }),
  write: (writer, { entries }) => writeEntries(writer, entries),
}

function readEntries(body: ByteReader): MetadataEntry[] {
  return readList(body, body.u16le(), ENTRY_LENGTH, () => {
    const languageIndex = body.u16le()
    const streamNumber = body.u16le()
    const nameLength = body.u16le()
    const valueType = body.u16le()
    const valueLength = body.u32le()
    return { languageIndex, streamNumber, name: readText(body, nameLength), valueType, value: body.view(valueLength) }
  })
}

function writeEntries(writer: ByteWriter, entries: readonly MetadataEntry[]): void {
  writer.u16le(entries.length)
  for (const { languageIndex, streamNumber, name, valueType, value } of entries) {
    writer.u16le(languageIndex).u16le(streamNumber).u16le(textLength(name)).u16le(valueType).u32le(value.byteLength)
    writeText(writer, name)
    writer.bytes(value)
  }
}
