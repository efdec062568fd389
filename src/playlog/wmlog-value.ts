/** Values of single fields: checked when they come in, escaped when they go out (MS-WMLOG 2.1, 2.2, 4). */
import { FormatError } from '../errors.ts'
import type { WmlogFields } from './wmlog.ts'
import { WMLOG_FIELDS, type WmlogField, type WmlogFieldType } from './wmlog-fields.ts'

/** Characters of one log in any form. */
export const MAX_WMLOG_LENGTH = 64 * 1024
/** Characters of one value; addresses may be longer. */
export const MAX_TEXT_VALUE_LENGTH = 1024
export const MAX_URL_VALUE_LENGTH = 8192

const MAX_QUOTED_LENGTH = 40

const RANGES: Readonly<Partial<Record<WmlogFieldType, readonly [low: number, high: number]>>> = {
  u32: [0, 0xffff_ffff],
  rate: [-99, 99],
  status: [100, 999],
  percent: [0, 100],
  flag: [0, 1],
}

/** Codes of C0, DEL and C1: they steer terminals and end lines. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/
/** What changes the order or the number of lines that people see, and what is no character at all. */
const MISLEADING = /[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]|\p{Surrogate}/gu
const DATE = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/
const TIME = /^(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)$/
const INTEGER = /^-?\d{1,10}$/
const NOT_IN_URL = /[^\u0021-\u007e]+/gu
const CUT_ESCAPE = /%[0-9A-F]?$/
const ALL_CONTROLS = new RegExp(CONTROL, 'g')

/** Values while a log is being read. */
export type WmlogDraft = { [Name in WmlogField]?: string | number | undefined }

/** The fields of a draft that was filled by `readWmlogValue` alone. */
export function finishWmlogFields(draft: WmlogDraft): WmlogFields {
  return draft as WmlogFields
}

/**
 * A value of the wire; `undefined` for `-` and for nothing. Characters that mislead readers become `_`. Throws FormatError
 * ERR_WMLOG_VALUE for what the field cannot hold, ERR_WMLOG_CONTROL for control characters.
 */
export function readWmlogValue(name: WmlogField, raw: string): string | number | undefined {
  if (raw === '-' || raw === '') return undefined
  const type: WmlogFieldType = WMLOG_FIELDS[name]
  const range = RANGES[type]
  if (range !== undefined) return readInteger(name, raw, range)
  const longest = type === 'url' ? MAX_URL_VALUE_LENGTH : MAX_TEXT_VALUE_LENGTH
  if (raw.length > longest) {
    throw new FormatError('ERR_WMLOG_VALUE', `${name}: expected at most ${longest} characters, found ${raw.length}`)
  }
  const text = readText(name, raw)
  if (type === 'date' && !DATE.test(text)) throw wrong(name, 'YYYY-MM-DD', text)
  if (type === 'time' && !TIME.test(text)) throw wrong(name, 'HH:MM:SS', text)
  return text
}

function readText(name: string, raw: string): string {
  const control = CONTROL.exec(raw)
  if (control !== null) {
    const code = raw.charCodeAt(control.index).toString(16).padStart(4, '0')
    throw new FormatError('ERR_WMLOG_CONTROL', `${name}: expected no control characters, found U+${code}`)
  }
  return raw.replace(MISLEADING, '_')
}

/** A value for the wire: no space, no control character, never empty. Numbers are rounded into their range. */
export function formatWmlogValue(name: WmlogField, value: string | number | undefined): string {
  if (value === undefined) return '-'
  const type: WmlogFieldType = WMLOG_FIELDS[name]
  const range = RANGES[type]
  if (typeof value === 'number' || range !== undefined) {
    const number = Math.round(Number(value))
    const [low, high] = range ?? [0, 0xffff_ffff]
    return Number.isNaN(number) ? '-' : String(Math.min(high, Math.max(low, number)))
  }
  return formatWmlogText(value, type === 'url' ? 'url' : 'text')
}

/** Any text as one word: spaces become `_`, or `%20` in addresses; characters that could break a line or mislead are replaced. */
export function formatWmlogText(value: string, type: 'text' | 'url'): string {
  if (value === '') return '-'
  if (type === 'text') return cleanWmlogText(value.slice(0, MAX_TEXT_VALUE_LENGTH)).replaceAll(' ', '_')
  const url = value.slice(0, MAX_URL_VALUE_LENGTH).replace(MISLEADING, '_').replace(NOT_IN_URL, encodeURIComponent)
  return url.length <= MAX_URL_VALUE_LENGTH ? url : url.slice(0, MAX_URL_VALUE_LENGTH).replace(CUT_ESCAPE, '')
}

/** Text of any length with `_` for each character that could break a line or mislead; spaces stay. */
export function cleanWmlogText(text: string): string {
  return text.replace(MISLEADING, '_').replaceAll(ALL_CONTROLS, '_')
}

/** The text without blanks, line ends and NULs around it: ends of strings, of lines and of header values that players send along. */
export function withoutBlanksAround(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d || code === 0x0a || code === 0
}

function readInteger(name: WmlogField, raw: string, [low, high]: readonly [number, number]): number {
  const value = INTEGER.test(raw) ? Number(raw) : Number.NaN
  if (!(value >= low && value <= high)) throw wrong(name, `an integer from ${low} to ${high}`, raw)
  // Minus zero is printed as 0 and compared as another value.
  return value === 0 ? 0 : value
}

function wrong(name: WmlogField, expected: string, found: string): FormatError {
  return new FormatError(
    'ERR_WMLOG_VALUE',
    `${name}: expected ${expected}, found ${JSON.stringify(found.slice(0, MAX_QUOTED_LENGTH))}`,
  )
}
