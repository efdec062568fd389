/** Content Description Object and Extended Content Description Object: texts about the content (ASF 1.20 sections 3.10 and 3.11). */
import { ASF_GUID } from '../guid.ts'
import { type ObjectBase, type ObjectCodec, readList, readText, textLength, writeText } from './object.ts'

/** Texts as stored, with their terminators. */
export interface ContentDescriptionObject extends ObjectBase {
  readonly type: 'content-description'
  readonly title: string
  readonly author: string
  readonly copyright: string
  readonly description: string
  readonly rating: string
}

const TEXTS = ['title', 'author', 'copyright', 'description', 'rating'] as const

export const contentDescriptionCodec: ObjectCodec<ContentDescriptionObject> = {
  guid: ASF_GUID.CONTENT_DESCRIPTION,
  type: 'content-description',
  read(body) {
    const lengths = TEXTS.map(() => body.u16le())
    const [title = '', author = '', copyright = '', description = '', rating = ''] = lengths.map((length) =>
      readText(body, length),
    )
    return { type: 'content-description', title, author, copyright, description, rating }
  },
  write(writer, object) {
    for (const name of TEXTS) writer.u16le(textLength(object[name]))
    for (const name of TEXTS) writeText(writer, object[name])
  },
}

/** Types of values; in Extended Content Description a truth value has 32 bits, in Metadata 16. */
export const VALUE_TYPE = { TEXT: 0, BYTES: 1, TRUTH: 2, U32: 3, U64: 4, U16: 5, GUID: 6 } as const

export interface ExtendedContentDescriptionObject extends ObjectBase {
  readonly type: 'extended-content-description'
  readonly entries: readonly {
    /** As stored, with its terminator. */
    readonly name: string
    /** One of VALUE_TYPE. */
    readonly valueType: number
    readonly value: Uint8Array
  }[]
}

export const extendedContentDescriptionCodec: ObjectCodec<ExtendedContentDescriptionObject> = {
  guid: ASF_GUID.EXTENDED_CONTENT_DESCRIPTION,
  type: 'extended-content-description',
  read: (body) => ({
    type: 'extended-content-description',
    entries: readList(body, body.u16le(), 6, () => ({
      name: readText(body, body.u16le()),
      valueType: body.u16le(),
      value: body.view(body.u16le()),
    })),
  }),
  write(writer, { entries }) {
    writer.u16le(entries.length)
    for (const { name, valueType, value } of entries) {
      writer.u16le(textLength(name))
      writeText(writer, name)
      writer.u16le(valueType).u16le(value.byteLength).bytes(value)
    }
  },
}
