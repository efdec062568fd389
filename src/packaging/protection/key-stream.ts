/**
 * AES-128 in counter mode for many short samples at once (NIST SP 800-38A section 6.5): the counters of a segment are encrypted as one run, because
 * a cipher of its own for each sample costs more than its encryption, and leaves more for the garbage collector.
 */
import { type Cipheriv, createCipheriv } from 'node:crypto'
import { BLOCK_BYTES, SAMPLE_IV_BYTES, type Subsample } from '../../media/protection/scheme.ts'
import { release } from './release.ts'

/** Counters that are encrypted at once. */
const MAX_BLOCKS = 1 << 14
const WORD_BYTES = 4
/** Ranges that are shorter are combined byte by byte. */
const MIN_WORD_RANGE = 64

/** Shared: nothing here outlives a call. */
const counters = new Uint8Array(MAX_BLOCKS * BLOCK_BYTES)
const countersView = new DataView(counters.buffer)
const aligned = new Uint8Array(MAX_BLOCKS * BLOCK_BYTES + WORD_BYTES)
const alignedWords = new Uint32Array(aligned.buffer, 0, aligned.byteLength / WORD_BYTES)

/** What is encrypted or decrypted in place. */
export interface CipherSample {
  readonly bytes: Uint8Array
  /** 8 or 16 bytes of its own for `cenc`, the constant 16 bytes for `cbcs`. */
  readonly iv: Uint8Array
  /** `undefined`: all of it. */
  readonly ranges: readonly Subsample[] | undefined
}

/** Of one key. */
export class KeyStream {
  readonly #key: Uint8Array
  readonly #blocks: Cipheriv
  #waiting: CipherSample[] = []
  #waitingBlocks = 0

  /** `key`: 16 bytes. */
  constructor(key: Uint8Array) {
    this.#key = key
    this.#blocks = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false)
  }

  /** Encrypts or decrypts samples in place, which is the same. One key stream goes through all ranges of a sample. */
  apply(samples: readonly CipherSample[]): void {
    for (const sample of samples) {
      const blocks = Math.ceil(protectedBytes(sample) / BLOCK_BYTES)
      if (blocks > MAX_BLOCKS || sample.iv.byteLength !== SAMPLE_IV_BYTES) this.#applyAlone(sample)
      else {
        if (this.#waitingBlocks + blocks > MAX_BLOCKS) this.#flush()
        writeCounters(sample.iv, this.#waitingBlocks, blocks)
        this.#waiting.push(sample)
        this.#waitingBlocks += blocks
      }
    }
    this.#flush()
  }

  #flush(): void {
    const stream = this.#blocks.update(counters.subarray(0, this.#waitingBlocks * BLOCK_BYTES))
    let used = 0
    for (const sample of this.#waiting) {
      let from = used
      forEachRange(sample, (range) => {
        combine(range, stream.subarray(from, from + range.byteLength))
        from += range.byteLength
      })
      used += Math.ceil((from - used) / BLOCK_BYTES) * BLOCK_BYTES
    }
    this.#waiting = []
    this.#waitingBlocks = 0
    release(stream)
  }

  #applyAlone(sample: CipherSample): void {
    const first = new Uint8Array(BLOCK_BYTES)
    first.set(sample.iv)
    const cipher = createCipheriv('aes-128-ctr', this.#key, first)
    forEachRange(sample, (range) => {
      const done = cipher.update(range)
      range.set(done)
      release(done)
    })
  }
}

/** Calls `each` with the protected ranges of a sample that are not empty. */
export function forEachRange({ bytes, ranges }: CipherSample, each: (range: Uint8Array) => void): void {
  if (ranges === undefined) {
    if (bytes.byteLength > 0) each(bytes)
    return
  }
  let at = 0
  for (const range of ranges) {
    at += range.clear
    const end = at + range.protected
    if (end > at) each(bytes.subarray(at, end))
    at = end
  }
}

function protectedBytes({ bytes, ranges }: CipherSample): number {
  return ranges === undefined ? bytes.byteLength : ranges.reduce((sum, range) => sum + range.protected, 0)
}

/** The IV, and behind it the number of the block in its sample. */
function writeCounters(iv: Uint8Array, place: number, blocks: number): void {
  const view = new DataView(iv.buffer, iv.byteOffset, iv.byteLength)
  const high = view.getUint32(0)
  const low = view.getUint32(WORD_BYTES)
  for (let block = 0, at = place * BLOCK_BYTES; block < blocks; block++, at += BLOCK_BYTES) {
    countersView.setUint32(at, high)
    countersView.setUint32(at + 4, low)
    countersView.setUint32(at + 8, 0)
    countersView.setUint32(at + 12, block)
  }
}

/** Exclusive or, in words: the stream is moved to where it lies in them as the range does. */
function combine(range: Uint8Array, stream: Uint8Array): void {
  const length = range.byteLength
  if (length < MIN_WORD_RANGE) {
    for (let i = 0; i < length; i++) range[i] = (range[i] as number) ^ (stream[i] as number)
    return
  }
  const odd = range.byteOffset % WORD_BYTES
  const head = odd === 0 ? 0 : WORD_BYTES - odd
  aligned.set(stream, odd)
  const words = new Uint32Array(range.buffer, range.byteOffset + head, Math.floor((length - head) / WORD_BYTES))
  const firstWord = (odd + head) / WORD_BYTES
  for (let i = 0; i < words.length; i++) words[i] = (words[i] as number) ^ (alignedWords[firstWord + i] as number)
  for (let i = 0; i < head; i++) range[i] = (range[i] as number) ^ (stream[i] as number)
  for (let i = head + words.length * WORD_BYTES; i < length; i++)
    range[i] = (range[i] as number) ^ (stream[i] as number)
}
