/** The store in threads of its own, so that neither media nor reports wait for a disk: one writes, another answers questions. */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { describeError, UnavailableError } from '../../../errors.ts'
import type { SpoolBatch } from '../spool/spool-reader.ts'
import type { AudienceRange, EventFilter, Retention, SessionFilter } from './audience-store.ts'
import type { LoadingStore, LoadResult } from './spool-loader.ts'
import type { Dimensions } from './tables.ts'
import type { StoreAnswer, StoreQuestion } from './thread-answers.ts'

/** A file of SQLite; see `SqliteAudienceStore`. */
export interface SqlitePlace {
  readonly file: string
}

/** A PostgreSQL; see `PostgresAudienceStore`. */
export interface PostgresPlace {
  readonly database: string
  /** Name of the spool, and the folder that it lies beside (spool-name.ts). */
  readonly spool: string
  readonly folder: string
}

/** Questions that wait for one thread at most. */
const MAX_ASKED = 1000

type Answer<Method extends keyof LoadingStore> = Awaited<ReturnType<LoadingStore[Method]>>

/** Rejects with UnavailableError ERR_AUDIENCE_STORE for whatever the database says, and RangeError for questions that are none. */
export class StoreThread implements LoadingStore {
  readonly #place: string | PostgresPlace
  readonly #writer: Thread
  #reader: Promise<Thread> | undefined
  #closed = false

  /** A text is a file of SQLite. */
  constructor(place: string | PostgresPlace) {
    this.#place = place
    this.#writer = new Thread(place)
  }

  load(folder: string, upTo: number): Promise<LoadResult> {
    return this.#writer.ask('load', folder, upTo)
  }

  committed() {
    return this.#writer.ask('committed')
  }

  commit(batches: readonly SpoolBatch[]) {
    return this.#writer.ask('commit', batches)
  }

  settle() {
    return this.#writer.ask('settle')
  }

  overview(range: AudienceRange) {
    return this.#question('overview', range)
  }

  series(range: AudienceRange, step: number) {
    return this.#question('series', range, step)
  }

  shares(range: AudienceRange, by: keyof Dimensions) {
    return this.#question('shares', range, by)
  }

  sessions(filter: SessionFilter) {
    return this.#question('sessions', filter)
  }

  session(id: string, now: number) {
    return this.#question('session', id, now)
  }

  events(filter: EventFilter) {
    return this.#question('events', filter)
  }

  erase(id: string, now: number) {
    return this.#writer.ask('erase', id, now)
  }

  retain(retention: Retention, now: number) {
    return this.#writer.ask('retain', retention, now)
  }

  async close(): Promise<void> {
    this.#closed = true
    const reader = await this.#reader?.catch(() => undefined)
    await Promise.all([this.#writer.close(), reader?.close()])
  }

  async #question<Method extends keyof LoadingStore>(
    method: Method,
    ...args: Parameters<LoadingStore[Method]>
  ): Promise<Answer<Method>> {
    this.#reader ??= this.#openReader()
    return (await this.#reader).ask(method, ...args)
  }

  /** Once the writer has made the store: two that make one at the same time are in each other's way. */
  async #openReader(): Promise<Thread> {
    try {
      await this.#writer.ask('committed')
      if (this.#closed) throw new UnavailableError('ERR_AUDIENCE_STORE', 'the store is closed')
      return new Thread(this.#place)
    } catch (error) {
      this.#reader = undefined
      throw error
    }
  }
}

class Thread {
  readonly #worker: Worker
  readonly #asked = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>()
  #next = 0
  #ended: Error | undefined

  constructor(place: string | PostgresPlace) {
    const [name, workerData] =
      typeof place === 'string'
        ? (['sqlite', { file: place } satisfies SqlitePlace] as const)
        : (['postgres', place] as const)
    const module = new URL(`${name}-thread${extname(import.meta.filename)}`, import.meta.url)
    this.#worker = new Worker(module, { workerData })
    this.#worker.unref()
    this.#worker.on('message', (answer: StoreAnswer) => this.#take(answer))
    this.#worker.on('error', (error: unknown) => this.#end(unavailable(error)))
    this.#worker.on('exit', () => this.#end(new UnavailableError('ERR_AUDIENCE_STORE', 'the store is closed')))
  }

  ask<Method extends keyof LoadingStore>(
    method: Method,
    ...args: Parameters<LoadingStore[Method]>
  ): Promise<Answer<Method>> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    if (this.#asked.size >= MAX_ASKED) {
      return Promise.reject(new UnavailableError('ERR_AUDIENCE_STORE', `expected at most ${MAX_ASKED} questions`))
    }
    return new Promise((resolve, reject) => {
      const id = this.#next++
      // The process stays for an answer, and for nothing else.
      this.#worker.ref()
      this.#asked.set(id, { resolve: (result) => resolve(result as Answer<Method>), reject })
      this.#worker.postMessage({ id, method, args } satisfies StoreQuestion)
    })
  }

  /** Behind the questions that were asked. */
  async close(): Promise<void> {
    await this.ask('close').catch(() => undefined)
    await this.#worker.terminate()
  }

  #take({ id, result, error }: StoreAnswer): void {
    const asked = this.#asked.get(id)
    this.#asked.delete(id)
    if (this.#asked.size === 0) this.#worker.unref()
    if (error === undefined) asked?.resolve(result)
    else
      asked?.reject(error.name === 'RangeError' ? new RangeError(error.message) : unavailable(new Error(error.message)))
  }

  #end(error: Error): void {
    this.#ended ??= error
    for (const { reject } of this.#asked.values()) reject(this.#ended)
    this.#asked.clear()
  }
}

function unavailable(cause: unknown): UnavailableError {
  return new UnavailableError('ERR_AUDIENCE_STORE', `the store failed: ${describeError(cause)}`, { cause })
}
