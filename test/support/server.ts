/** The server as people run it: the command line in a process of its own, on free ports of the loopback. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { killGroup, start } from './process.ts'
import { repository } from './sources.ts'

export interface ServerOptions {
  /** Flags after those that choose free ports and a folder of its own. */
  readonly args?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** The test channel is off unless asked for. */
  readonly testChannel?: boolean
  /** Folder of its state, which stays. Default: a new one, removed by `stop`. */
  readonly data?: string
  /** File descriptors the process may hold. */
  readonly maxFiles?: number
}

export interface RunningServer {
  readonly pid: number
  /** `http`, `rtmp`, …: base addresses without a slash at the end. */
  readonly urls: Readonly<Record<string, string>>
  readonly ports: Readonly<Record<string, number>>
  readonly secrets: Readonly<Record<'publishKey' | 'playKey' | 'adminToken', string>>
  /** Folder of its state. */
  readonly data: string
  /** Everything it has printed so far. */
  log(): string
  /** Sends SIGTERM and resolves with the exit code; `undefined` when it had to be killed. */
  stop(): Promise<number | undefined>
}

const START_MS = 20_000
const STOP_MS = 15_000
const POLL_MS = 20

/** Resolves when everything listens. Throws with what the server printed when it does not come up. */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const data = options.data ?? mkdtempSync(join(tmpdir(), 'headend-test-'))
  const readyFile = join(data, 'ready.json')
  // Of a run before this one.
  rmSync(readyFile, { force: true })
  const flags = [
    '--host',
    '127.0.0.1',
    '--http-port',
    '0',
    '--rtmp-port',
    '0',
    '--data',
    data,
    '--ready-file',
    readyFile,
  ]
  const channel = options.testChannel === true ? [] : ['--no-test-channel']
  const args = [join(repository, 'bin/headend.js'), 'serve', ...flags, ...channel, ...(options.args ?? [])]
  const env = options.env === undefined ? {} : { env: options.env }
  const { maxFiles } = options
  const child =
    maxFiles === undefined
      ? start(process.execPath, args, env)
      : start('sh', ['-c', `ulimit -n ${maxFiles}; exec "$0" "$@"`, process.execPath, ...args], env)
  let printed = ''
  const keep = (piece: Buffer) => {
    printed = (printed + piece.toString()).slice(-1_000_000)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  const closed = new Promise<number | undefined>((resolve) => child.on('close', (code) => resolve(code ?? undefined)))
  const clean = () => {
    if (options.data === undefined) rmSync(data, { recursive: true, force: true })
  }

  const deadline = performance.now() + START_MS
  while (!existsSync(readyFile)) {
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > deadline) {
      killGroup(child, 'SIGKILL')
      clean()
      throw new Error(`the server did not come up:\n${printed}`)
    }
    await delay(POLL_MS)
  }
  const ready = JSON.parse(readFileSync(readyFile, 'utf8')) as Pick<RunningServer, 'pid' | 'urls' | 'ports'>
  const secrets = JSON.parse(readFileSync(join(data, 'secrets.json'), 'utf8')) as RunningServer['secrets']
  return {
    ...ready,
    secrets,
    data,
    log: () => printed,
    async stop() {
      killGroup(child, 'SIGTERM')
      const timer = setTimeout(() => killGroup(child, 'SIGKILL'), STOP_MS)
      const code = await closed
      clearTimeout(timer)
      clean()
      return code
    },
  }
}
