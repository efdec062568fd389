/** Language List Object: what the language indexes of other objects stand for (ASF 1.20 section 4.6). */
import { ASF_GUID } from '../guid.ts'
import { type ObjectBase, type ObjectCodec, readList, readText, textLength, writeText } from './object.ts'

export interface LanguageListObject extends ObjectBase {
  readonly type: 'language-list'
  /** RFC 1766 tags as stored, with their terminators. */
  readonly languages: readonly string[]
}

export const languageListCodec: ObjectCodec<LanguageListObject> = {
  guid: ASF_GUID.LANGUAGE_LIST,
  type: 'language-list',
  read: (body) => ({
    type: 'language-list',
    languages: readList(body, body.u16le(), 1, () => readText(body, body.u8())),
  }),
  write(writer, { languages }) {
    writer.u16le(languages.length)
    for (const language of languages) {
      writer.u8(textLength(language))
      writeText(writer, language)
    }
  },
}
