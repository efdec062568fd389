/** Programs started by tests: with a time limit, output kept, and none left behind when the test process ends. */
import { type ChildProcess, spawn } from 'node:child_process'

export interface RunOptions {
  /** The program is killed after this many milliseconds. Default: 30 000. */
  readonly timeout?: number
  /** Written to its standard input, which is empty otherwise. */
  readonly input?: Uint8Array
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** Ends the program by SIGTERM, a moment later by SIGKILL; its result is returned as usual. */
  readonly signal?: AbortSignal
}

export interface RunResult {
  /** Exit code; `undefined` when a signal ended it. */
  readonly code: number | undefined
  readonly stdout: Buffer
  readonly stderr: string
  readonly timedOut: boolean
}

const DEFAULT_TIMEOUT_MS = 30_000
/** Time a program has to end by itself after SIGTERM. */
const INSIST_MS = 1000
/** Output kept of each stream, bytes; more is thrown away from the front. */
const MAX_OUTPUT = 256 * 1024 * 1024

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) killGroup(child, 'SIGKILL')
})
// The runner ends a test file that takes too long by this signal, which alone would skip the handler above.
process.once('SIGTERM', () => process.exit(143))

/** Starts a program in a process group of its own that ends with the tests. */
export function start(
  command: string,
  args: readonly string[],
  options: Pick<RunOptions, 'env' | 'cwd'> = {},
): ChildProcess {
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
  })
  running.add(child)
  child.on('close', () => running.delete(child))
  child.on('error', () => running.delete(child))
  return child
}

/** Runs a program to its end. Rejects only when it cannot be started. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const child = start(command, args, options)
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  collect(child.stdout, stdout)
  collect(child.stderr, stderr)
  // A program that ends without reading its input is not a fault of the test.
  child.stdin?.on('error', () => {})
  child.stdin?.end(options.input)
  return new Promise((resolve, reject) => {
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      killGroup(child, 'SIGKILL')
    }, options.timeout ?? DEFAULT_TIMEOUT_MS)
    let insisting: NodeJS.Timeout | undefined
    const abort = () => {
      killGroup(child, 'SIGTERM')
      insisting = setTimeout(() => killGroup(child, 'SIGKILL'), INSIST_MS)
    }
    options.signal?.addEventListener('abort', abort, { once: true })
    const settle = () => {
      clearTimeout(timer)
      clearTimeout(insisting)
      options.signal?.removeEventListener('abort', abort)
    }
    child.on('error', (error) => {
      settle()
      reject(error)
    })
    child.on('close', (code) => {
      settle()
      resolve({
        code: code ?? undefined,
        stdout: Buffer.concat(stdout),
        stderr: Buffer.concat(stderr).toString(),
        timedOut,
      })
    })
  })
}

/** Runs a program and returns its standard output; throws with its last words unless it exits with 0. */
export async function runOrThrow(command: string, args: readonly string[], options?: RunOptions): Promise<Buffer> {
  const { code, stdout, stderr, timedOut } = await run(command, args, options)
  if (code === 0) return stdout
  const why = timedOut ? 'ran out of time' : `exited with ${code}`
  throw new Error(`${command} ${args.join(' ')} ${why}:\n${stderr.slice(-4000)}`)
}

/** Signals a program and all it started. */
export function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // It has just ended.
  }
}

function collect(stream: NodeJS.ReadableStream | null, pieces: Buffer[]): void {
  let size = 0
  stream?.on('data', (piece: Buffer) => {
    pieces.push(piece)
    size += piece.byteLength
    while (size > MAX_OUTPUT) size -= pieces.shift()?.byteLength ?? size
  })
}
