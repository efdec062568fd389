/** Encrypts and decrypts samples in place: AES-128 as `cenc` and `cbcs` use it (ISO/IEC 23001-7 sections 9 and 10). */
import { type Cipheriv, createCipheriv, createDecipheriv, type Decipheriv } from 'node:crypto'
import {
  BLOCK_BYTES,
  type ProtectionPattern,
  type ProtectionScheme,
  type Subsample,
} from '../../media/protection/scheme.ts'
import { type CipherSample, forEachRange, KeyStream } from './key-stream.ts'
import { release } from './release.ts'

/** One key with its scheme. Holds the key: never logged, never sent. */
export class SampleCipher {
  readonly #key: Uint8Array
  readonly #scheme: ProtectionScheme
  readonly #pattern: ProtectionPattern
  #keyStream: KeyStream | undefined
  #encryption: Chains | undefined
  #decryption: Chains | undefined

  /** `key`: 16 bytes. */
  constructor(key: Uint8Array, scheme: ProtectionScheme, pattern: ProtectionPattern) {
    this.#key = key
    this.#scheme = scheme
    this.#pattern = pattern
  }

  /**
   * Encrypts one sample. `iv`: 8 or 16 bytes of its own for `cenc`, the constant 16 bytes for `cbcs`. `ranges` of `undefined`: the whole sample.
   */
  encrypt(bytes: Uint8Array, iv: Uint8Array, ranges: readonly Subsample[] | undefined): void {
    this.encryptAll([{ bytes, iv, ranges }])
  }

  /** The other way round. */
  decrypt(bytes: Uint8Array, iv: Uint8Array, ranges: readonly Subsample[] | undefined): void {
    this.decryptAll([{ bytes, iv, ranges }])
  }

  /** Those of a segment: together they cost much less than one by one. */
  encryptAll(samples: readonly CipherSample[]): void {
    if (this.#scheme === 'cenc') this.#applyCounter(samples)
    else {
      this.#encryption ??= new Chains(createCipheriv('aes-128-cbc', this.#key, NO_IV), 'encrypt')
      this.#encryption.apply(samples, this.#pattern)
    }
  }

  /** The other way round. */
  decryptAll(samples: readonly CipherSample[]): void {
    if (this.#scheme === 'cenc') this.#applyCounter(samples)
    else {
      this.#decryption ??= new Chains(createDecipheriv('aes-128-cbc', this.#key, NO_IV), 'decrypt')
      this.#decryption.apply(samples, this.#pattern)
    }
  }

  #applyCounter(samples: readonly CipherSample[]): void {
    this.#keyStream ??= new KeyStream(this.#key)
    this.#keyStream.apply(samples)
  }
}

const NO_IV = new Uint8Array(BLOCK_BYTES)

/**
 * Chains of blocks (NIST SP 800-38A section 6.2), all by one cipher, whose chain never ends: what it would combine the first block of the next chain
 * with is known, and is exchanged for the IV. A cipher of its own for each chain costs more than its encryption.
 */
class Chains {
  readonly #cipher: Cipheriv | Decipheriv
  readonly #direction: 'encrypt' | 'decrypt'
  /** The last block of ciphertext. */
  readonly #last = new Uint8Array(BLOCK_BYTES)

  constructor(cipher: Cipheriv | Decipheriv, direction: 'encrypt' | 'decrypt') {
    this.#cipher = cipher.setAutoPadding(false)
    this.#direction = direction
  }

  /** Each range begins a chain of its own; what is less than a block stays clear. */
  apply(samples: readonly CipherSample[], { crypt, skip }: ProtectionPattern): void {
    for (const sample of samples) {
      forEachRange(sample, (start, end) => {
        const range = sample.bytes.subarray(start, end)
        const blocks = Math.floor(range.byteLength / BLOCK_BYTES)
        if (blocks === 0) return
        if (skip === 0 || crypt === 0) {
          const all = range.subarray(0, blocks * BLOCK_BYTES)
          const whole = this.#chain(all, sample.iv)
          all.set(whole)
          release(whole)
          return
        }
        // The chosen blocks as one run: a call for each block would cost more than the encryption.
        const run = runOf(Math.ceil(blocks / (crypt + skip)) * crypt * BLOCK_BYTES)
        const length = moveChosen(blocks, { crypt, skip }, range, run, 'gather')
        const done = this.#chain(run.subarray(0, length), sample.iv)
        moveChosen(blocks, { crypt, skip }, range, done, 'scatter')
        release(done)
      })
    }
  }

  /** `blocks` may be changed. */
  #chain(blocks: Uint8Array, iv: Uint8Array): Uint8Array {
    if (this.#direction === 'encrypt') {
      this.#exchange(blocks, iv)
      const done = this.#cipher.update(blocks)
      this.#last.set(done.subarray(-BLOCK_BYTES))
      return done
    }
    const done = this.#cipher.update(blocks)
    this.#exchange(done, iv)
    this.#last.set(blocks.subarray(-BLOCK_BYTES))
    return done
  }

  #exchange(blocks: Uint8Array, iv: Uint8Array): void {
    for (let i = 0; i < BLOCK_BYTES; i++) blocks[i] = (blocks[i] ?? 0) ^ (this.#last[i] ?? 0) ^ (iv[i] ?? 0)
  }
}

/** Used again by each range. */
let run = new Uint8Array(64 * 1024)

function runOf(bytes: number): Uint8Array {
  if (run.byteLength < bytes) run = new Uint8Array(bytes)
  return run
}

/** Moves the chosen blocks of a range together, or from there back to their places; returns their bytes. */
function moveChosen(
  blocks: number,
  { crypt, skip }: ProtectionPattern,
  range: Uint8Array,
  together: Uint8Array,
  how: 'gather' | 'scatter',
): number {
  let inRun = 0
  for (let first = 0; first < blocks; first += crypt + skip) {
    const end = Math.min(first + crypt, blocks) * BLOCK_BYTES
    for (let at = first * BLOCK_BYTES; at < end; at++, inRun++) {
      if (how === 'gather') together[inRun] = range[at] ?? 0
      else range[at] = together[inRun] ?? 0
    }
  }
  return inRun
}
