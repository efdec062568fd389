/** Writes Common Media Server Data: keys in alphabetical order, version 1, in visible ASCII (CTA-5006, RFC 8941). */
import { type CmsdHop, type CmsdStatic, HOP_KEYS, STATIC_KEYS } from './record.ts'

const TOKENS: ReadonlySet<string> = new Set(['ot', 'sf', 'st'])
/** RFC 8941 section 3.3.1. */
const MAX_INTEGER = 999_999_999_999_999

/** The value of `CMSD-Static`; empty when nothing is told. Numbers are rounded; those that no number can be are left out. */
export function writeCmsdStatic(record: CmsdStatic): string {
  return entries(STATIC_KEYS, record).join(',')
}

/** One entry of `CMSD-Dynamic`; a server puts it behind those that the response came with. */
export function writeCmsdHop(hop: CmsdHop): string {
  return [quoted(hop.server), ...entries(HOP_KEYS, hop)].join(';')
}

function entries(keys: Readonly<Record<string, string>>, record: object): readonly string[] {
  const values = record as Readonly<Record<string, unknown>>
  return Object.entries(keys).flatMap(([key, name]) => entry(key, values[name]) ?? [])
}

/** False is what a key says that is not there. */
function entry(key: string, value: unknown): string | undefined {
  if (value === true) return key
  if (typeof value === 'number') {
    const rounded = Math.round(value)
    return rounded >= 0 && rounded <= MAX_INTEGER ? `${key}=${rounded}` : undefined
  }
  if (typeof value !== 'string') return undefined
  return `${key}=${TOKENS.has(key) ? value : quoted(value)}`
}

function quoted(text: string): string {
  return `"${text.replaceAll(/[^\u0020-\u007e]/g, '').replaceAll(/["\\]/g, '\\$&')}"`
}
