/** A play log as one line of words: 44, 47 or 52 fields with one space between (MS-WMLOG 2.2). */
import { FormatError } from '../errors.ts'
import type { Wmlog } from './wmlog.ts'
import { WMLOG_LINES, type WmlogForm } from './wmlog-fields.ts'
import {
  finishWmlogFields,
  formatWmlogValue,
  MAX_WMLOG_LENGTH,
  readWmlogValue,
  type WmlogDraft,
  withoutBlanksAround,
} from './wmlog-value.ts'

/** A log that has a line. */
export interface WmlogOfLine extends Wmlog {
  readonly form: WmlogForm
}

/**
 * Reads a line. A well-formed one comes out of `formatWmlogLine` as it was. Throws FormatError ERR_WMLOG_TOO_LARGE above 64 KiB,
 * ERR_WMLOG_FIELDS for another number of fields, ERR_WMLOG_VALUE and ERR_WMLOG_CONTROL.
 */
export function parseWmlogLine(text: string): WmlogOfLine {
  if (text.length > MAX_WMLOG_LENGTH) {
    throw new FormatError(
      'ERR_WMLOG_TOO_LARGE',
      `expected a log line of at most ${MAX_WMLOG_LENGTH} characters, found ${text.length}`,
    )
  }
  const words = withoutBlanksAround(text).split(' ')
  const form = words.length
  if (form !== 44 && form !== 47 && form !== 52) {
    throw new FormatError('ERR_WMLOG_FIELDS', `expected a log line of 44, 47 or 52 fields, found ${form}`)
  }
  const draft: WmlogDraft = {}
  for (const [at, name] of WMLOG_LINES[form].entries()) {
    const value = readWmlogValue(name, words[at] ?? '-')
    if (value !== undefined) draft[name] = value
  }
  return { form, fields: finishWmlogFields(draft) }
}

/** The line with that many fields, without a line end. Never throws. */
export function formatWmlogLine({ fields }: Pick<Wmlog, 'fields'>, form: WmlogForm): string {
  return WMLOG_LINES[form].map((name) => formatWmlogValue(name, fields[name])).join(' ')
}
