/** Small reads here and there in a file. */
import type { ByteSource } from '../../byte-source.ts'

/** Read at a time: some headers, or a block of text. */
const WINDOW_BYTES = 4096

/** Keeps what was read last, so that fields beside each other are one read. */
export class WindowSource implements ByteSource {
  readonly #source: ByteSource
  #offset = 0
  #window: Uint8Array = new Uint8Array(0)

  constructor(source: ByteSource) {
    this.#source = source
  }

  get size(): number {
    return this.#source.size
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const start = offset - this.#offset
    if (start < 0 || start + length > this.#window.byteLength) {
      this.#window = await this.#source.read(offset, Math.max(length, WINDOW_BYTES))
      this.#offset = offset
      return this.#window.subarray(0, length)
    }
    return this.#window.subarray(start, start + length)
  }
}
