/** JSON lines: one object a line, for programs. */

/** Signs that some programs take for the end of a line and JSON does not. */
const OTHER_LINE_ENDS = /[\u0085\u2028\u2029]/g

/** With its line end; `parse` gives the row again. */
export function formatJsonLine(row: object): string {
  const text = JSON.stringify(row).replace(
    OTHER_LINE_ENDS,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return `${text}\n`
}
