/** Small reads from a part of a source, answered from one window of it. */
import type { ByteSource } from '../../byte-source.ts'

/** Read at once. */
const WINDOW_BYTES = 16 * 1024

export class WindowedSource {
  readonly from: number
  readonly to: number
  readonly #source: ByteSource
  #window: Uint8Array = new Uint8Array(0)
  #windowAt = 0

  /** Nothing before `from` or from `to` on is read. */
  constructor(source: ByteSource, from: number, to: number) {
    this.#source = source
    this.from = from
    this.to = Math.min(to, source.size)
  }

  /** `length` bytes from `offset` of the source, at most a window; fewer where the part ends. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const wanted = Math.max(0, Math.min(length, WINDOW_BYTES, this.to - offset))
    if (wanted === 0 || offset < this.from) return this.#window.subarray(0, 0)
    const start = offset - this.#windowAt
    if (start < 0 || start + wanted > this.#window.byteLength) {
      this.#window = await this.#source.read(offset, Math.min(WINDOW_BYTES, this.to - offset))
      this.#windowAt = offset
      return this.#window.subarray(0, wanted)
    }
    return this.#window.subarray(start, start + wanted)
  }
}
