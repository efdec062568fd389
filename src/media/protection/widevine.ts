/** What Widevine's `pssh` carries: a protocol buffer message of which the fields for key ids and scheme are used. */
import { ByteWriter } from '../bytes/byte-writer.ts'
import type { ProtectionScheme } from './scheme.ts'
import type { KeyId } from './systems.ts'

/** Field numbers of WidevinePsshData. */
const FIELD = { KEY_ID: 2, CONTENT_ID: 4, PROTECTION_SCHEME: 9 } as const
/** Wire types of protocol buffers. */
const VARINT = 0
const BYTES = 2

export interface WidevineContent {
  readonly keyIds: readonly KeyId[]
  readonly scheme: ProtectionScheme
  /** For the licence server to look up. */
  readonly contentId?: Uint8Array
}

export function writeWidevineData({ keyIds, scheme, contentId }: WidevineContent): Uint8Array {
  const writer = new ByteWriter()
  for (const keyId of keyIds) writeBytes(writer, FIELD.KEY_ID, keyId)
  if (contentId !== undefined) writeBytes(writer, FIELD.CONTENT_ID, contentId)
  // The four characters of the scheme as one number.
  let fourCc = 0
  for (const character of scheme) fourCc = fourCc * 256 + character.charCodeAt(0)
  writeVarint(writer, FIELD.PROTECTION_SCHEME * 8 + VARINT)
  writeVarint(writer, fourCc)
  return writer.toBytes()
}

function writeBytes(writer: ByteWriter, field: number, bytes: Uint8Array): void {
  writeVarint(writer, field * 8 + BYTES)
  writeVarint(writer, bytes.byteLength)
  writer.bytes(bytes)
}

function writeVarint(writer: ByteWriter, value: number): void {
  let left = value
  for (; left >= 0x80; left = Math.floor(left / 0x80)) writer.u8((left % 0x80) + 0x80)
  writer.u8(left)
}
