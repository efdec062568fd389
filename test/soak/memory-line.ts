/** Figures over time as a small plot of text. */

export interface Row {
  readonly name: string
  readonly unit: string
  readonly values: readonly number[]
}

const BARS = '▁▂▃▄▅▆▇█'
const MAX_COLUMNS = 100

/** One line a row: the course, the least, the last and the highest value. */
export function plot(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ name }) => name.length))
  return rows
    .map(({ name, unit, values }) => {
      const high = Math.max(...values, 0)
      const line = thinned(values).map((value) => BARS[high > 0 ? Math.round((value / high) * (BARS.length - 1)) : 0])
      const figures = [Math.min(...values), values.at(-1) ?? 0, high].map((value) =>
        value.toFixed(unit === 'MB' ? 1 : 0),
      )
      return `${name.padEnd(width)}  ${line.join('')}  least ${figures[0]}, last ${figures[1]}, highest ${figures[2]} ${unit}`
    })
    .join('\n')
}

/** The highest value of each column. */
function thinned(values: readonly number[]): number[] {
  const step = Math.max(1, Math.ceil(values.length / MAX_COLUMNS))
  return Array.from({ length: Math.ceil(values.length / step) }, (_, index) =>
    Math.max(...values.slice(index * step, (index + 1) * step)),
  )
}
