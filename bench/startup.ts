/** From process start to the first accepted connection, and what an idle server holds. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { accepts, freePort } from './support/processes.ts'
import type { Row } from './support/report.ts'

const RUNS = 7
const IDLE_S = 4

export async function* startup(): AsyncGenerator<Row> {
  const folder = mkdtempSync(path.join(tmpdir(), 'headend-bench-'))
  const times: number[] = []
  let pss = 0
  try {
    // The first run fills the compile cache and makes the secrets; it does not count.
    for (let run = 0; run <= RUNS; run++) {
      const port = await freePort()
      const main = path.join(import.meta.dirname, '../bin/headend.js')
      const args = [
        'serve',
        '--host',
        '127.0.0.1',
        '--http-port',
        '0',
        '--rtmp-port',
        String(port),
        '--data',
        folder,
        '--no-test-channel',
      ]
      const started = performance.now()
      const child = spawn(main, args, { stdio: 'ignore' })
      while (!(await accepts(port))) await sleep(1)
      if (run > 0) times.push(performance.now() - started)
      if (run === RUNS) {
        await sleep(IDLE_S * 1000)
        pss = proportionalSetSize(child.pid ?? 0)
      }
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await ended
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  times.sort((a, b) => a - b)
  const median = times[times.length >> 1] ?? 0
  yield {
    work: 'process start to first accepted connection',
    value: median,
    unit: 'ms',
    gate: 150,
    note: `median of ${RUNS}, best ${times[0]?.toFixed(0)}`,
  }
  yield { work: `idle for ${IDLE_S} s`, value: pss, unit: 'MB PSS', gate: 75, note: '' }
}

function proportionalSetSize(pid: number): number {
  const match = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))
  return Number(match?.[1] ?? 0) / 1024
}
