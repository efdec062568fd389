/** What all encoders of one server share: the programs, the settings, the right to run, and the log. */
import { availableParallelism } from 'node:os'
import type { Logger } from '../../protocols/protocol.ts'
import { Child, type ChildOptions } from './child.ts'
import type { TranscodeOptions } from './options.ts'
import { findPrograms, type Programs } from './programs.ts'
import { WorkerSlots } from './worker-slots.ts'

/** A program that is missing is looked for again after this, milliseconds. */
const LOOK_AGAIN_MS = 5000
const MAX_THREADS = 4
const MEGABYTE = 1024 * 1024

/** How a child is run: see `WorkerKit.start`. */
export interface StartOptions extends Pick<ChildOptions, 'file' | 'input'> {
  readonly program: 'ffmpeg' | 'ffprobe'
  /** Default: as the settings say; 0: no limit. */
  readonly cpuSeconds?: number
  /** Default 10. */
  readonly nice?: number
  /** Default: as the settings say. */
  readonly stallMs?: number
}

export class WorkerKit {
  readonly log: Logger
  readonly options: () => TranscodeOptions
  /** Encoders of all kinds. */
  readonly slots: WorkerSlots
  /** Encoders of live streams: they take one of `slots` besides. */
  readonly liveSlots: WorkerSlots
  /** Short work: descriptions of files and still pictures. */
  readonly shortSlots: WorkerSlots
  readonly #children = new Set<Child>()
  #programs: { readonly name: string; readonly found: Promise<Programs>; expires: number } | undefined
  #closed = false

  /** `options` is asked at each use, so that other settings take effect. */
  constructor(options: () => TranscodeOptions, log: Logger) {
    this.options = options
    this.log = log
    this.slots = new WorkerSlots(() => options().maxWorkers, 'for browsers')
    this.liveSlots = new WorkerSlots(() => options().maxLive, 'of live streams')
    this.shortSlots = new WorkerSlots(() => 2, 'of still pictures')
  }

  /** Children that run. */
  get running(): number {
    return this.#children.size
  }

  /** Throws UnavailableError ERR_TRANSCODE_NO_FFMPEG, which tells what to install. */
  programs(): Promise<Programs> {
    const name = this.options().ffmpeg
    const now = performance.now()
    if (this.#programs?.name === name && now < this.#programs.expires) return this.#programs.found
    const known = { name, found: findPrograms(name), expires: Number.POSITIVE_INFINITY }
    known.found.catch(() => {
      known.expires = performance.now() + LOOK_AGAIN_MS
    })
    this.#programs = known
    return known.found
  }

  /** Threads of one encoder. */
  get threads(): number {
    return this.options().threads || Math.min(MAX_THREADS, availableParallelism())
  }

  /** Starts a child under the limits of the settings. */
  start(programs: Programs, args: readonly string[], options: StartOptions): Child {
    const { memoryMegabytes, cpuSeconds, stallSeconds } = this.options()
    const cpu = options.cpuSeconds ?? cpuSeconds
    const child = new Child(programs[options.program], args, {
      limits: {
        prlimit: programs.prlimit,
        memoryBytes: memoryMegabytes * MEGABYTE,
        cpuSeconds: cpu === 0 ? undefined : cpu,
        nice: options.nice ?? 10,
      },
      stallMs: options.stallMs ?? stallSeconds * 1000,
      ...(options.file === undefined ? {} : { file: options.file }),
      ...(options.input === undefined ? {} : { input: options.input }),
    })
    this.#children.add(child)
    void child.gone().then(() => this.#children.delete(child))
    if (this.#closed) child.stop()
    return child
  }

  /** Ends every child and resolves when the last is gone. */
  async close(): Promise<void> {
    this.#closed = true
    const children = [...this.#children]
    for (const child of children) child.stop()
    await Promise.all(children.map((child) => child.gone()))
  }
}
