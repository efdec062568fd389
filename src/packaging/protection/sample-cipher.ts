/** Encrypts and decrypts samples in place: AES-128 as `cenc` and `cbcs` use it (ISO/IEC 23001-7 sections 9 and 10). */
import { type Cipheriv, createCipheriv, createDecipheriv, type Decipheriv } from 'node:crypto'
import {
  BLOCK_BYTES,
  type ProtectionPattern,
  type ProtectionScheme,
  type Subsample,
} from '../../media/protection/scheme.ts'

/** One key with its scheme. Holds the key: never logged, never sent. */
export class SampleCipher {
  readonly #key: Uint8Array
  readonly #scheme: ProtectionScheme
  readonly #pattern: ProtectionPattern

  /** `key`: 16 bytes. */
  constructor(key: Uint8Array, scheme: ProtectionScheme, pattern: ProtectionPattern) {
    this.#key = key
    this.#scheme = scheme
    this.#pattern = pattern
  }

  /**
   * Encrypts one sample. `iv`: 8 or 16 bytes of its own for `cenc`, the constant 16 bytes for `cbcs`. `ranges` of `undefined`: the whole sample.
   */
  encrypt(sample: Uint8Array, iv: Uint8Array, ranges: readonly Subsample[] | undefined): void {
    this.#apply(sample, iv, ranges, createCipheriv)
  }

  /** The other way round. */
  decrypt(sample: Uint8Array, iv: Uint8Array, ranges: readonly Subsample[] | undefined): void {
    this.#apply(sample, iv, ranges, createDecipheriv)
  }

  #apply(sample: Uint8Array, iv: Uint8Array, ranges: readonly Subsample[] | undefined, create: CreateCipher): void {
    const whole: readonly Subsample[] = ranges ?? [{ clear: 0, protected: sample.byteLength }]
    const block = new Uint8Array(BLOCK_BYTES)
    block.set(iv)
    if (this.#scheme === 'cenc') this.#applyCounter(sample, whole, create('aes-128-ctr', this.#key, block))
    else this.#applyChains(sample, whole, () => create('aes-128-cbc', this.#key, block))
  }

  /** One key stream goes through all ranges of the sample. */
  #applyCounter(sample: Uint8Array, ranges: readonly Subsample[], cipher: Cipheriv | Decipheriv): void {
    let at = 0
    for (const range of ranges) {
      at += range.clear
      const end = at + range.protected
      if (end > at) sample.set(cipher.update(sample.subarray(at, end)), at)
      at = end
    }
  }

  /** Each range begins a chain of its own; what is less than a block stays clear. */
  #applyChains(sample: Uint8Array, ranges: readonly Subsample[], start: () => Cipheriv | Decipheriv): void {
    let at = 0
    for (const range of ranges) {
      at += range.clear
      const end = at + range.protected
      this.#applyChain(sample.subarray(at, end), start)
      at = end
    }
  }

  #applyChain(range: Uint8Array, start: () => Cipheriv | Decipheriv): void {
    const { crypt, skip } = this.#pattern
    const blocks = Math.floor(range.byteLength / BLOCK_BYTES)
    if (blocks === 0) return
    const cipher = start().setAutoPadding(false)
    if (skip === 0 || crypt === 0) {
      const all = range.subarray(0, blocks * BLOCK_BYTES)
      all.set(cipher.update(all))
      return
    }
    // The chosen blocks as one run: a call for each block would cost more than the encryption.
    const run = new Uint8Array(Math.ceil(blocks / (crypt + skip)) * crypt * BLOCK_BYTES)
    const length = eachChosen(blocks, this.#pattern, (from, to) =>
      run.set(range.subarray(from, from + BLOCK_BYTES), to),
    )
    const done = cipher.update(run.subarray(0, length))
    eachChosen(blocks, this.#pattern, (from, to) => range.set(done.subarray(to, to + BLOCK_BYTES), from))
  }
}

type CreateCipher = (algorithm: 'aes-128-ctr' | 'aes-128-cbc', key: Uint8Array, iv: Uint8Array) => Cipheriv | Decipheriv

/** Calls `block` with the place of each chosen block in the range and among the chosen ones; returns their bytes. */
function eachChosen(
  blocks: number,
  { crypt, skip }: ProtectionPattern,
  block: (inRange: number, inRun: number) => void,
): number {
  let inRun = 0
  for (let first = 0; first < blocks; first += crypt + skip) {
    for (let index = first; index < Math.min(first + crypt, blocks); index++) {
      block(index * BLOCK_BYTES, inRun)
      inRun += BLOCK_BYTES
    }
  }
  return inRun
}
