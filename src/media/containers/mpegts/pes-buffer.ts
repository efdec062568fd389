/** Where a PES packet is put together: a buffer that is used again, and never grows without bound. */

/** Bytes of one PES packet: what a key frame of 4K video at any sane rate needs, and no more however long nothing ends it. */
export const MAX_PES_BYTES = 16 * 1024 * 1024
/** Bytes that all buffers of one demuxer have together. */
const MAX_HELD_BYTES = 64 * 1024 * 1024
const FIRST_CAPACITY = 4096
/** A larger buffer is given back when its packet is done. */
const MAX_KEPT_CAPACITY = 1024 * 1024

/** Shared by the buffers of one demuxer. */
export class PesBudget {
  #held = 0

  /** Takes `bytes`, which may be negative; false when that is too much. */
  take(bytes: number): boolean {
    if (this.#held + bytes > MAX_HELD_BYTES) return false
    this.#held += bytes
    return true
  }
}

export class PesBuffer {
  readonly #budget: PesBudget
  #buffer: Uint8Array = EMPTY
  #length = 0

  constructor(budget: PesBudget) {
    this.#budget = budget
  }

  /** What was put in since `clear`, as a view that the next `append` may end. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  /** Copies; false when there is no room. */
  append(bytes: Uint8Array): boolean {
    const length = this.#length + bytes.byteLength
    if (length > this.#buffer.byteLength && !this.#grow(length)) return false
    this.#buffer.set(bytes, this.#length)
    this.#length = length
    return true
  }

  clear(): void {
    this.#length = 0
    if (this.#buffer.byteLength > MAX_KEPT_CAPACITY) this.release()
  }

  release(): void {
    this.#budget.take(-this.#buffer.byteLength)
    this.#buffer = EMPTY
    this.#length = 0
  }

  #grow(length: number): boolean {
    if (length > MAX_PES_BYTES) return false
    const capacity = Math.min(MAX_PES_BYTES, Math.max(FIRST_CAPACITY, length, this.#buffer.byteLength * 2))
    if (!this.#budget.take(capacity - this.#buffer.byteLength)) return false
    const larger = new Uint8Array(capacity)
    larger.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = larger
    return true
  }
}

const EMPTY: Uint8Array = new Uint8Array(0)
