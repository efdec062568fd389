/** One run of the encoder through a file: from one segment on, a little ahead of those who watch, until nobody does. */
import { setTimeout as delay } from 'node:timers/promises'
import { HeadendError, UnavailableError } from '../../errors.ts'
import type { Track } from '../../media/track.ts'
import { type EncodePlan, encodeArguments } from './encode-arguments.ts'
import type { SegmentCache } from './segment-cache.ts'
import { type EncodedKind, type EncoderResult, readSegments } from './segment-encoder.ts'
import type { WorkerKit } from './worker-kit.ts'
import type { WorkerSlot } from './worker-slots.ts'

/** What all runs through one file have in common. */
export interface RunSource {
  readonly kit: WorkerKit
  readonly cache: SegmentCache
  /** Folder in the cache. */
  readonly token: string
  /** For the log. */
  readonly path: string
  readonly plan: EncodePlan
  /** What the segments say of themselves, by kind. */
  readonly tracks: { readonly video: Track | undefined; readonly audio: Track | undefined }
  /** Name of a segment, or of the configuration, in the cache. */
  nameOf(kind: EncodedKind, what: number | 'config'): string
  /** The open file. */
  descriptor(): number
}

/** Segments that are made before anybody asks for them: what a player buffers. */
const AHEAD = 8
/** A run that is so many segments before the one that is asked for gets there sooner than a new one. */
const JOIN = 3
/** A run that stands still and is not asked for is ended after this, milliseconds. */
const IDLE_MS = 20_000
/** One that was not asked for so long is followed by nobody, when somebody goes elsewhere. */
const FOLLOWED_MS = 8_000
/** Wait for another encoder to end, milliseconds: a player gives up after 20 s or so. */
const SLOT_WAIT_MS = 12_000
/** Starts in a row without a segment in between. */
const MAX_FAILURES = 3
const BACKOFF_MS = 150

interface Waiter {
  readonly resolve: (bytes: Uint8Array | undefined) => void
  readonly reject: (error: unknown) => void
}

export class SegmentRun {
  readonly from: number
  /** Resolves when it is over. */
  readonly over: Promise<void>
  readonly #source: RunSource
  readonly #kinds: readonly EncodedKind[]
  /** Next segment of each kind. */
  readonly #next: Map<EncodedKind, number>
  readonly #waiters = new Map<string, Set<Waiter>>()
  readonly #stopped = new AbortController()
  #wanted: number
  #asked = performance.now()
  #delivered = 0
  #slot: WorkerSlot | undefined
  #wake: (() => void) | undefined
  /** The file ended before its length was over. */
  #endedAt: number | undefined

  constructor(source: RunSource, from: number) {
    this.from = from
    this.#source = source
    this.#kinds = (['video', 'audio'] as const).filter((kind) => source.tracks[kind] !== undefined)
    this.#next = new Map(this.#kinds.map((kind) => [kind, from]))
    this.#wanted = from
    this.over = this.#drive()
  }

