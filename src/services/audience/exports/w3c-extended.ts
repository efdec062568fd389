/** Lines of W3C extended log files (W3C WD-logfile-960323), with words as Windows Media Services writes them: no quotes, `_` for spaces. */
import { formatWmlogText } from '../../../playlog/wmlog-value.ts'
import { type Column, moment } from './tables.ts'

/** Directives at the beginning of a file. `software`: name and version. */
export function formatW3cDirectives(fields: readonly string[], software: string, at: number): string {
  const [date, time] = dateAndTime(at)
  const words = formatWmlogText(software, 'text').replaceAll('_', ' ')
  return `#Version: 1.0\n#Software: ${words}\n#Date: ${date} ${time}\n#Fields: ${fields.join(' ')}\n`
}

/** Of a table: the date and time of a row, and its columns. */
export function w3cFields(columns: readonly string[]): string[] {
  return ['date', 'time', ...columns]
}

/** One line with its end. `at`: Unix milliseconds. */
export function formatW3cRow<Row>(columns: readonly Column<Row>[], row: Row, at: number): string {
  const values = columns.map(({ field, value }) => {
    const cell = value(row)
    if (cell === undefined) return '-'
    if (typeof cell === 'number') return String(cell)
    return formatWmlogText(cell, field === 'cs-uri-stem' ? 'url' : 'text')
  })
  return `${[...dateAndTime(at), ...values].join(' ')}\n`
}

function dateAndTime(at: number): readonly [date: string, time: string] {
  const text = moment(at)
  return text === undefined ? ['-', '-'] : [text.slice(0, 10), text.slice(11, 19)]
}
