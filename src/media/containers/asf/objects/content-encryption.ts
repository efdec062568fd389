/** Objects of protected content, carried without being opened: Windows Media DRM (ASF 1.20 sections 3.14, 3.15, 4.13) and PlayReady. */
import { ASF_GUID } from '../guid.ts'
import { type ObjectBase, type ObjectCodec, readList, readText, textLength, writeText } from './object.ts'

/** Windows Media DRM, first version. Texts are ASCII as stored, with their terminators. */
export interface ContentEncryptionObject extends ObjectBase {
  readonly type: 'content-encryption'
  readonly secret: Uint8Array
  /** `DRM`. */
  readonly protectionType: string
  readonly keyId: string
  readonly licenseUrl: string
}

export const contentEncryptionCodec: ObjectCodec<ContentEncryptionObject> = {
  guid: ASF_GUID.CONTENT_ENCRYPTION,
  type: 'content-encryption',
  read: (body) => ({
    type: 'content-encryption',
    secret: body.view(body.u32le()),
    protectionType: body.latin1(body.u32le()),
    keyId: body.latin1(body.u32le()),
    licenseUrl: body.latin1(body.u32le()),
  }),
  write(writer, { secret, protectionType, keyId, licenseUrl }) {
    writer.u32le(secret.byteLength).bytes(secret)
    for (const text of [protectionType, keyId, licenseUrl]) writer.u32le(text.length).latin1(text)
  },
}

/** Windows Media DRM, second version: a WRMHEADER. */
export interface ExtendedContentEncryptionObject extends ObjectBase {
  readonly type: 'extended-content-encryption'
  /** XML as stored, byte order mark included. */
  readonly xml: string
}

export const extendedContentEncryptionCodec: ObjectCodec<ExtendedContentEncryptionObject> = {
  guid: ASF_GUID.EXTENDED_CONTENT_ENCRYPTION,
  type: 'extended-content-encryption',
  read: (body) => ({ type: 'extended-content-encryption', xml: readText(body, body.u32le()) }),
  write(writer, { xml }) {
    writer.u32le(textLength(xml))
    writeText(writer, xml)
  },
}

/** Records of protection systems, whose layout is not public. */
export interface AdvancedContentEncryptionObject extends ObjectBase {
  readonly type: 'advanced-content-encryption'
  readonly data: Uint8Array
}

export const advancedContentEncryptionCodec: ObjectCodec<AdvancedContentEncryptionObject> = {
  guid: ASF_GUID.ADVANCED_CONTENT_ENCRYPTION,
  type: 'advanced-content-encryption',
  read: (body) => ({ type: 'advanced-content-encryption', data: body.rest() }),
  write(writer, { data }) {
    writer.bytes(data)
  },
}

/** Kinds of records in a PlayReady object. */
export const PLAYREADY_RECORD = { HEADER: 1, LICENSE_STORE: 3 } as const

export interface PlayReadyObject extends ObjectBase {
  readonly type: 'playready'
  /** Bytes of the PlayReady object, its length and count included, as stored. */
  readonly length: number
  readonly records: readonly { readonly recordType: number; readonly data: Uint8Array }[]
}

export const playReadyCodec: ObjectCodec<PlayReadyObject> = {
  guid: ASF_GUID.PLAYREADY,
  type: 'playready',
  read: (body) => ({
    type: 'playready',
    length: body.u32le(),
    records: readList(body, body.u16le(), 4, () => ({ recordType: body.u16le(), data: body.view(body.u16le()) })),
  }),
  write(writer, { length, records }) {
    writer.u32le(length).u16le(records.length)
    for (const { recordType, data } of records) writer.u16le(recordType).u16le(data.byteLength).bytes(data)
  },
}
