/** One supervised child process: what it may use, how long it may be silent, and that nothing of it stays behind. */
import { type ChildProcess, spawn } from 'node:child_process'
import { setPriority } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import { UnavailableError } from '../../errors.ts'
import type { LibraryFile } from '../../library/library.ts'
import { childFailed } from './failures.ts'

/** Kept of what a child writes to standard error, characters from its end. */
const MAX_LOG = 4000
/** Open files of a child: the libraries of ffmpeg take a dozen. */
const MAX_FILES = 64
/** The descriptor that a child finds its file at. */
const FILE_DESCRIPTOR = 3

/** Address of the file that `ChildOptions.file` hands over: no name of it reaches the command line. */
export const FILE_INPUT = `file:/dev/fd/${FILE_DESCRIPTOR}`

/** What a child may use. */
export interface ChildLimits {
  /** Path of util-linux' prlimit; `undefined` where there is none, and then only the priority is set. */
  readonly prlimit: string | undefined
  /** Address space. */
  readonly memoryBytes: number
  /** Processor time; `undefined`: as much as it takes. */
  readonly cpuSeconds: number | undefined
  /** Added to its niceness, 0 to 19. */
  readonly nice: number
}

export interface ChildOptions {
  readonly limits: ChildLimits
  /** It is ended when it gives nothing for so many milliseconds though its output is waited for; Infinity: never. */
  readonly stallMs: number
  /** Descriptor of the file it reads at `FILE_INPUT`; stays the caller's. */
  readonly file?: number
  /** Bytes are written to its standard input. */
  readonly input?: boolean
}

/** A program that runs. No shell takes part in it; its environment has fixed names only. */
export class Child {
  readonly #program: string
  readonly #process: ChildProcess
  readonly #stallMs: number
  readonly #ended: Promise<string>
  #log = ''
  #stopped = false
  #stalled = false
  /** Its number may belong to another process by now. */
  #groupGone = false

  /** Starts it. A program that is missing makes `output` throw. */
  constructor(program: string, args: readonly string[], { limits, stallMs, file, input = false }: ChildOptions) {
    this.#program = program.split('/').at(-1) ?? program
    this.#stallMs = stallMs
    const [command, ...rest] = [...limitCommand(limits), program, ...args]
    this.#process = spawn(command as string, rest, {
      stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe', ...(file === undefined ? [] : [file])],
      // A group of its own, so that what it starts itself ends with it.
      detached: true,
      cwd: '/',
      env: { PATH: process.env['PATH'], LC_ALL: 'C', AV_LOG_FORCE_NOCOLOR: '1' },
    })
    this.#ended = new Promise((resolve) => {
      this.#process.once('error', (error) => resolve(`could not be started (${error.message})`))
      this.#process.once('close', (code, signal) => resolve(code === 0 ? '' : `ended with ${code ?? signal}`))
    })
    // What it started goes with it.
    this.#process.once('exit', () => this.#kill())
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-MAX_LOG)
    })
    // A child that ends closes its input; its end is told by `output`.
    this.#process.stdin?.on('error', () => {})
    if (this.pid !== undefined) lowerPriority(this.pid, limits.nice)
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /** Standard input, of a child that was started with one. */
  get input(): Writable {
    if (this.#process.stdin === null) throw new Error('this child was started without an input')
    return this.#process.stdin
  }

  /** What it has written to standard error lately. */
  get log(): string {
    return this.#log
  }

  /**
   * Its standard output until its end; it stands still while nobody takes the next piece. Throws UnavailableError ERR_TRANSCODE_FAILED
   * with its last words when it fails or is silent for too long; ends quietly after `stop`.
   */
  async *output(): AsyncGenerator<Uint8Array> {
    try {
      const pieces = (this.#process.stdout as Readable)[Symbol.asyncIterator]()
      for (;;) {
        const timer = Number.isFinite(this.#stallMs) ? setTimeout(() => this.#stall(), this.#stallMs) : undefined
        const next = await (pieces.next() as Promise<IteratorResult<Uint8Array, undefined>>)
          .catch((error: unknown) => {
            // Its output was closed by `stop`.
            if (this.#stopped) return { done: true, value: undefined } as const
            throw error
          })
          .finally(() => clearTimeout(timer))
        if (next.done === true) break
        yield next.value
      }
      if (this.#stopped) return
      const how = await this.#ended
      if (this.#stalled) throw childFailed(this.#program, `gave nothing for ${this.#stallMs / 1000} s`, this.#log)
      if (how !== '') throw childFailed(this.#program, how, this.#log)
    } finally {
      this.stop()
    }
  }

  /** All of its output, at most `maxBytes`. Throws as `output` does, and when there is more. */
  async collect(maxBytes: number): Promise<Uint8Array> {
    const pieces: Uint8Array[] = []
    let size = 0
    for await (const piece of this.output()) {
      size += piece.byteLength
      if (size > maxBytes) throw childFailed(this.#program, `gave more than ${maxBytes} bytes`, '')
      pieces.push(piece)
    }
    return Buffer.concat(pieces)
  }

  /** Ends it and all it started, at once. Stopping twice does nothing. */
  stop(): void {
    this.#stopped = true
    this.#kill()
    // What it wrote and nobody took would keep it from being gone.
    this.#process.stdout?.destroy()
  }

  /** Resolves when it is gone. */
  async gone(): Promise<void> {
    await this.#ended
  }

  #stall(): void {
    this.#stalled = true
    this.#kill()
  }

  #kill(): void {
    if (this.#process.pid === undefined || this.#groupGone) return
    const { exitCode, signalCode } = this.#process
    this.#groupGone = exitCode !== null || signalCode !== null
    try {
      // It has nothing to save: its output is thrown away.
      process.kill(-this.#process.pid, 'SIGKILL')
    } catch {
      // All of the group have ended by themselves.
    }
  }
}

/** It writes no file and no core, whatever its input makes it do. */
function limitCommand({ prlimit, memoryBytes, cpuSeconds }: ChildLimits): string[] {
  if (prlimit === undefined) return []
  const limits = [`--as=${memoryBytes}`, `--nofile=${MAX_FILES}`, '--fsize=0', '--core=0']
  if (cpuSeconds !== undefined) limits.push(`--cpu=${cpuSeconds}`)
  return [prlimit, ...limits, '--']
}

function lowerPriority(pid: number, nice: number): void {
  try {
    setPriority(pid, nice)
  } catch {
    // It ended already, or the system does not let us: it runs as we do then.
  }
}

/** Throws UnavailableError ERR_TRANSCODE_FAILED for what is no file of this machine. */
export function descriptorOf({ path, descriptor }: Pick<LibraryFile, 'path' | 'descriptor'>): number {
  if (descriptor === undefined) {
    throw new UnavailableError('ERR_TRANSCODE_FAILED', `${path} is no file of this machine that ffmpeg could read`)
  }
  return descriptor
}
