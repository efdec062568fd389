/** Segments of paths that are open to all, as complete answers in memory, found by the request target. */
import { OPEN_MS, type ReadyAnswer } from '../hot-objects.ts'
import { ByteCache } from './byte-cache.ts'

/** Names of segments that were asked for once. */
const MAX_REMEMBERED = 4096

/*
 * A segment that is asked for once is sent from the file, piece by piece: its memory would only push out what others share. One that is asked for
 * again soon is kept.
 */

interface HotSegment {
  readonly path: string
  readonly form: string
  readonly answer: ReadyAnswer
}

export interface HotSegmentsOptions {
  /** Bytes; asked for at each use. */
  readonly limit: () => number
  /** What the settings say of the encryption of a path now. */
  readonly formOf: (path: string) => string
}

export class HotSegments {
  readonly #limit: () => number
  readonly #formOf: (path: string) => string
  readonly #bytes: ByteCache
  readonly #answers = new Map<string, HotSegment>()
  readonly #openUntil = new Map<string, number>()
  readonly #asked = new Set<string>()
  readonly #making = new Map<string, Promise<ReadyAnswer>>()
  /** Bytes of answers that are not collected yet: also those that slow viewers still take. */
  #alive = 0
  readonly #collected = new FinalizationRegistry<number>((bytes) => {
    this.#alive -= bytes
  })

  constructor({ limit, formOf }: HotSegmentsOptions) {
    this.#limit = limit
    this.#formOf = formOf
    this.#bytes = new ByteCache(limit, (key) => this.#answers.delete(key))
  }

  get byteLength(): number {
    return this.#bytes.byteLength
  }

  /** Anybody may play the path; good for a moment. */
  open(path: string): void {
    this.#openUntil.set(path, performance.now() + OPEN_MS)
  }

  /** Whether a segment that is asked for now is worth keeping: it was asked for before, and there is room. */
  wants(target: string, byteLength: number): boolean {
    const again = this.#asked.delete(target)
    this.#asked.add(target)
    for (const oldest of this.#asked) {
      if (this.#asked.size <= MAX_REMEMBERED) break
      this.#asked.delete(oldest)
    }
    const limit = this.#limit()
    return again && byteLength <= limit / 4 && this.#alive + byteLength <= 2 * limit
  }

  /** Makes the answer of a target once for all who ask meanwhile, and keeps it. `form`: of the item that it is made of. */
  make(
    { path, form, target }: Pick<HotSegment, 'path' | 'form'> & { readonly target: string },
    build: () => Promise<ReadyAnswer>,
  ): Promise<ReadyAnswer> {
    let making = this.#making.get(target)
    if (making === undefined) {
      making = build()
        .then((answer) => {
          this.#add(target, { path, form, answer })
          return answer
        })
        .finally(() => this.#making.delete(target))
      this.#making.set(target, making)
    }
    return making
  }

  /** For every plain GET. A query changes nothing: the path is open. */
  find(target: string): ReadyAnswer | undefined {
    const mark = target.indexOf('?')
    const key = mark < 0 ? target : target.slice(0, mark)
    const found = this.#answers.get(key)
    if (found === undefined) return undefined
    if ((this.#openUntil.get(found.path) ?? 0) < performance.now()) return undefined
    // A path that is protected since has nothing in the clear any more.
    if (found.form !== this.#formOf(found.path)) return undefined
    this.#bytes.get(key)
    return found.answer
  }

  /** The answers of a path are no longer true. */
  forget(path: string): void {
    this.#openUntil.delete(path)
    for (const [target, hot] of this.#answers) if (hot.path === path) this.#bytes.delete(target)
  }

  clear(): void {
    this.#bytes.clear()
    this.#answers.clear()
    this.#openUntil.clear()
    this.#asked.clear()
  }

  #add(target: string, hot: HotSegment): void {
    const { answer } = hot
    const size = answer.bytes.buffer.byteLength
    this.#alive += size
    this.#collected.register(answer.bytes, size)
    this.#answers.set(target, hot)
    this.#bytes.set(target, answer.bytes)
    if (this.#bytes.get(target) === undefined) this.#answers.delete(target)
  }
}
