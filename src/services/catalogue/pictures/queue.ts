/** Work that is done once at a time, the last asked for first, and only while somebody waits for it. */
import { UnavailableError } from '../../../errors.ts'

/** Jobs that wait; the one asked for longest ago is refused. */
const MAX_WAITING = 256

interface Job<T> {
  readonly name: string
  readonly work: () => Promise<T>
  readonly done: PromiseWithResolvers<T>
  /** Who wait for it. */
  waiters: number
}

export class Queue<T> {
  /** By name; the last asked for is last. */
  readonly #waiting = new Map<string, Job<T>>()
  #running: Job<T> | undefined

  /**
   * Runs `work`, or joins the same work that waits or runs already. Rejects with what it throws, with the reason of `signal` when that
   * aborts first, and with UnavailableError ERR_CATALOGUE_BUSY when too many wait.
   */
  run(name: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted()
    const job = this.#job(name, work)
    job.waiters++
    const aborted = Promise.withResolvers<never>()
    const leave = () => {
      job.waiters--
      // Nobody looks at it any more.
      if (job.waiters === 0 && this.#waiting.get(name) === job) this.#waiting.delete(name)
      aborted.reject(signal.reason)
    }
    signal.addEventListener('abort', leave, { once: true })
    return Promise.race([job.done.promise, aborted.promise]).finally(() => signal.removeEventListener('abort', leave))
  }

  #job(name: string, work: () => Promise<T>): Job<T> {
    if (this.#running?.name === name) return this.#running
    const known = this.#waiting.get(name)
    const job = known ?? { name, work, done: Promise.withResolvers<T>(), waiters: 0 }
    // It may end when everybody who asked for it has gone.
    if (known === undefined) job.done.promise.catch(() => {})
    this.#waiting.delete(name)
    this.#waiting.set(name, job)
    const [oldest] = this.#waiting.values()
    if (this.#waiting.size > MAX_WAITING && oldest !== undefined) {
      this.#waiting.delete(oldest.name)
      oldest.done.reject(
        new UnavailableError('ERR_CATALOGUE_BUSY', `expected at most ${MAX_WAITING} pictures to be made`),
      )
    }
    this.#next()
    return job
  }

  #next(): void {
    if (this.#running !== undefined) return
    const job = [...this.#waiting.values()].at(-1)
    if (job === undefined) return
    this.#waiting.delete(job.name)
    this.#running = job
    job.work().then(job.done.resolve, job.done.reject)
    void job.done.promise
      .catch(() => {})
      .then(() => {
        this.#running = undefined
        this.#next()
      })
  }
}
