/** A source of which only so much may be read for one question. */
import { UnavailableError } from '../../errors.ts'
import type { ByteSource } from '../../media/byte-source.ts'

/** However few bytes are asked for, a server is asked for more. */
const LEAST_READ = 64 * 1024

/** Reads are counted while a question is open. */
export class LimitedSource implements ByteSource {
  readonly size: number
  readonly #source: ByteSource
  readonly #limit: number
  #left = Number.POSITIVE_INFINITY

  /** `limit`: bytes for one question. */
  constructor(source: ByteSource, limit: number) {
    this.size = source.size
    this.#source = source
    this.#limit = limit
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    this.#left -= Math.max(LEAST_READ, length)
    if (this.#left < 0)
      return Promise.reject(new ReadLimitError('ERR_PROBE_LIMIT', `expected at most ${this.#limit} bytes`))
    return this.#source.read(offset, length)
  }

  /** The answer to a question, or `undefined` where it would take more than the limit. */
  async within<Answer>(question: () => Promise<Answer>): Promise<Answer | undefined> {
    this.#left = this.#limit
    try {
      return await question()
    } catch (error) {
      if (error instanceof ReadLimitError) return undefined
      throw error
    } finally {
      this.#left = Number.POSITIVE_INFINITY
    }
  }
}

class ReadLimitError extends UnavailableError {}
