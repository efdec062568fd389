/** Files of what the page shows. */
import type { AudienceSeries, SessionDetail } from './audience-api.ts'
import { csvOf } from './csv.ts'

export function downloadJson(name: string, value: unknown): void {
  download(`${name}.json`, 'application/json', `${JSON.stringify(value, undefined, 2)}\n`)
}

export function downloadSeries(name: string, { points }: AudienceSeries): void {
  const columns = [
    'time',
    'concurrent',
    'attempts',
    'plays',
    'playedMs',
    'stalledMs',
    'stalls',
    'rebufferRatio',
    'startupMs',
    'bitrateKbps',
    'bytes',
    'errors',
  ] as const
  download(
    `${name}.csv`,
    'text/csv',
    csvOf(
      columns,
      points.map((point) => columns.map((column) => point[column])),
    ),
  )
}

export function downloadEvents(name: string, { events }: SessionDetail): void {
  const columns = [
    'time',
    'source',
    'kind',
    'state',
    'bitrate',
    'buffer',
    'throughput',
    'status',
    'bytes',
    'reason',
  ] as const
  const rows = events.map((event) => [
    new Date(event.time).toISOString(),
    ...columns.slice(1).map((column) => event[column]),
    event.errors?.join(' '),
    event.original,
  ])
  download(`${name}.csv`, 'text/csv', csvOf([...columns, 'errors', 'original'], rows))
}

function download(name: string, type: string, text: string): void {
  save(name, new Blob([text], { type }))
}

/** As a file of the browser's own. */
export function save(name: string, file: Blob): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(file)
  link.download = name
  link.click()
  // The browser has taken it when the next task runs.
  window.setTimeout(() => URL.revokeObjectURL(link.href))
}
