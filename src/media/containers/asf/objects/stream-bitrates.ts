/** Stream Bitrate Properties Object (ASF 1.20 section 3.12). */
import { ASF_GUID } from '../guid.ts'
import { type ObjectBase, type ObjectCodec, readList } from './object.ts'

export interface StreamBitratesObject extends ObjectBase {
  readonly type: 'stream-bitrates'
  readonly entries: readonly {
    /** Low seven bits: stream number. */
    readonly flags: number
    /** Bits a second, on average. */
    readonly bitrate: number
  }[]
}

export const streamBitratesCodec: ObjectCodec<StreamBitratesObject> = {
  guid: ASF_GUID.STREAM_BITRATE_PROPERTIES,
  type: 'stream-bitrates',
  read: (body) => ({
    type: 'stream-bitrates',
    entries: readList(body, body.u16le(), 6, () => ({ flags: body.u16le(), bitrate: body.u32le() })),
  }),
  write(writer, { entries }) {
    writer.u16le(entries.length)
    for (const { flags, bitrate } of entries) writer.u16le(flags).u32le(bitrate)
  },
}
