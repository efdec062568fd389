/** Padding Object: room in a header for later changes (ASF 1.20 section 3.17). */
import { ASF_GUID } from '../guid.ts'
import type { ObjectBase, ObjectCodec } from './object.ts'

export interface PaddingObject extends ObjectBase {
  readonly type: 'padding'
  readonly data: Uint8Array
}

export const paddingCodec: ObjectCodec<PaddingObject> = {
  guid: ASF_GUID.PADDING,
  type: 'padding',
  read: (body) => ({ type: 'padding', data: body.rest() }),
  write(writer, { data }) {
    writer.bytes(data)
  },
}
