/** Recording 50 streams at 4 Mb/s: how much of a core it takes, and whether all of it reaches the disk. */
import { benchFile } from './support/media.ts'
import { nativeProgram } from './support/native.ts'
import { runLoad, type ServerProcess, startHeadend } from './support/processes.ts'
import type { Row } from './support/report.ts'

const STREAMS = 50
const KBPS = 4000

export async function* recording(): AsyncGenerator<Row> {
  const server = await startHeadend({ paths: { 'live/**': { record: true } } })
  try {
    const load = [
      '-m',
      'rtmp',
      '-p',
      String(server.ports['rtmp']),
      '-n',
      '0',
      '-U',
      String(STREAMS),
      '-w',
      '8',
      '-t',
      '12',
    ]
    load.push('-s', 'bench', '-q', server.publishQuery, '-u', benchFile(KBPS), '-P', String(server.pid))
    const result = await runLoad(nativeProgram('liveload'), load)
    const figures = await metricsOf(server)
    const figure = (name: string) => figures.get(`headend_recording_${name}`) ?? 0
    const megabytes = Math.round(figure('bytes_total') / 1e6)
    yield {
      work: `recording ${STREAMS} streams of ${KBPS / 1000} Mb/s`,
      value: result.cpu_pct,
      unit: '% core',
      gate: 100,
      note: `${result.pss_mb.toFixed(0)} MB; ${megabytes} MB in ${figure('files_total')} files`,
    }
    yield {
      work: 'recorded bytes that the disk was too slow for',
      value: figure('lost_bytes_total'),
      unit: 'bytes',
      gate: 0,
      note: `${figure('failures_total')} faults`,
    }
  } finally {
    await server.stop()
  }
}

/** Figures without labels. */
async function metricsOf(server: ServerProcess): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`http://127.0.0.1:${server.ports['http']}/metrics`)
  const figures = new Map<string, number>()
  for (const line of (await response.text()).split('\n')) {
    const [name = '', value = ''] = line.split(' ')
    if (!line.startsWith('#')) figures.set(name, Number(value))
  }
  return figures
}
