/** `npm run bench [NAME ...]`: runs the project's benchmarks and prints one table; exit 1 when a gate is missed. */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { asf } from './asf.ts'
import { audience } from './audience.ts'
import { audienceReports } from './audience-reports.ts'
import { fanOut, windowsMediaFanOut } from './fan-out.ts'
import { httpObjects } from './http-objects.ts'
import { ingest } from './ingest.ts'
import { licenses } from './licenses.ts'
import { onDemand } from './on-demand.ts'
import { pictureDelay } from './picture-delay.ts'
import { protection } from './protection.ts'
import { recording } from './recording.ts'
import { stalledViewers } from './stalled-viewers.ts'
import { startup } from './startup.ts'
import { allKept, formatTable, type Row } from './support/report.ts'

const BENCHMARKS: Readonly<Record<string, () => AsyncGenerator<Row>>> = {
  startup,
  ingest,
  http: httpObjects,
  'fan-out': fanOut,
  'windows-media': windowsMediaFanOut,
  stalled: stalledViewers,
  delay: pictureDelay,
  asf,
  licenses,
  'on-demand': onDemand,
  protection,
  recording,
  audience,
  'audience-reports': audienceReports,
}

/** Set in the copy of this program that runs inside a network namespace of its own. */
const INSIDE = 'HEADEND_BENCH_INSIDE'

// The command finds this Node by its name.
process.env['PATH'] = `${path.dirname(process.execPath)}:${process.env['PATH'] ?? ''}`
const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !(name in BENCHMARKS))
if (unknown.length > 0) {
  console.error(`unknown benchmark ${unknown.join(', ')}; there are: ${Object.keys(BENCHMARKS).join(', ')}`)
  process.exit(2)
}
if (process.env[INSIDE] === undefined) runIsolated()
process.exit(await run())

/**
 * A private network namespace keeps other programs' traffic and the machine's congestion control (whose pacing timers blur the
 * accounting) out of the figures. Without the right to make one, the benchmarks run as they are.
 */
function runIsolated(): void {
  const probe = spawnSync('unshare', ['-n', 'true'], { stdio: 'ignore' })
  if (probe.status !== 0) return
  const script = 'ip link set lo up && { sysctl -qw net.ipv4.tcp_congestion_control=reno || true; } && exec "$@"'
  // With the flags of the server, which are for the garbage collector.
  const program = [process.execPath, ...process.execArgv, import.meta.filename, ...wanted]
  const command = ['-n', 'sh', '-c', script, 'sh', ...program]
  const { status } = spawnSync('unshare', command, { stdio: 'inherit', env: { ...process.env, [INSIDE]: '1' } })
  process.exit(status ?? 1)
}

async function run(): Promise<number> {
  const rows: Row[] = []
  for (const [name, benchmark] of Object.entries(BENCHMARKS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    console.error(`running ${name} …`)
    for await (const row of benchmark()) rows.push(row)
  }
  console.log(formatTable(rows))
  return allKept(rows) ? 0 : 1
}
