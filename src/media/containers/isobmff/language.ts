/** Languages of tracks: BCP 47 inside, three packed letters of ISO 639-2/T in `mdhd` (ISO/IEC 14496-12 section 8.4.2). */

/** Two letters and three of the languages that broadcasts use; any other one travels in `elng` alone. */
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
/** Bibliographic codes of ISO 639-2, which FFmpeg writes in place of the terminological ones. */
const BIBLIOGRAPHIC: Readonly<Record<string, string>> = {
  baq: 'eu',
  chi: 'zh',
  cze: 'cs',
  dut: 'nl',
  fre: 'fr',
  ger: 'de',
  gre: 'el',
  ice: 'is',
  may: 'ms',
  per: 'fa',
  rum: 'ro',
  slo: 'sk',
}
/** Language codes of the Macintosh in QuickTime files, by number (Apple, QuickTime File Format). 0 is English, and what nobody chose. */
const MACINTOSH =
  '- fr de it nl sv es da pt no he ja ar fi el is mt tr hr zh ur hi th ko lt pl hu et lv se fo fa ru zh nl ga sq ro cs sk sl'.split(
    ' ',
  )
/** Packed letters are larger. */
const FIRST_PACKED = 0x400
const TWO_LETTERS = new Map(Object.entries(THREE_LETTERS).map(([two, three]) => [three, two]))

const UNDETERMINED = 'und'

/** The 15 bits for `mdhd`; `und` when the language has no known three letters. */
export function packLanguage(language: string | undefined): number {
  const primary = (language ?? UNDETERMINED).split('-', 1)[0]?.toLowerCase() ?? UNDETERMINED
  const known = /^[a-z]{3}$/.test(primary) ? primary : (THREE_LETTERS[primary] ?? UNDETERMINED)
  let packed = 0
  for (let i = 0; i < 3; i++) packed = (packed << 5) | (known.charCodeAt(i) - 0x60)
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
  return letters === UNDETERMINED ? undefined : (TWO_LETTERS.get(letters) ?? BIBLIOGRAPHIC[letters] ?? letters)
}
