/** The inside of a thread of store-thread.ts: one question after the other. */
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
  let last = Promise.resolve()
  port.on('message', (question: StoreQuestion) => {
    last = last.then(async () => port.postMessage(await answer(store, question)))
  })
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
