/** A thread with a SQLite store. */
import { parentPort, workerData } from 'node:worker_threads'
import { type LoadingStore, type LoadResult, SpoolLoader } from './spool-loader.ts'
import { SqliteAudienceStore } from './sqlite-store.ts'
import type { SqlitePlace } from './store-thread.ts'
import { answerQuestions } from './thread-answers.ts'

class SqliteLoadingStore extends SqliteAudienceStore implements LoadingStore {
  readonly #loader = new SpoolLoader(this)

  load(folder: string, upTo: number): Promise<LoadResult> {
    return this.#loader.load(folder, upTo)
  }

  override async close(): Promise<void> {
    this.#loader.close()
    await super.close()
  }
}

if (parentPort !== null) answerQuestions(parentPort, new SqliteLoadingStore((workerData as SqlitePlace).file))