  /** First segment that is not whole in all kinds. */
  get next(): number {
    return Math.min(...this.#next.values())
  }

  /** The segment at which the file ended too early. */
  get endedAt(): number | undefined {
    return this.#endedAt
  }

  get stopped(): boolean {
    return this.#stopped.signal.aborted
  }

  /** It stands still, or nobody has asked for long. */
  get followed(): boolean {
    return this.#waiters.size > 0 || (this.#wake === undefined && performance.now() - this.#asked < FOLLOWED_MS)
  }

  /** Whether it will come to that segment soon. */
  reaches(kind: EncodedKind, index: number): boolean {
    const next = this.#next.get(kind) ?? 0
    return !this.stopped && index >= next && index <= this.next + JOIN
  }

  /** Somebody follows who got a segment from the cache. */
  follow(index: number): void {
    if (index < this.from || index > this.next + JOIN) return
    this.#asked = performance.now()
    if (index <= this.#wanted) return
    this.#wanted = index
    this.#wake?.()
  }

  /**
   * A segment, or the configuration, when it is made. `undefined`: the run ended without it, by nobody's fault. Throws HeadendError when it
   * cannot be made; what the signal says when it aborts.
   */
  async wait(kind: EncodedKind, what: number | 'config', signal: AbortSignal): Promise<Uint8Array | undefined> {
    signal.throwIfAborted()
    const name = this.#source.nameOf(kind, what)
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | undefined>()
    const waiter: Waiter = { resolve, reject }
    const waiters = this.#waiters.get(name) ?? new Set()
    this.#waiters.set(name, waiters.add(waiter))
    const abort = () => {
      this.#forget(name, waiter)
      reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    this.#asked = performance.now()
    if (what !== 'config') this.#wanted = Math.max(this.#wanted, what)
    this.#wake?.()
    try {
      return await promise
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /** Ends it; those who wait get `undefined`. */
  stop(): void {
    this.#stopped.abort()
    this.#wake?.()
  }

  /** Whoever went before it gave anything, leaves nothing behind. */
  #forget(name: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(name)
    waiters?.delete(waiter)
    if (waiters?.size === 0) this.#waiters.delete(name)
    if (this.#waiters.size === 0 && this.#delivered === 0) this.stop()
  }

  async #drive(): Promise<void> {
    let failures = 0
    try {
      this.#slot = await this.#source.kit.slots.acquire({ waitMs: SLOT_WAIT_MS, signal: this.#stopped.signal })
      while (!this.stopped) {
        const before = this.next
        try {
          await this.#encode()
          if (!this.stopped && this.next < this.#source.plan.grid.spans.length) this.#endEarly()
          break
        } catch (error) {
          failures = this.next > before ? 1 : failures + 1
          this.#source.kit.log.counted(
            'ERR_TRANSCODE_FAILED',
            { error, path: this.#source.path, segment: this.next },
            'an encoder ended; it starts again where it is needed',
          )
          if (failures >= MAX_FAILURES) throw error
          await delay(BACKOFF_MS * 2 ** failures, undefined, { signal: this.#stopped.signal })
        }
      }
    } catch (error) {
      if (!this.stopped) this.#rejectAll(error)
    } finally {
      this.#slot?.release()
      this.#stopped.abort()
      for (const name of [...this.#waiters.keys()]) this.#settle(name, undefined)
    }
  }

  async #encode(): Promise<void> {
    const { kit, plan, tracks } = this.#source
    const start = this.next
    for (const kind of this.#kinds) this.#next.set(kind, start)
    kit.log.debug({ path: this.#source.path, segment: start }, 'an encoder begins')
    const programs = await kit.programs()
    if (this.stopped) return
    const child = kit.start(programs, encodeArguments(plan, start), {
      program: 'ffmpeg',
      file: this.#source.descriptor(),
    })
    const stop = () => child.stop()
    this.#stopped.signal.addEventListener('abort', stop, { once: true })
    try {
      for await (const result of readSegments(child.output(), plan, tracks, start)) {
        await this.#take(result)
        if (!(await this.#mayGoOn())) break
      }
    } finally {
      this.#stopped.signal.removeEventListener('abort', stop)
      child.stop()
    }
  }

  /** Those who wait get it at once; the encoder waits until the disk has it. */
  async #take(result: EncoderResult): Promise<void> {
    const { cache, token } = this.#source
    const { kind } = result
    const bytes = result.type === 'config' ? result.config : result.bytes
    const name = this.#source.nameOf(kind, result.type === 'config' ? 'config' : result.index)
    if (result.type === 'segment') this.#next.set(kind, result.index + 1)
    const stored = cache.write(token, name, bytes)
    this.#settle(name, bytes)
    await stored
  }

  /** Stands still when it is far enough ahead. Returns false when it is to end. */
  async #mayGoOn(): Promise<boolean> {
    while (!this.stopped && this.next > this.#wanted + AHEAD) {
      this.#slot?.offer(() => this.stop())
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      const timer = setTimeout(() => this.stop(), IDLE_MS)
      await promise
      clearTimeout(timer)
      this.#wake = undefined
      this.#slot?.keep()
    }
    if (this.stopped) return false
    if (!(await this.#isMade(this.next))) return true
    // From here on another run was here before; whoever comes to its end starts anew.
    if (this.#waiters.size > 0) return true
    this.stop()
    return false
  }

  async #isMade(index: number): Promise<boolean> {
    const { cache, token, plan } = this.#source
    if (index >= plan.grid.spans.length) return false
    for (const kind of this.#kinds) {
      if (!(await cache.has(token, this.#source.nameOf(kind, index)))) return false
    }
    return true
  }

  #endEarly(): void {
    this.#endedAt = this.next
    const seconds = ((this.#source.plan.grid.spans[this.next]?.start ?? 0) / 1e6).toFixed(1)
    this.#rejectAll(
      new UnavailableError(
        'ERR_TRANSCODE_ENDED',
        `${this.#source.path} has nothing that can be decoded behind ${seconds} s`,
      ),
    )
  }

  #settle(name: string, bytes: Uint8Array | undefined): void {
    const waiters = this.#waiters.get(name)
    if (waiters === undefined) return
    this.#waiters.delete(name)
    if (bytes !== undefined) this.#delivered += waiters.size
    for (const { resolve } of waiters) resolve(bytes)
  }

  #rejectAll(error: unknown): void {
    const told =
      error instanceof HeadendError
        ? error
        : new UnavailableError('ERR_TRANSCODE_FAILED', 'the file cannot be encoded', { cause: error })
    for (const waiters of this.#waiters.values()) for (const { reject } of waiters) reject(told)
    this.#waiters.clear()
  }
}
