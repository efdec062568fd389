/** File Properties Object: size, times, packet size (ASF 1.20 section 3.2). */
import { ASF_GUID, GUID_LENGTH } from '../guid.ts'
import { type ObjectBase, type ObjectCodec, readU64, writeU64 } from './object.ts'

/** Bits of `flags`. */
export const FILE_FLAG = { BROADCAST: 1, SEEKABLE: 2 } as const

export interface FilePropertiesObject extends ObjectBase {
  readonly type: 'file-properties'
  /** 16 bytes. */
  readonly fileId: Uint8Array
  readonly fileSize: bigint
  /** 100 ns since 1601. */
  readonly creationDate: bigint
  readonly packetCount: bigint
  /** 100 ns, preroll included. */
  readonly playDuration: bigint
  /** 100 ns. */
  readonly sendDuration: bigint
  /** Milliseconds. */
  readonly preroll: bigint
  readonly flags: number
  readonly minPacketSize: number
  readonly maxPacketSize: number
  /** Bits a second. */
  readonly maxBitrate: number
}

export const filePropertiesCodec: ObjectCodec<FilePropertiesObject> = {
  guid: ASF_GUID.FILE_PROPERTIES,
  type: 'file-properties',
  read: (body) => ({
    type: 'file-properties',
    fileId: body.view(GUID_LENGTH),
    fileSize: readU64(body),
    creationDate: readU64(body),
    packetCount: readU64(body),
    playDuration: readU64(body),
    sendDuration: readU64(body),
    preroll: readU64(body),
    flags: body.u32le(),
    minPacketSize: body.u32le(),
    maxPacketSize: body.u32le(),
    maxBitrate: body.u32le(),
  }),
  write(writer, object) {
    writer.bytes(object.fileId)
    writeU64(writer, object.fileSize)
    writeU64(writer, object.creationDate)
    writeU64(writer, object.packetCount)
    writeU64(writer, object.playDuration)
    writeU64(writer, object.sendDuration)
    writeU64(writer, object.preroll)
    writer.u32le(object.flags).u32le(object.minPacketSize).u32le(object.maxPacketSize).u32le(object.maxBitrate)
  },
}
