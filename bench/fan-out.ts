/** 1,000 viewers of one live stream. At 1 Mb/s: RTMP and HTTP-FLV against a C program that writes the same bytes at the same window; at 300 kb/s: Windows Media against our own HTTP-FLV. */
import { benchFile } from './support/media.ts'
import { nativeProgram } from './support/native.ts'
import { freePort, type LoadResult, runLoad, startHeadend, startPinned } from './support/processes.ts'
import type { Row } from './support/report.ts'

const VIEWERS = 1000
const JOINS_PER_SECOND = 250
const WARM_UP_S = 6
const MEASURED_S = 12

interface FanOut {
  readonly kind: 'rtmp' | 'flv'
  readonly windowMs: number
  readonly gate: number
  readonly maxMeanDelayMs?: number
}

const CASES: readonly FanOut[] = [
  { kind: 'rtmp', windowMs: 100, gate: 1.55, maxMeanDelayMs: 65 },
  { kind: 'rtmp', windowMs: 350, gate: 1.75 },
  { kind: 'rtmp', windowMs: 20, gate: 1.4 },
  { kind: 'flv', windowMs: 100, gate: 1.5 },
]

export async function* fanOut(): AsyncGenerator<Row> {
  const floors = new Map<number, LoadResult>()
  for (const one of CASES) {
    const floor = floors.get(one.windowMs) ?? (await measureFloor(one.windowMs))
    floors.set(one.windowMs, floor)
    const result = await measureServer(one)
    const [mean = 0, , p95 = 0] = result.lat_ms
    const late = one.maxMeanDelayMs !== undefined && mean > one.maxMeanDelayMs
    yield {
      work: `${one.kind === 'rtmp' ? 'RTMP' : 'HTTP-FLV'} fan-out, ${VIEWERS} viewers, ${one.windowMs} ms`,
      value: result.cpu_pct_per_100,
      unit: '% core/100',
      floor: floor.cpu_pct_per_100,
      gate: one.gate,
      note: `${result.intact} intact, delay ${mean.toFixed(0)}/${p95.toFixed(0)} ms mean/p95, ${result.pss_mb.toFixed(0)} MB`,
      failed: late || result.intact < VIEWERS,
    }
    if (one.kind === 'rtmp' && one.windowMs === 100) {
      yield { work: `memory with ${VIEWERS} RTMP viewers`, value: result.pss_mb, unit: 'MB PSS', gate: 110, note: '' }
      yield {
        work: 'a join with its group of pictures',
        value: (result.connect_cpu_s * 1000) / VIEWERS,
        unit: 'ms CPU',
        note: '',
      }
    }
  }
}

/** Windows Media packets carry a header per viewer; the same stream by HTTP-FLV is what they are held against. */
export async function* windowsMediaFanOut(): AsyncGenerator<Row> {
  const file = benchFile(300)
  const flv = await measureServer({ kind: 'flv', windowMs: 100 }, file)
  const wmsp = await measureServer({ kind: 'wmsp', windowMs: 100 }, file)
  yield {
    work: `WMSP fan-out against HTTP-FLV, ${VIEWERS} viewers, 300 kb/s, 100 ms`,
    value: wmsp.cpu_pct_per_100,
    unit: '% core/100',
    floor: flv.cpu_pct_per_100,
    gate: 1.2,
    note: `${wmsp.intact} and ${flv.intact} intact, ${wmsp.pss_mb.toFixed(0)} and ${flv.pss_mb.toFixed(0)} MB`,
    failed: wmsp.intact < VIEWERS || flv.intact < VIEWERS,
  }
}

async function measureFloor(windowMs: number): Promise<LoadResult> {
  const file = benchFile()
  const port = await freePort()
  const floor = await startPinned(nativeProgram('fanlimit'), [String(port), file, String(windowMs)], port)
  try {
    return await runLoad(nativeProgram('liveload'), [...load('raw', port, floor.pid), '-f', file])
  } finally {
    await floor.stop()
  }
}

async function measureServer(
  { kind, windowMs }: { readonly kind: FanOut['kind'] | 'wmsp'; readonly windowMs: number },
  file = benchFile(),
): Promise<LoadResult> {
  const server = await startHeadend({ paths: { 'live/**': { windowMs } } })
  try {
    const port = kind === 'rtmp' ? server.ports['rtmp'] : server.ports['http']
    const args = [...load(kind, port ?? 0, server.pid), '-u', file, '-q', server.publishQuery]
    return await runLoad(nativeProgram('liveload'), args, { PUBPORT: String(server.ports['rtmp']) })
  } finally {
    await server.stop()
  }
}

function load(mode: string, port: number, pid: number): string[] {
  const numbers = [
    '-n',
    String(VIEWERS),
    '-r',
    String(JOINS_PER_SECOND),
    '-w',
    String(WARM_UP_S),
    '-t',
    String(MEASURED_S),
  ]
  return ['-m', mode, '-p', String(port), '-s', 'bench', '-P', String(pid), '-c', '3', ...numbers]
}
