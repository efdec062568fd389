/** Languages of tracks: BCP 47, or the three letters of ISO 639-2 in the bibliographic form (RFC 9559 section 5.1.4.1.19). */
import { languageOfLetters } from '../../language.ts'

/** A tag of BCP 47, roughly. */
const TAG = /^[a-z]{2,3}(?:-[a-z0-9]{1,8})*$/i

/** `element`: LanguageBCP47, else Language. `undefined` for undetermined and for what is no language. */
export function languageOf(element: string): string | undefined {
  if (!TAG.test(element)) return undefined
  const [primary = '', ...subtags] = element.split('-')
  const letters = primary.toLowerCase()
  const short = letters.length === 2 ? letters : languageOfLetters(letters)
  return short === undefined ? undefined : [short, ...subtags].join('-')
}
