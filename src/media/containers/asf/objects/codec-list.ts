/** Codec List Object: names of the codecs, for people (ASF 1.20 section 3.5). */
import { ASF_GUID, type Guid, readGuid, writeGuid } from '../guid.ts'
import { type ObjectBase, type ObjectCodec, readList, readText, writeText } from './object.ts'

export const CODEC_TYPE = { VIDEO: 1, AUDIO: 2, UNKNOWN: 0xffff } as const

export interface CodecListObject extends ObjectBase {
  readonly type: 'codec-list'
  readonly reserved: Guid
  readonly codecs: readonly {
    /** One of CODEC_TYPE. */
    readonly codecType: number
    /** As stored, with its terminator. */
    readonly name: string
    readonly description: string
    /** FourCC, or format tag. */
    readonly info: Uint8Array
  }[]
}

export const codecListCodec: ObjectCodec<CodecListObject> = {
  guid: ASF_GUID.CODEC_LIST,
  type: 'codec-list',
  read: (body) => ({
    type: 'codec-list',
    reserved: readGuid(body),
    codecs: readList(body, body.u32le(), 8, () => ({
      codecType: body.u16le(),
      name: readText(body, body.u16le() * 2),
      description: readText(body, body.u16le() * 2),
      info: body.view(body.u16le()),
    })),
  }),
  write(writer, { reserved, codecs }) {
    writeGuid(writer, reserved)
    writer.u32le(codecs.length)
    for (const { codecType, name, description, info } of codecs) {
      writer.u16le(codecType).u16le(name.length)
      writeText(writer, name)
      writer.u16le(description.length)
      writeText(writer, description)
      writer.u16le(info.byteLength).bytes(info)
    }
  },
}
