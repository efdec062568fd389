/** The table that `npm run bench` prints. */

export interface Row {
  readonly work: string
  readonly value: number
  readonly unit: string
  /** The same work done by the floor (or the peer) in the same run. */
  readonly floor?: number
  /** Highest ratio to the floor, or highest value where there is no floor. */
  readonly gate?: number
  /** Why the row counts or does not: viewers intact, delay. */
  readonly note: string
  /** The work was not done right, whatever it cost. */
  readonly failed?: boolean
}

/** True when every row with a gate keeps it. */
export function allKept(rows: readonly Row[]): boolean {
  return rows.every((row) => row.failed !== true && (row.gate === undefined || measure(row) <= row.gate))
}

export function formatTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.work,
    `${figure(row.value)} ${row.unit}`,
    row.floor === undefined ? '' : figure(row.floor),
    row.floor === undefined ? '' : (row.value / row.floor).toFixed(2),
    row.gate === undefined ? '' : `≤ ${row.gate}`,
    row.failed === true ? 'FAILED' : row.gate === undefined ? '' : measure(row) <= row.gate ? 'kept' : 'MISSED',
    row.note,
  ])
  const head = ['work', 'headend', 'floor', 'ratio', 'gate', '', 'notes']
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((row) => (row[column] ?? '').length)))
  return [head, ...cells]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function measure(row: Row): number {
  return row.floor === undefined ? row.value : row.value / row.floor
}

function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
