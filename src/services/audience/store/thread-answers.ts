/** The inside of a thread of store-thread.ts: one question after the other. */
import { constants, setPriority } from 'node:os'
import type { MessagePort } from 'node:worker_threads'
import type { LoadingStore } from './spool-loader.ts'

/** What a thread is asked. */
export interface StoreQuestion {
  readonly id: number
  readonly method: keyof LoadingStore
  readonly args: readonly unknown[]
}

/** What it answers. */
export interface StoreAnswer {
  readonly id: number
  readonly result?: unknown
  readonly error?: { readonly name: string; readonly message: string }
}

/** Answers what comes, in the order it came. */
export function answerQuestions(port: MessagePort, store: LoadingStore): void {
  giveWay()
  let last = Promise.resolve()
  port.on('message', (question: StoreQuestion) => {
    last = last.then(async () => port.postMessage(await answer(store, question)))
  })
}

/** Where all share a core, media comes first. On Linux a thread has a priority of its own (setpriority(2)); elsewhere it is the process's. */
function giveWay(): void {
  if (process.platform !== 'linux') return
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // Where that is not allowed, it is as all others.
  }
}

async function answer(store: LoadingStore, { id, method, args }: StoreQuestion): Promise<StoreAnswer> {
  try {
    const ask = store[method] as (...args: unknown[]) => Promise<unknown>
    return { id, result: await ask.apply(store, [...args]) }
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error))
    return { id, error: { name, message } }
  }
}
