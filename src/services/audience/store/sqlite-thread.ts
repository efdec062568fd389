/** The inside of a thread of store-thread.ts: one question after the other. */
import { parentPort, workerData } from 'node:worker_threads'
import { SpoolReader } from '../spool/spool-reader.ts'
import { SqliteAudienceStore } from './sqlite-store.ts'

/** What a thread is asked. */
export interface StoreQuestion {
  readonly id: number
  readonly method: keyof SqliteThreadStore
  readonly args: readonly unknown[]
}

/** What it answers. */
export interface StoreAnswer {
  readonly id: number
  readonly result?: unknown
  readonly error?: { readonly name: string; readonly message: string }
}

/** What loading did. */
export interface LoadResult {
  readonly committed: number
  readonly events: number
  readonly duplicates: number
  /** Files and batches of the spool that could not be read, since the thread began. */
  readonly damaged: number
}

/** Events of one transaction, about: what a crash makes the next start do again. */
const EVENTS_AT_ONCE = 5000
/** Events of one answer: other questions wait no longer. */
const MAX_LOADED = 50_000

/** The store, and what it can do only beside the spool. */
export class SqliteThreadStore extends SqliteAudienceStore {
  #reader: SpoolReader | undefined
  #damaged = 0

  /** Takes the batches up to that number, or the first of them. */
  async load(folder: string, upTo: number): Promise<LoadResult> {
    const reader = (this.#reader ??= new SpoolReader(folder, await this.committed()))
    const damagedBefore = reader.damaged
    let [events, duplicates] = [0, 0]
    try {
      while (events + duplicates < MAX_LOADED) {
        const batches = reader.read(upTo, EVENTS_AT_ONCE)
        if (batches.length === 0) break
        const result = await this.commit(batches)
        events += result.events
        duplicates += result.duplicates
      }
    } catch (error) {
      // It is ahead of what the store has.
      reader.close()
      this.#reader = undefined
      throw error
    }
    this.#damaged += reader.damaged - damagedBefore
    return { committed: await this.committed(), events, duplicates, damaged: this.#damaged }
  }

  override async close(): Promise<void> {
    this.#reader?.close()
    await super.close()
  }
}

if (parentPort !== null) {
  const port = parentPort
  const store = new SqliteThreadStore((workerData as { file: string }).file)
  let last = Promise.resolve()
  port.on('message', (question: StoreQuestion) => {
    last = last.then(async () => port.postMessage(await answer(store, question)))
  })
}

async function answer(store: SqliteThreadStore, { id, method, args }: StoreQuestion): Promise<StoreAnswer> {
  try {
    const ask = store[method] as (...args: unknown[]) => Promise<unknown>
    return { id, result: await ask.apply(store, [...args]) }
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error))
    return { id, error: { name, message } }
  }
}
