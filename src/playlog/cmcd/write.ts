/** Writes CMCD: keys in alphabetical order, numbers rounded as the specification asks (CTA-5004 section 3, CTA-5004-B). */
import { CMCD_KEYS, type CmcdHeader, isCustomKey } from './keys.ts'
import type { CmcdNumber, CmcdText, CmcdValue } from './record.ts'

/** Keys whose numbers are told to the nearest hundred. */
const HUNDREDS: ReadonlySet<string> = new Set(['bl', 'dl', 'mtp', 'rtp', 'tbl'])
const HEADERS: readonly CmcdHeader[] = ['request', 'object', 'status', 'session']

/**
 * The record as text, for a query argument (encode it then) or a line of a body. `version` 1 writes the first entry of lists only, and leaves out
 * keys that it does not know.
 */
export function writeCmcd(values: Iterable<readonly [string, CmcdValue]>, version: 1 | 2): string {
  const entries = new Map(values)
  if (version === 2) entries.set('v', 2)
  const parts: string[] = []
  for (const key of [...entries.keys()].toSorted()) {
    const text = writeEntry(key, entries.get(key) as CmcdValue, version)
    if (text !== undefined) parts.push(text)
  }
  return parts.join(',')
}

/** The record as the headers that its keys belong to; those without any are left out. Keys of events only are not written. */
export function writeCmcdHeaders(
  values: Iterable<readonly [string, CmcdValue]>,
  version: 1 | 2,
): Readonly<Record<string, string>> {
  const all = [...new Map([...values, ...(version === 2 ? [['v', 2] as const] : [])])]
  const headers: Record<string, string> = {}
  for (const header of HEADERS) {
    const text = all
      .filter(([key]) => headerOf(key) === header)
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .flatMap(([key, value]) => writeEntry(key, value, version) ?? [])
    if (text.length > 0) headers[`CMCD-${header[0]?.toUpperCase()}${header.slice(1)}`] = text.join(',')
  }
  return headers
}

/** Keys of somebody's own go with the request. */
function headerOf(key: string): CmcdHeader | undefined {
  return CMCD_KEYS.has(key) ? CMCD_KEYS.get(key)?.header : 'request'
}

function writeEntry(key: string, value: CmcdValue, version: 1 | 2): string | undefined {
  const known = CMCD_KEYS.get(key)
  if (known === undefined ? !isCustomKey(key) : version === 1 && known.v1 !== true) return undefined
  if (value === true) return key
  if (value === false) return `${key}=?0`
  if (typeof value === 'number') return `${key}=${writeNumber(rounded(key, value), known?.type === 'decimal')}`
  if (typeof value === 'string') return `${key}=${known?.type === 'token' ? value : quoted(value)}`
  if (version === 1) {
    const [first] = value
    return first === undefined ? undefined : `${key}=${writeBare(key, first.value)}`
  }
  return `${key}=(${value.map((entry) => writeItem(key, entry)).join(' ')})`
}

function writeItem(key: string, entry: CmcdNumber | CmcdText): string {
  if (typeof entry.value === 'number') {
    const { of } = entry as CmcdNumber
    return `${writeBare(key, entry.value)}${of === undefined ? '' : `;${of}`}`
  }
  const { range } = entry as CmcdText
  return `${quoted(entry.value)}${range === undefined ? '' : `;r=${quoted(range)}`}`
}

function writeBare(key: string, value: number | string): string {
  return typeof value === 'number' ? String(Math.round(rounded(key, value))) : quoted(value)
}

function rounded(key: string, value: number): number {
  return HUNDREDS.has(key) ? Math.round(value / 100) * 100 : value
}

/** Decimals have three digits behind the point at most. */
function writeNumber(value: number, decimal: boolean): string {
  return decimal ? String(Math.round(value * 1000) / 1000) : String(Math.round(value))
}

/** Characters that a string cannot hold are left out: it is ASCII (RFC 8941 section 3.3.3). */
function quoted(text: string): string {
  return `"${text.replaceAll(/[^\u0020-\u007e]/g, '').replaceAll(/["\\]/g, '\\$&')}"`
}
