/** Languages of tracks: BCP 47 inside, three letters of ISO 639-2 in most containers. */

/** Two letters and three, in the terminological form, of the languages that broadcasts use. */
const THREE_LETTERS: Readonly<Record<string, string>> = {
  ar: 'ara',
  bg: 'bul',
  bn: 'ben',
  ca: 'cat',
  cs: 'ces',
  da: 'dan',
  de: 'deu',
  el: 'ell',
  en: 'eng',
  es: 'spa',
  et: 'est',
  eu: 'eus',
  fa: 'fas',
  fi: 'fin',
  fr: 'fra',
  ga: 'gle',
  gl: 'glg',
  he: 'heb',
  hi: 'hin',
  hr: 'hrv',
  hu: 'hun',
  id: 'ind',
  is: 'isl',
  it: 'ita',
  ja: 'jpn',
  ko: 'kor',
  lt: 'lit',
  lv: 'lav',
  ms: 'msa',
  nl: 'nld',
  no: 'nor',
  pl: 'pol',
  pt: 'por',
  ro: 'ron',
  ru: 'rus',
  sk: 'slk',
  sl: 'slv',
  sr: 'srp',
  sv: 'swe',
  ta: 'tam',
  th: 'tha',
  tr: 'tur',
  uk: 'ukr',
  ur: 'urd',
  vi: 'vie',
  zh: 'zho',
}
/** Where the bibliographic letters of ISO 639-2 are others than the terminological ones. */
const TERMINOLOGICAL: Readonly<Record<string, string>> = {
  alb: 'sqi',
  arm: 'hye',
  baq: 'eus',
  bur: 'mya',
  chi: 'zho',
  cze: 'ces',
  dut: 'nld',
  fre: 'fra',
  geo: 'kat',
  ger: 'deu',
  gre: 'ell',
  ice: 'isl',
  mac: 'mkd',
  mao: 'mri',
  may: 'msa',
  per: 'fas',
  rum: 'ron',
  slo: 'slk',
  tib: 'bod',
  wel: 'cym',
}
const TWO_LETTERS = new Map(Object.entries(THREE_LETTERS).map(([two, three]) => [three, two]))

/** Undetermined, in three letters. */
export const UNDETERMINED = 'und'

/** The language of three letters, bibliographic or terminological: in two letters where there are; `undefined` for undetermined. */
export function languageOfLetters(letters: string): string | undefined {
  const terminological = TERMINOLOGICAL[letters] ?? letters
  return terminological === UNDETERMINED ? undefined : (TWO_LETTERS.get(terminological) ?? terminological)
}

/** Three letters, terminological, of a BCP 47 tag; `und` when it has none that are known. */
export function lettersOfLanguage(language: string | undefined): string {
  const primary = (language ?? UNDETERMINED).split('-', 1)[0]?.toLowerCase() ?? UNDETERMINED
  return /^[a-z]{3}$/.test(primary) ? primary : (THREE_LETTERS[primary] ?? UNDETERMINED)
}
