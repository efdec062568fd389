/** Bandwidth Sharing Object: streams that together stay below a rate (ASF 1.20 section 4.5). */
import { ASF_GUID, type Guid, readGuid, writeGuid } from '../guid.ts'
import { type ObjectBase, type ObjectCodec, readList } from './object.ts'

export interface BandwidthSharingObject extends ObjectBase {
  readonly type: 'bandwidth-sharing'
  readonly sharingType: Guid
  /** Bits a second. */
  readonly bitrate: number
  readonly bufferMs: number
  readonly streams: readonly number[]
}

export const bandwidthSharingCodec: ObjectCodec<BandwidthSharingObject> = {
  guid: ASF_GUID.BANDWIDTH_SHARING,
  type: 'bandwidth-sharing',
  read: (body) => ({
    type: 'bandwidth-sharing',
    sharingType: readGuid(body),
    bitrate: body.u32le(),
    bufferMs: body.u32le(),
    streams: readList(body, body.u16le(), 2, () => body.u16le()),
  }),
  write(writer, { sharingType, bitrate, bufferMs, streams }) {
    writeGuid(writer, sharingType)
    writer.u32le(bitrate).u32le(bufferMs).u16le(streams.length)
    for (const number of streams) writer.u16le(number)
  },
}
