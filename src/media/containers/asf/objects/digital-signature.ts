/** Digital Signature Object (ASF 1.20 section 3.16). */
import { ASF_GUID } from '../guid.ts'
import type { ObjectBase, ObjectCodec } from './object.ts'

export interface DigitalSignatureObject extends ObjectBase {
  readonly type: 'digital-signature'
  readonly signatureType: number
  readonly signature: Uint8Array
}

export const digitalSignatureCodec: ObjectCodec<DigitalSignatureObject> = {
  guid: ASF_GUID.DIGITAL_SIGNATURE,
  type: 'digital-signature',
  read: (body) => ({
    type: 'digital-signature',
    signatureType: body.u32le(),
    signature: body.view(body.u32le()),
  }),
  write(writer, { signatureType, signature }) {
    writer.u32le(signatureType).u32le(signature.byteLength).bytes(signature)
  },
}
