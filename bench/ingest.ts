/** 50 publishers of 1 Mb/s each, nobody watching. */
import { benchFile } from './support/media.ts'
import { nativeProgram } from './support/native.ts'
import { runLoad, startHeadend } from './support/processes.ts'
import type { Row } from './support/report.ts'

const PUBLISHERS = 50

export async function* ingest(): AsyncGenerator<Row> {
  const server = await startHeadend()
  try {
    const args = [
      '-m',
      'rtmp',
      '-p',
      String(server.ports['rtmp']),
      '-n',
      '0',
      '-U',
      String(PUBLISHERS),
      '-w',
      '8',
      '-t',
      '12',
    ]
    args.push('-s', 'bench', '-q', server.publishQuery, '-u', benchFile(), '-P', String(server.pid))
    const result = await runLoad(nativeProgram('liveload'), args)
    yield {
      work: `${PUBLISHERS} publishers of 1 Mb/s`,
      value: result.cpu_pct,
      unit: '% core',
      gate: 4.5,
      note: `${result.pss_mb.toFixed(0)} MB`,
    }
  } finally {
    await server.stop()
  }
}
