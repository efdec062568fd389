/** Languages of tracks in `mdhd`: three packed letters, or a number in files of the Macintosh (ISO/IEC 14496-12 section 8.4.2). */
import { languageOfLetters, lettersOfLanguage } from '../../language.ts'

/** Language codes of the Macintosh in QuickTime files, by number (Apple, QuickTime File Format). 0 is English, and what nobody chose. */
const MACINTOSH =
  '- fr de it nl sv es da pt no he ja ar fi el is mt tr hr zh ur hi th ko lt pl hu et lv se fo fa ru zh nl ga sq ro cs sk sl'.split(
    ' ',
  )
/** Packed letters are larger. */
const FIRST_PACKED = 0x400

/** The 15 bits for `mdhd`; `und` when the language has no known three letters: it travels in `elng` alone then. */
export function packLanguage(language: string | undefined): number {
  const letters = lettersOfLanguage(language)
  let packed = 0
  for (let i = 0; i < 3; i++) packed = (packed << 5) | (letters.charCodeAt(i) - 0x60)
  return packed
}

/** The language of `mdhd`, in two letters where there are; `undefined` for undetermined. */
export function unpackLanguage(packed: number): string | undefined {
  if (packed < FIRST_PACKED) return packed === 0 ? undefined : MACINTOSH[packed]
  let letters = ''
  for (const shift of [10, 5, 0]) {
    const letter = (packed >> shift) & 0x1f
    if (letter < 1 || letter > 26) return undefined
    letters += String.fromCharCode(letter + 0x60)
  }
  return languageOfLetters(letters)
}
