/** Comma-separated values (RFC 4180) that a spreadsheet may open, whoever wrote the texts in them. */
import { cleanWmlogText } from '../../../playlog/wmlog-value.ts'

/** A value of a table; `undefined`: there is none. */
export type Cell = string | number | undefined

/** Signs that make a spreadsheet compute what follows, wide forms of East Asian keyboards included. */
const FORMULA = '[=+\\-@\\uff1d\\uff0b\\uff0d\\uff20]'
/**
 * A spreadsheet in another language splits at other signs, and then takes quotes for text: what stands behind one of them begins a cell as well.
 */
const BEGINS_FORMULA = new RegExp(`(^|[,;|"])(?=\\s*${FORMULA})`, 'gu')

/** With its line end. */
export function formatCsvLine(cells: readonly Cell[]): string {
  return `${cells.map(formatCsvCell).join(',')}\r\n`
}

/**
 * Texts stand in quotes, with `'` before what would be a formula (CWE-1236) and `_` for what could break a line or mislead: the form for machines is
 * JSON. Numbers stand as they are.
 */
export function formatCsvCell(cell: Cell): string {
  if (cell === undefined) return ''
  if (typeof cell === 'number') return String(cell)
  return `"${cleanWmlogText(cell).replace(BEGINS_FORMULA, "$1'").replaceAll('"', '""')}"`
}
