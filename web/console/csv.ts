/** Comma-separated values (RFC 4180) of what the page shows, as the server's own exports have them: texts stay texts in a spreadsheet. */

/** Signs that make a spreadsheet compute what follows, wide forms included; other languages split at other signs, and take quotes for text. */
const BEGINS_FORMULA = /(^|[,;|"])(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])/gu
/** What breaks a line, or turns the direction of one. */
const MISLEADING = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu

export type Cell = string | number | undefined

/** With a line of names first; what is not known is empty. */
export function csvOf(names: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [names, ...rows].map((row) => `${row.map(cellText).join(',')}\r\n`).join('')
}

function cellText(cell: Cell): string {
  if (cell === undefined) return ''
  if (typeof cell === 'number') return String(cell)
  return `"${cell.replace(MISLEADING, '_').replace(BEGINS_FORMULA, "$1'").replaceAll('"', '""')}"`
}
