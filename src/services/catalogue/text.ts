/** Text as it is searched: without case, accents and other differences that nobody types. */

/** Letters that have no accent to take off, yet are typed without it. */
const PLAIN: Readonly<Record<string, string>> = { ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', đ: 'd', ł: 'l', ı: 'i' }

/** Folds a text (Unicode NFKD without marks, in lower case); equal folded texts are the same to who searches. */
export function foldText(text: string): string {
  return text
    .toLowerCase()
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[ßæœøđłı]/g, (letter) => PLAIN[letter] ?? letter)
}

/** The words of what somebody typed, folded. All of them must be in a text that is found. */
export function searchWords(search: string): readonly string[] {
  return foldText(search)
    .split(/[\s_]+/)
    .filter((word) => word !== '')
}
