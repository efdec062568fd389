/** A thread with a PostgreSQL store, and what stays on this machine of it: how far the database is known to have come. */
import { parentPort, workerData } from 'node:worker_threads'
import { UnavailableError } from '../../../errors.ts'
import { PostgresAudienceStore } from './postgres-store.ts'
import { type LoadingStore, type LoadResult, SpoolLoader } from './spool-loader.ts'
import { readKnownCommitted, writeKnownCommitted } from './spool-name.ts'
import type { PostgresPlace } from './store-thread.ts'
import { answerQuestions } from './thread-answers.ts'

class PostgresLoadingStore extends PostgresAudienceStore implements LoadingStore {
  readonly #loader = new SpoolLoader(this)
  readonly #folder: string

  constructor({ database, spool, folder }: PostgresPlace) {
    super(database, spool)
    this.#folder = folder
  }

  async load(folder: string, upTo: number): Promise<LoadResult> {
    const result = await this.#loader.load(folder, upTo)
    // Before the spool forgets them: where the database is away at the next start, their numbers are not given again.
    writeKnownCommitted(this.#folder, result.committed)
    return result
  }

  /** While the database is away, what it had when it was last asked: reports are taken all the same. */
  override async committed(): Promise<number> {
    try {
      return await super.committed()
    } catch (error) {
      const known = error instanceof UnavailableError ? readKnownCommitted(this.#folder) : undefined
      if (known === undefined) throw error
      return known
    }
  }

  override async close(): Promise<void> {
    this.#loader.close()
    await super.close()
  }
}

if (parentPort !== null) answerQuestions(parentPort, new PostgresLoadingStore(workerData as PostgresPlace))
