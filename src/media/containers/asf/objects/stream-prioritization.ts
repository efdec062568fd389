/** Stream Prioritization Object: which streams to give up last (ASF 1.20 section 4.4). */
import { ASF_GUID } from '../guid.ts'
import { type ObjectBase, type ObjectCodec, readList } from './object.ts'

/** Bit of `flags`: the stream must always be sent. */
export const PRIORITY_MANDATORY = 1

export interface StreamPrioritizationObject extends ObjectBase {
  readonly type: 'stream-prioritization'
  /** Most important first. */
  readonly entries: readonly { readonly streamNumber: number; readonly flags: number }[]
}

export const streamPrioritizationCodec: ObjectCodec<StreamPrioritizationObject> = {
  guid: ASF_GUID.STREAM_PRIORITIZATION,
  type: 'stream-prioritization',
  read: (body) => ({
    type: 'stream-prioritization',
    entries: readList(body, body.u16le(), 4, () => ({ streamNumber: body.u16le(), flags: body.u16le() })),
  }),
  write(writer, { entries }) {
    writer.u16le(entries.length)
    for (const { streamNumber, flags } of entries) writer.u16le(streamNumber).u16le(flags)
  },
}
