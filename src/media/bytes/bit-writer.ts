/** Writes bit fields and Exp-Golomb codes, most significant bit first. */

export class BitWriter {
  #bytes = new Uint8Array(64)
  #bit = 0

  /** Bits written so far. */
  get position(): number {
    return this.#bit
  }

  /** The low `count` bits of `value`, 0 to 32. */
  bits(value: number, count: number): this {
    const end = (this.#bit + count + 7) >> 3
    if (end > this.#bytes.byteLength) {
      const larger = new Uint8Array(Math.max(end, this.#bytes.byteLength * 2))
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    let left = count
    while (left > 0) {
      const room = 8 - (this.#bit & 7)
      const take = left < room ? left : room
      const part = (value >>> (left - take)) & ((1 << take) - 1)
      const index = this.#bit >> 3
      this.#bytes[index] = (this.#bytes[index] as number) | (part << (room - take))
      this.#bit += take
      left -= take
    }
    return this
  }

  flag(value: boolean): this {
    return this.bits(value ? 1 : 0, 1)
  }

  /** Unsigned Exp-Golomb, ue(v); `value` below 2^31. */
  ue(value: number): this {
    const length = 31 - Math.clz32(value + 1)
    return this.bits(0, length).bits(value + 1, length + 1)
  }

  /** Signed Exp-Golomb, se(v). */
  se(value: number): this {
    return this.ue(value > 0 ? value * 2 - 1 : -value * 2)
  }

  alignToByte(bit: 0 | 1 = 0): this {
    while ((this.#bit & 7) !== 0) this.bits(bit, 1)
    return this
  }

  /** RBSP trailing bits: a one, then zeros to the byte boundary (ITU-T H.264 section 7.3.2.11). */
  trailing(): this {
    return this.bits(1, 1).alignToByte()
  }

  toBytes(): Uint8Array {
    return this.#bytes.slice(0, (this.#bit + 7) >> 3)
  }
}
