/** Marker Object: named places in a file (ASF 1.20 section 3.7). */
import { ASF_GUID, type Guid, readGuid, writeGuid } from '../guid.ts'
import {
  type ObjectBase,
  type ObjectCodec,
  readList,
  readText,
  readU64,
  textLength,
  writeText,
  writeU64,
} from './object.ts'

/** Before the description of a marker. */
const ENTRY_LENGTH = 30

export interface MarkerEntry {
  /** Bytes from the first data packet. */
  readonly offset: bigint
  /** 100 ns, preroll included. */
  readonly presentationTime: bigint
  /** As stored: writers do not agree on what it counts. */
  readonly entryLength: number
  /** Milliseconds. */
  readonly sendTimeMs: number
  readonly flags: number
  /** As stored, with its terminator. */
  readonly description: string
}

export interface MarkerObject extends ObjectBase {
  readonly type: 'marker'
  readonly reserved: Guid
  readonly reserved2: number
  readonly name: string
  readonly markers: readonly MarkerEntry[]
}

export const markerCodec: ObjectCodec<MarkerObject> = {
  guid: ASF_GUID.MARKER,
  type: 'marker',
  read(body) {
    const reserved = readGuid(body)
    const count = body.u32le()
    const reserved2 = body.u16le()
    const name = readText(body, body.u16le())
    const markers = readList(body, count, ENTRY_LENGTH, () => ({
      offset: readU64(body),
      presentationTime: readU64(body),
      entryLength: body.u16le(),
      sendTimeMs: body.u32le(),
      flags: body.u32le(),
      description: readText(body, body.u32le() * 2),
    }))
    return { type: 'marker', reserved, reserved2, name, markers }
  },
  write(writer, { reserved, reserved2, name, markers }) {
    writeGuid(writer, reserved)
    writer.u32le(markers.length).u16le(reserved2).u16le(textLength(name))
    writeText(writer, name)
    for (const { offset, presentationTime, entryLength, sendTimeMs, flags, description } of markers) {
      writeU64(writer, offset)
      writeU64(writer, presentationTime)
      writer.u16le(entryLength).u32le(sendTimeMs).u32le(flags).u32le(description.length)
      writeText(writer, description)
    }
  },
}
