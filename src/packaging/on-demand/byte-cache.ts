/** Segments that were asked for lately, up to a number of bytes. */

/** The oldest go first. What is larger than the whole is not kept. */
export class ByteCache {
  readonly #limit: () => number
  readonly #onDelete: (key: string) => void
  /** Least lately used first. */
  readonly #entries = new Map<string, Uint8Array>()
  #bytes = 0

  /** `limit` in bytes is asked for at each use, so that another setting takes effect. */
  constructor(limit: () => number, onDelete: (key: string) => void = () => {}) {
    this.#limit = limit
    this.#onDelete = onDelete
  }

  get byteLength(): number {
    return this.#bytes
  }

  get(key: string): Uint8Array | undefined {
    const bytes = this.#entries.get(key)
    if (bytes === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, bytes)
    return bytes
  }

  set(key: string, bytes: Uint8Array): void {
    const before = this.#entries.get(key)
    this.#entries.delete(key)
    this.#bytes -= before?.buffer.byteLength ?? 0
    // What is behind a view stays in memory with it.
    const size = bytes.buffer.byteLength
    const limit = this.#limit()
    if (size > limit) return
    this.#entries.set(key, bytes)
    this.#bytes += size
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= limit) break
      this.delete(oldest)
    }
  }

  delete(key: string): void {
    const bytes = this.#entries.get(key)
    if (bytes === undefined) return
    this.#entries.delete(key)
    this.#bytes -= bytes.buffer.byteLength
    this.#onDelete(key)
  }

  clear(): void {
    this.#entries.clear()
    this.#bytes = 0
  }
}
