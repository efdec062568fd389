/** Bytes of a file on an HTTP server, read where they are wanted (RFC 9110 sections 13 and 14). */
import { HeadendError } from '../errors.ts'
import { type ByteSource, memorySource } from '../media/byte-source.ts'
import { HttpRanges, type RangeAnswer } from './http-ranges.ts'

/** Bytes of one piece that is read and kept. */
const BLOCK_BYTES = 256 * 1024
/** Pieces that are kept: 8 MiB of a file. */
const MAX_BLOCKS = 32
/** Pieces that one request asks for at most when a file is read from front to back. */
const MAX_AHEAD = 8
/** A file of a server that knows no ranges is read whole up to so many bytes. */
export const MAX_WHOLE_BYTES = 32 * 1024 * 1024

export interface HttpSourceOptions {
  readonly signal?: AbortSignal
  /** Milliseconds until an answer begins, and for it to come whole. Default 20 000. */
  readonly timeoutMs?: number
}

/** A file on a server. Closing it ends the requests that are under way. */
export interface HttpSource extends ByteSource {
  /** Address after redirects, without what may be secret in it. */
  readonly url: string
  close(): void
}

/**
 * Asks for the first bytes of a file. Throws UnavailableError where the server cannot be reached (ERR_HTTP_SOURCE_UNREACHABLE), does not
 * answer in time (ERR_HTTP_SOURCE_TIMEOUT), refuses (ERR_HTTP_SOURCE_STATUS), redirects too often (ERR_HTTP_SOURCE_REDIRECT), or knows no
 * ranges and the file is larger than 32 MiB (ERR_HTTP_SOURCE_NO_RANGES). Reads throw the same, and ERR_HTTP_SOURCE_CHANGED once the file
 * is another one than it was.
 */
export async function openHttpSource(url: string, options: HttpSourceOptions = {}): Promise<HttpSource> {
  const ranges = new HttpRanges(url, options)
  const first = await ranges.open(BLOCK_BYTES, MAX_WHOLE_BYTES)
  if (first.isWhole) {
    const { size, read } = memorySource(first.bytes)
    return { url: ranges.shownUrl, size, read, close: () => ranges.close() }
  }
  return new RangeSource(ranges, first)
}

/** Keeps pieces; reads ahead by more and more while reads go on where the last one ended. */
class RangeSource implements HttpSource {
  readonly size: number
  readonly #ranges: HttpRanges
  /** By number, the least lately used first. Those that are still under way are promises too. */
  readonly #blocks = new Map<number, Promise<Uint8Array>>()
  #ahead = 1
  /** Number of the piece that a reading from front to back would want next. */
  #next = 1
  #failed: HeadendError | undefined

  constructor(ranges: HttpRanges, first: RangeAnswer) {
    this.#ranges = ranges
    this.size = first.size
    this.#blocks.set(0, Promise.resolve(first.bytes))
  }

  get url(): string {
    return this.#ranges.shownUrl
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (this.#failed !== undefined) throw this.#failed
    const end = Math.min(this.size, offset + length)
    if (!(offset >= 0) || offset >= end) return new Uint8Array(0)
    const first = Math.floor(offset / BLOCK_BYTES)
    const last = Math.floor((end - 1) / BLOCK_BYTES)
    const result = new Uint8Array(end - offset)
    // As many as are kept at once: a read that is larger than all of them goes through in stretches.
    for (let number = first; number <= last; number += MAX_AHEAD) {
      const stretch = Math.min(MAX_AHEAD, last - number + 1)
      for (const [i, block] of (await this.#stretch(number, stretch)).entries()) {
        const blockStart = (number + i) * BLOCK_BYTES
        const from = Math.max(0, offset - blockStart)
        result.set(block.subarray(from, Math.min(block.byteLength, end - blockStart)), blockStart + from - offset)
      }
    }
    return result
  }

  close(): void {
    this.#ranges.close()
  }

  async #stretch(first: number, count: number): Promise<Uint8Array[]> {
    const end = first + count
    const isOnward = first <= this.#next && end >= this.#next
    this.#ahead = isOnward ? Math.min(MAX_AHEAD, this.#ahead * 2) : 1
    if (end > this.#next || !isOnward) this.#next = end
    const wanted: Promise<Uint8Array>[] = []
    for (let number = first; number < end; number++) {
      if (!this.#blocks.has(number))
        this.#fetch(number, Math.max(end, Math.min(first + this.#ahead, number + MAX_AHEAD)))
      wanted.push(this.#use(number))
    }
    return Promise.all(wanted)
  }

  /** Asks for the pieces from `first` on that are not there, up to `end` or the first one that is. */
  #fetch(first: number, end: number): void {
    const limit = Math.min(end, Math.ceil(this.size / BLOCK_BYTES))
    let behind = first + 1
    while (behind < limit && !this.#blocks.has(behind)) behind++
    const start = first * BLOCK_BYTES
    const answer = this.#ranges.read(start, Math.min(this.size, behind * BLOCK_BYTES) - start)
    for (let number = first; number < behind; number++) {
      const at = (number - first) * BLOCK_BYTES
      const block = answer.then((bytes) => bytes.subarray(at, at + BLOCK_BYTES))
      block.catch((error: unknown) => this.#fail(number, error))
      this.#blocks.set(number, block)
    }
    while (this.#blocks.size > MAX_BLOCKS) {
      for (const oldest of this.#blocks.keys()) {
        this.#blocks.delete(oldest)
        break
      }
    }
  }

  #use(number: number): Promise<Uint8Array> {
    const block = this.#blocks.get(number) ?? Promise.resolve(new Uint8Array(0))
    this.#blocks.delete(number)
    this.#blocks.set(number, block)
    return block
  }

  /** A file that is another one stays so; everything else may be tried again. */
  #fail(number: number, error: unknown): void {
    this.#blocks.delete(number)
    if (error instanceof HeadendError && error.code === 'ERR_HTTP_SOURCE_CHANGED') this.#failed = error
  }
}
