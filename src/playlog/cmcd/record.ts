/** One CMCD record: what a player told with a request or an event (CTA-5004, CTA-5004-B). */
import { CMCD_KEYS, type CmcdKey, DEFAULT_MAX_LENGTH, isCustomKey } from './keys.ts'
import { type BareItem, DictionaryScanner, type FieldItem, type FieldValue } from './scanner.ts'

/** Newest version that is understood. */
export const CMCD_VERSION = 2
/** Characters of one record. */
export const MAX_CMCD_LENGTH = 8192
/** Keys of one record. */
const MAX_KEYS = 128
/** Characters of the value of a key of somebody's own. */
const MAX_CUSTOM_LENGTH = 64

/** One entry of a list: `4200;v`. */
export interface CmcdNumber {
  readonly value: number
  /** For what kind of object it holds: `v`, `a`, `av` …; left out: for all. */
  readonly of?: string
}

/** One entry of a list of texts: the path of a next object with its range, or an error code. */
export interface CmcdText {
  readonly value: string
  /** Bytes asked for: `323-675`. */
  readonly range?: string
}

export type CmcdValue = number | boolean | string | readonly CmcdNumber[] | readonly CmcdText[]

/** Values by key, in the order of the record. Only keys that are known, and customs, with values of the right type. */
export type CmcdValues = ReadonlyMap<string, CmcdValue>

export interface CmcdRecord {
  readonly version: 1 | 2
  readonly values: CmcdValues
  /** Entries left out: unknown, of a wrong type or out of range, or against the grammar. */
  readonly ignored: number
}

/** Why there is no record. */
export type CmcdRefusal = 'empty' | 'too-long' | 'newer-version'

/**
 * Reads the text of a header, of the query argument (percent decoding is done already), or of one line of a body. The last of several values of a
 * key counts (RFC 8941 section 3.2).
 */
export function readCmcd(text: string): CmcdRecord | CmcdRefusal {
  if (text.length > MAX_CMCD_LENGTH) return 'too-long'
  // The version decides what a value means, and stands at the end.
  const guess = text.includes('v=2') ? 2 : 1
  const record = readAs(text, guess)
  return typeof record === 'string' || record.version === guess ? record : readAs(text, record.version)
}

/** With values as that version has them; the version of the record is what it says itself. */
function readAs(text: string, assumed: 1 | 2): CmcdRecord | CmcdRefusal {
  const scanner = new DictionaryScanner(text)
  const values = new Map<string, CmcdValue>()
  let version: number | undefined = 1
  let found = 0
  let ignored = 0
  while (scanner.next()) {
    const { key, value } = scanner
    if (value === undefined) continue
    found++
    if (key === 'v') version = versionOf(value)
    const read = found > MAX_KEYS ? undefined : readValue(key, value, assumed)
    if (read === undefined) {
      ignored++
      values.delete(key)
    } else values.set(key, read)
  }
  if (found === 0) return 'empty'
  if (version !== 1 && version !== 2) return 'newer-version'
  return { version, values, ignored: ignored + scanner.broken }
}

function versionOf(value: FieldValue): number {
  const bare = 'bare' in value ? value.bare : undefined
  return bare?.type !== 'integer' || bare.value < 1 ? 1 : bare.value
}

function readValue(key: string, value: FieldValue, version: 1 | 2): CmcdValue | undefined {
  const known = CMCD_KEYS.get(key)
  if (known === undefined) return isCustomKey(key) ? readCustom(value) : undefined
  if (version === 1 && known.v1 !== true) return undefined
  switch (known.type) {
    case 'numbers':
      return readList(value, readNumber)
    case 'strings':
      return readList(value, readText)
    default:
      return 'bare' in value ? readScalar(known, value.bare) : undefined
  }
}

function readScalar({ type, tokens, maxLength = DEFAULT_MAX_LENGTH }: CmcdKey, bare: BareItem): CmcdValue | undefined {
  switch (type) {
    case 'integer':
      return bare.type === 'integer' ? bare.value : undefined
    case 'decimal':
      return bare.type === 'integer' || bare.type === 'decimal' ? bare.value : undefined
    case 'boolean':
      return bare.type === 'boolean' ? bare.value : undefined
    case 'token':
      return bare.type === 'token' && tokens?.has(bare.value) === true ? bare.value : undefined
    default:
      return bare.type === 'string' && bare.value.length <= maxLength ? bare.value : undefined
  }
}

/** A list, or the one value that version 1 has in its place. One wrong entry makes all of it wrong. */
function readList<Entry>(
  value: FieldValue,
  read: (item: FieldItem) => Entry | undefined,
): readonly Entry[] | undefined {
  const entries: Entry[] = []
  for (const item of 'list' in value ? value.list : [value]) {
    const entry = read(item)
    if (entry === undefined) return undefined
    entries.push(entry)
  }
  return entries.length === 0 ? undefined : entries
}

function readNumber({ bare, parameters }: FieldItem): CmcdNumber | undefined {
  // Integers are meant; hls.js tells bit rates with digits behind the point.
  if (bare.type !== 'integer' && bare.type !== 'decimal') return undefined
  const value = Math.round(bare.value)
  // The kind of object is a parameter without a value.
  const [of] = parameters?.keys() ?? []
  return of === undefined ? { value } : { value, of }
}

function readText({ bare, parameters }: FieldItem): CmcdText | undefined {
  if (bare.type !== 'string' || bare.value.length > DEFAULT_MAX_LENGTH) return undefined
  const range = parameters?.get('r')
  return range?.type === 'string' ? { value: bare.value, range: range.value } : { value: bare.value }
}

function readCustom(value: FieldValue): CmcdValue | undefined {
  if (!('bare' in value)) return undefined
  const { bare } = value
  if (bare.type === 'string' || bare.type === 'token') {
    return bare.value.length <= MAX_CUSTOM_LENGTH ? bare.value : undefined
  }
  return bare.value
}
