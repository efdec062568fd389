/** Starts the server under test and the floors, pinned to the first core; the load runs on the second. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const ROOT = path.join(import.meta.dirname, '../..')
const START_TIMEOUT_MS = 20_000
const SERVER_CORE = '0'
const LOAD_CORE = '1'
/** What `getconf CLK_TCK` says on Linux. */
const CLOCK_TICKS_PER_SECOND = 100

/** For what has threads of its own. */
export const BOTH_CORES = `${SERVER_CORE},${LOAD_CORE}`

export interface ServerProcess {
  readonly pid: number
  readonly ports: Readonly<Record<string, number>>
  /** Folder of its state. */
  readonly data: string
  /** `?key=…` of publishers. */
  readonly publishQuery: string
  stop(): Promise<void>
}

/** Starts `headend serve`, or another of its servers, on free ports with the settings given as JSON. */
export async function startHeadend(
  settings: Readonly<Record<string, unknown>> = {},
  flags: readonly string[] = ['--no-test-channel'],
  { command = 'serve', cores = SERVER_CORE }: { readonly command?: string; readonly cores?: string } = {},
): Promise<ServerProcess> {
  const folder = mkdtempSync(path.join(tmpdir(), 'headend-bench-'))
  const readyFile = path.join(folder, 'ready.json')
  const config = path.join(folder, 'headend.json')
  writeFileSync(config, JSON.stringify(settings))
  const args = [
    '-c',
    cores,
    path.join(ROOT, 'bin/headend.js'),
    command,
    '--host',
    '127.0.0.1',
    '--http-port',
    '0',
    '--rtmp-port',
    '0',
  ]
  args.push('--data', path.join(folder, 'data'), '--config', config, '--ready-file', readyFile, ...flags)
  const child = spawn('taskset', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.on('data', (text: Buffer) => {
    log = (log + text.toString()).slice(-4000)
  })
  const deadline = Date.now() + START_TIMEOUT_MS
  let ready: { pid: number; ports: Record<string, number> } | undefined
  while (ready === undefined) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`the server did not start:\n${log}`)
    await sleep(20)
    ready = readJson(readyFile) as typeof ready
  }
  const { publishKey } = readJson(path.join(folder, 'data/secrets.json')) as { publishKey: string }
  return {
    pid: ready.pid,
    ports: ready.ports,
    data: path.join(folder, 'data'),
    publishQuery: `?key=${publishKey}`,
    async stop() {
      await stopChild(child)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Starts any other program on the server's core and waits until `port` accepts. */
export async function startPinned(
  command: string,
  args: readonly string[],
  port: number,
): Promise<{ pid: number; stop(): Promise<void> }> {
  const child = spawn('taskset', ['-c', SERVER_CORE, command, ...args], { stdio: 'ignore' })
  const deadline = Date.now() + START_TIMEOUT_MS
  while (!(await accepts(port))) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`${command} did not start`)
    await sleep(20)
  }
  return { pid: child.pid ?? 0, stop: () => stopChild(child) }
}

/** Runs a load generator on the other core and returns its JSON line. */
export async function runLoad<Result = LoadResult>(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Result> {
  const { stdout } = await promisify(execFile)('taskset', ['-c', LOAD_CORE, command, ...args], {
    env: { ...process.env, ...environment },
    maxBuffer: 1 << 20,
  })
  return JSON.parse(stdout) as Result
}

/** The figures used here; see bench/native. */
export interface LoadResult {
  readonly n: number
  readonly intact: number
  readonly cpu_pct: number
  readonly cpu_pct_per_100: number
  readonly cpu_us_per_req: number
  readonly cpu_s_per_GB: number
  readonly errs: number
  readonly pss_mb: number
  readonly connect_cpu_s: number
  /** Mean, median, 95th and 99th percentile. */
  readonly lat_ms: readonly number[]
}

/** User and system time of a process with all its threads, or of its main thread (proc(5), fields 14 and 15 of stat), seconds. */
export function cpuSeconds(pid: number, of: 'process' | 'main-thread' = 'process'): number {
  const file = of === 'process' ? `/proc/${pid}/stat` : `/proc/${pid}/task/${pid}/stat`
  const fields = readFileSync(file, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const { createServer } = await import('node:net')
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    // Not there yet, or half written.
    return undefined
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 12_000)
  await ended
  clearTimeout(timer)
}
