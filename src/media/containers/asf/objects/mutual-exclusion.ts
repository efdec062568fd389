/** Bitrate, Advanced and Group Mutual Exclusion Objects: streams of which one is to be sent (ASF 1.20 sections 3.8, 4.2 and 4.3). */
import type { ByteReader } from '../../../bytes/byte-reader.ts'
import type { ByteWriter } from '../../../bytes/byte-writer.ts'
import { ASF_GUID, type Guid, readGuid, writeGuid } from '../guid.ts'
import { type ObjectBase, type ObjectCodec, readList } from './object.ts'

/** Exactly one of the streams is to be sent. */
export interface BitrateMutualExclusionObject extends ObjectBase {
  readonly type: 'bitrate-mutual-exclusion'
  /** What the streams differ in. */
  readonly exclusionType: Guid
  readonly streams: readonly number[]
}

/** The same in the header extension. */
export interface AdvancedMutualExclusionObject extends ObjectBase {
  readonly type: 'advanced-mutual-exclusion'
  readonly exclusionType: Guid
  readonly streams: readonly number[]
}

/** The streams of exactly one record are to be sent. */
export interface GroupMutualExclusionObject extends ObjectBase {
  readonly type: 'group-mutual-exclusion'
  readonly exclusionType: Guid
  readonly records: readonly (readonly number[])[]
}

export const bitrateMutualExclusionCodec: ObjectCodec<BitrateMutualExclusionObject> = {
  guid: ASF_GUID.BITRATE_MUTUAL_EXCLUSION,
  type: 'bitrate-mutual-exclusion',
  read: (body) => ({ type: 'bitrate-mutual-exclusion', exclusionType: readGuid(body), streams: readStreams(body) }),
  write(writer, { exclusionType, streams }) {
    writeGuid(writer, exclusionType)
    writeStreams(writer, streams)
  },
}

export const advancedMutualExclusionCodec: ObjectCodec<AdvancedMutualExclusionObject> = {
  guid: ASF_GUID.ADVANCED_MUTUAL_EXCLUSION,
  type: 'advanced-mutual-exclusion',
  read: (body) => ({ type: 'advanced-mutual-exclusion', exclusionType: readGuid(body), streams: readStreams(body) }),
  write(writer, { exclusionType, streams }) {
    writeGuid(writer, exclusionType)
    writeStreams(writer, streams)
  },
}

export const groupMutualExclusionCodec: ObjectCodec<GroupMutualExclusionObject> = {
  guid: ASF_GUID.GROUP_MUTUAL_EXCLUSION,
  type: 'group-mutual-exclusion',
  read: (body) => ({
    type: 'group-mutual-exclusion',
    exclusionType: readGuid(body),
    records: readList(body, body.u16le(), 2, () => readStreams(body)),
  }),
  write(writer, { exclusionType, records }) {
    writeGuid(writer, exclusionType)
    writer.u16le(records.length)
    for (const streams of records) writeStreams(writer, streams)
  },
}

function readStreams(body: ByteReader): number[] {
  return readList(body, body.u16le(), 2, () => body.u16le())
}

function writeStreams(writer: ByteWriter, streams: readonly number[]): void {
  writer.u16le(streams.length)
  for (const number of streams) writer.u16le(number)
}
