/** Reads bit fields and Exp-Golomb codes, most significant bit first. */
import { FormatError } from '../../errors.ts'

/** Longest Exp-Golomb prefix that still gives a 32-bit value (ITU-T H.264 section 9.1). */
const MAX_GOLOMB_ZEROS = 32

export class BitReader {
  readonly #bytes: Uint8Array
  readonly #bits: number
  #bit = 0

  /** Reads the first `byteLength` bytes. */
  constructor(bytes: Uint8Array, byteLength: number = bytes.byteLength) {
    this.#bytes = bytes
    this.#bits = byteLength * 8
  }

  /** Bits read so far. */
  get position(): number {
    return this.#bit
  }

  get remaining(): number {
    return this.#bits - this.#bit
  }

  /** `count` bits, 0 to 32, as an unsigned number. */
  bits(count: number): number {
    if (count > this.remaining) {
      throw new FormatError(
        'ERR_MEDIA_TRUNCATED',
        `expected ${count} more bits, found ${this.remaining}`,
        this.#bit >> 3,
      )
    }
    let value = 0
    let left = count
    while (left > 0) {
      const byte = this.#bytes[this.#bit >> 3] as number
      const here = 8 - (this.#bit & 7)
      const take = left < here ? left : here
      value = value * 2 ** take + ((byte >> (here - take)) & ((1 << take) - 1))
      this.#bit += take
      left -= take
    }
    return value
  }

  flag(): boolean {
    return this.bits(1) === 1
  }

  skip(count: number): void {
    if (count > this.remaining) {
      throw new FormatError(
        'ERR_MEDIA_TRUNCATED',
        `expected ${count} more bits, found ${this.remaining}`,
        this.#bit >> 3,
      )
    }
    this.#bit += count
  }

  /** Unsigned Exp-Golomb, ue(v). */
  ue(): number {
    let zeros = 0
    while (!this.flag()) {
      if (++zeros > MAX_GOLOMB_ZEROS) {
        throw new FormatError(
          'ERR_MEDIA_NUMBER_TOO_LARGE',
          'expected an Exp-Golomb code of at most 32 bits',
          this.#bit >> 3,
        )
      }
    }
    return 2 ** zeros - 1 + this.bits(zeros)
  }

  /** Signed Exp-Golomb, se(v). */
  se(): number {
    const code = this.ue()
    return code % 2 === 1 ? (code + 1) / 2 : 0 - code / 2
  }

  alignToByte(): void {
    this.#bit = (this.#bit + 7) & ~7
  }
}
