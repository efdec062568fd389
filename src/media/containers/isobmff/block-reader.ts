/** Reads small ranges of a source in large blocks, some of which are kept. */
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'

const BLOCK_BYTES = 256 * 1024
/** 4 MiB in all. */
const MAX_BLOCKS = 16

/** How much is read at once, and kept. */
export interface BlockOptions {
  /** Bytes of a block. Default 256 KiB. */
  readonly blockBytes?: number
  /** Tracks at different places of a file need two each. Default 16. */
  readonly maxBlocks?: number
}

/** Reads may go on at the same time. */
export class BlockReader {
  readonly #source: ByteSource
  readonly #blockBytes: number
  readonly #maxBlocks: number
  /** By number, the least lately used first. */
  readonly #blocks = new Map<number, Uint8Array>()

  constructor(source: ByteSource, { blockBytes = BLOCK_BYTES, maxBlocks = MAX_BLOCKS }: BlockOptions = {}) {
    this.#source = source
    this.#blockBytes = blockBytes
    this.#maxBlocks = maxBlocks
  }

  get size(): number {
    return this.#source.size
  }

  /** `length` bytes from `offset`, most often a view that several reads share. Throws ERR_MP4_TRUNCATED past the end. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    if (offset + length > this.#source.size) throw this.#short(offset, length)
    if (length > this.#blockBytes) return this.#readSource(offset, length)
    const number = Math.floor(offset / this.#blockBytes)
    const start = offset - number * this.#blockBytes
    const block = await this.#block(number)
    if (start + length <= block.byteLength) return block.subarray(start, start + length)
    const joined = new Uint8Array(length)
    const here = block.byteLength - start
    joined.set(block.subarray(start))
    joined.set((await this.#block(number + 1)).subarray(0, length - here), here)
    return joined
  }

  async #block(number: number): Promise<Uint8Array> {
    const offset = number * this.#blockBytes
    const block =
      this.#blocks.get(number) ??
      (await this.#readSource(offset, Math.min(this.#blockBytes, this.#source.size - offset)))
    this.#blocks.delete(number)
    this.#blocks.set(number, block)
    if (this.#blocks.size > this.#maxBlocks) {
      for (const oldest of this.#blocks.keys()) {
        this.#blocks.delete(oldest)
        break
      }
    }
    return block
  }

  async #readSource(offset: number, length: number): Promise<Uint8Array> {
    const bytes = await this.#source.read(offset, length)
    if (bytes.byteLength !== length) throw this.#short(offset, length)
    return bytes
  }

  #short(offset: number, length: number): FormatError {
    return new FormatError('ERR_MP4_TRUNCATED', `expected ${length} bytes in a file of ${this.#source.size}`, offset)
  }
}
