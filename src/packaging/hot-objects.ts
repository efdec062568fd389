/** Answers of playlists and media kept ready in memory, found by the request target; one set for all formats of a hub. */
import type { Packager } from './packager.ts'

/** Header and body as they go to the socket, in the form of the HTTP listener. */
export interface ReadyAnswer {
  readonly bytes: Uint8Array
  readonly gzipBytes?: Uint8Array
}

/** What stays or changes at one URL path. */
export interface HotObject {
  readonly packager: Packager
  /** Segment number of a part or segment: decides when it is forgotten. */
  readonly number?: number
  /** The answer for a query (without `?`); `undefined`: this needs the slow path, for example to wait. */
  answer(query: string): ReadyAnswer | undefined
}

/** Answers of paths that were found open are given without asking again for so long, milliseconds. */
export const OPEN_MS = 5_000
/** Parts and segments are forgotten when this many newer segments were asked for; they are still answered, more slowly. */
const KEPT_SEGMENTS = 12

export class HotObjects {
  readonly #objects = new Map<string, HotObject>()
  readonly #openUntil = new WeakMap<Packager, number>()
  readonly #targets = new WeakMap<Packager, Map<number, string[]>>()

  get size(): number {
    return this.#objects.size
  }

  /** Anybody may play what this packager holds; good for `OPEN_MS`. */
  open(packager: Packager): void {
    this.#openUntil.set(packager, performance.now() + OPEN_MS)
  }

  /** Keeps an object of an open path ready. `path` is the raw URL path. */
  add(path: string, object: HotObject): void {
    const { packager, number } = object
    if (packager.closed) return
    this.#objects.set(path, object)
    if (number === undefined) return
    let targets = this.#targets.get(packager)
    if (targets === undefined) {
      targets = new Map()
      this.#targets.set(packager, targets)
    }
    const paths = targets.get(number)
    if (paths === undefined) targets.set(number, [path])
    else paths.push(path)
    if (targets.size <= KEPT_SEGMENTS) return
    const oldest = Math.min(...targets.keys())
    for (const old of targets.get(oldest) ?? []) this.#objects.delete(old)
    targets.delete(oldest)
  }

  /** For every plain GET. A query of client data (CMCD) does not change the answer. */
  find(target: string): ReadyAnswer | undefined {
    const mark = target.indexOf('?')
    const object = this.#objects.get(mark < 0 ? target : target.slice(0, mark))
    if (object === undefined) return undefined
    const until = this.#openUntil.get(object.packager)
    if (until === undefined || until < performance.now() || object.packager.closed) return undefined
    if (object.packager.mustEnd) return undefined
    const answer = object.answer(mark < 0 ? '' : target.slice(mark + 1))
    if (answer !== undefined) object.packager.touch()
    return answer
  }

  /** Forgets all that a packager holds, which is freed: an object would keep it. */
  drop(packager: Packager): void {
    for (const [path, object] of this.#objects) if (object.packager === packager) this.#objects.delete(path)
  }
}
