/**
 * AES-128 in counter mode for many short samples at once (NIST SP 800-38A section 6.5): the counters of a segment are encrypted as one run, because
 * a cipher of its own for each sample costs more than its encryption, and leaves more for the garbage collector.
 */
import { type Cipheriv, createCipheriv } from 'node:crypto'
import { BLOCK_BYTES, SAMPLE_IV_BYTES, type Subsample } from '../../media/protection/scheme.ts'
import { release } from './release.ts'

/** Counters that are encrypted at once. */
const MAX_BLOCKS = 1 << 14
const WORD_BYTES = 8
/** Ranges that are shorter are combined byte by byte. */
const MIN_WORD_RANGE = 64
/** 32-bit words of a block. */
const BLOCK_WORDS = BLOCK_BYTES / 4

/** Shared: nothing here outlives a call. In the order of bytes of the machine, as only whole words are moved. */
const counters = new Uint8Array(MAX_BLOCKS * BLOCK_BYTES)
const counterWords = new Uint32Array(counters.buffer)
const ivBytes = new Uint8Array(SAMPLE_IV_BYTES)
const ivWords = new Uint32Array(ivBytes.buffer)
/** The second halves of the counter blocks of one sample, which count from 0; their first halves are the IV. */
const countingWords = countingBlocks()

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
    const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength)
    let used = 0
    for (const sample of this.#waiting) {
      let from = used
      forEachRange(sample, (start, end) => {
        combine(sample.bytes.subarray(start, end), view, from)
        from += end - start
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
    forEachRange(sample, (start, end) => {
      const range = sample.bytes.subarray(start, end)
      const done = cipher.update(range)
      range.set(done)
      release(done)
    })
  }
}

/** Tells where the protected ranges of a sample lie that are not empty. */
export function forEachRange({ bytes, ranges }: CipherSample, each: (start: number, end: number) => void): void {
  if (ranges === undefined) {
    if (bytes.byteLength > 0) each(0, bytes.byteLength)
    return
  }
  let at = 0
  for (const range of ranges) {
    at += range.clear
    const end = at + range.protected
    if (end > at) each(at, end)
    at = end
  }
}

function protectedBytes({ bytes, ranges }: CipherSample): number {
  return ranges === undefined ? bytes.byteLength : ranges.reduce((sum, range) => sum + range.protected, 0)
}

/** The IV, and behind it the number of the block in its sample. */
function writeCounters(iv: Uint8Array, place: number, blocks: number): void {
  ivBytes.set(iv)
  const first = ivWords[0] as number
  const second = ivWords[1] as number
  const from = place * BLOCK_WORDS
  const to = from + blocks * BLOCK_WORDS
  counterWords.set(countingWords.subarray(0, to - from), from)
  for (let word = from; word < to; word += BLOCK_WORDS) {
    counterWords[word] = first
    counterWords[word + 1] = second
  }
}

function countingBlocks(): Uint32Array {
  const view = new DataView(new ArrayBuffer(MAX_BLOCKS * BLOCK_BYTES))
  for (let block = 0; block < MAX_BLOCKS; block++) view.setUint32((block + 1) * BLOCK_BYTES - 4, block)
  return new Uint32Array(view.buffer)
}

/** Exclusive or with the stream from `from` on, in words of 64 bits wherever they lie. Compiled code makes no big integers of them. */
function combine(range: Uint8Array, stream: DataView, from: number): void {
  const length = range.byteLength
  const inWords = length < MIN_WORD_RANGE ? 0 : length - (length % WORD_BYTES)
  if (inWords > 0) combineWords(new DataView(range.buffer, range.byteOffset, inWords), stream, from)
  for (let at = inWords; at < length; at++) range[at] = (range[at] as number) ^ stream.getUint8(from + at)
}

function combineWords(range: DataView, stream: DataView, from: number): void {
  const { byteLength } = range
  for (let at = 0; at < byteLength; at += WORD_BYTES) {
    const word = range.getBigUint64(at, true) ^ stream.getBigUint64(from + at, true)
    range.setBigUint64(at, BigInt.asUintN(64, word), true)
  }
}
