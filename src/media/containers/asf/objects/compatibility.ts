/** Compatibility Object: which readers a header is for (ASF 1.20 section 4.12). */
import { ASF_GUID } from '../guid.ts'
import type { ObjectBase, ObjectCodec } from './object.ts'

export interface CompatibilityObject extends ObjectBase {
  readonly type: 'compatibility'
  /** 2 in files of Windows Media Encoder, 1 in the specification. */
  readonly profile: number
  readonly mode: number
}

export const compatibilityCodec: ObjectCodec<CompatibilityObject> = {
  guid: ASF_GUID.COMPATIBILITY,
  type: 'compatibility',
  read: (body) => ({ type: 'compatibility', profile: body.u8(), mode: body.u8() }),
  write(writer, { profile, mode }) {
    writer.u8(profile).u8(mode)
  },
}
