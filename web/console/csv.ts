/** Comma-separated values (RFC 4180) that a spreadsheet takes for values. */

/** Begins of cells that spreadsheets take for formulas. */
const FORMULA = /^[=+\-@\t\r]/

export type Cell = string | number | undefined

/** With a line of names first; what is not known is empty. */
export function csvOf(names: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [names, ...rows].map((row) => `${row.map(cellText).join(',')}\r\n`).join('')
}

function cellText(cell: Cell): string {
  if (cell === undefined) return ''
  if (typeof cell === 'number') return String(cell)
  const text = FORMULA.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
