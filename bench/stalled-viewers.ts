/** 900 viewers while 100 others connect and never read: what the 900 get, and what memory does. */
import { connect, type Socket } from 'node:net'
import { benchFile } from './support/media.ts'
import { nativeProgram } from './support/native.ts'
import { runLoad, startHeadend } from './support/processes.ts'
import type { Row } from './support/report.ts'

const VIEWERS = 900
const STALLED = 100

export async function* stalledViewers(): AsyncGenerator<Row> {
  const server = await startHeadend()
  const stalled: Socket[] = []
  try {
    const args = [
      '-m',
      'rtmp',
      '-p',
      String(server.ports['rtmp']),
      '-s',
      'bench',
      '-n',
      String(VIEWERS),
      '-r',
      '250',
      '-w',
      '8',
      '-t',
      '12',
    ]
    args.push('-c', '3', '-P', String(server.pid), '-u', benchFile(), '-q', server.publishQuery)
    const measured = runLoad(nativeProgram('liveload'), args)
    // HTTP-FLV viewers that ask and then never read: paused before the first byte.
    setTimeout(() => {
      for (let i = 0; i < STALLED; i++) {
        const socket = connect(server.ports['http'] ?? 0, '127.0.0.1').pause()
        socket.on('error', () => socket.destroy())
        socket.write('GET /live/bench.flv HTTP/1.1\r\nHost: localhost\r\n\r\n')
        stalled.push(socket)
      }
    }, 4000)
    const result = await measured
    yield {
      work: `${VIEWERS} RTMP viewers beside ${STALLED} that never read`,
      value: result.pss_mb,
      unit: 'MB PSS',
      gate: 130,
      note: `${result.intact} of ${VIEWERS} intact`,
      failed: result.intact < VIEWERS,
    }
  } finally {
    for (const socket of stalled) socket.destroy()
    await server.stop()
  }
}
