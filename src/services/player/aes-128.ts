/** Whole segments of HLS under AES-128 (RFC 8216bis section 4.4.4.4: CBC with PKCS #7 padding, one key and IV a segment). */
import { createDecipheriv } from 'node:crypto'
import { FormatError } from '../../errors.ts'
import type { Key } from '../../media/manifests/hls/model.ts'
import { getBytes } from './http.ts'

const KEY_BYTES = 16
const IV_DIGITS = 32
/** Keys that are kept: with rotation, the newest. */
const MAX_KEYS = 64

export class Aes128 {
  readonly #base: URL
  readonly #signal: AbortSignal
  readonly #keys = new Map<string, Promise<Uint8Array>>()

  /** `base`: of the playlist. */
  constructor(base: URL, signal: AbortSignal) {
    this.#base = base
    this.#signal = signal
  }

  /**
   * What a segment, part or initialization section is in the clear; as it is where its keys name another method. `number`: media sequence number,
   * which is the IV where the playlist gives none. Throws FormatError ERR_PLAY_AES_128 for a key or data that cannot be right, and what fetching
   * the key throws.
   */
  async decrypt(bytes: Uint8Array, keys: readonly Key[] | undefined, number: number): Promise<Uint8Array> {
    const key = keys?.find(({ method, keyFormat = 'identity' }) => method === 'AES-128' && keyFormat === 'identity')
    if (key === undefined) return bytes
    const decipher = createDecipheriv('aes-128-cbc', await this.#keyAt(key.uri), ivOf(key, number))
    try {
      return Buffer.concat([decipher.update(bytes), decipher.final()])
    } catch (cause) {
      throw new FormatError('ERR_PLAY_AES_128', `segment ${number} does not decrypt with its key`, undefined, { cause })
    }
  }

  #keyAt(uri: string): Promise<Uint8Array> {
    let key = this.#keys.get(uri)
    if (key === undefined) {
      key = this.#fetch(uri)
      this.#keys.set(uri, key)
      key.catch(() => this.#keys.delete(uri))
      const [oldest] = this.#keys.keys()
      if (this.#keys.size > MAX_KEYS && oldest !== undefined) this.#keys.delete(oldest)
    }
    return key
  }

  async #fetch(uri: string): Promise<Uint8Array> {
    const key = await getBytes(new URL(uri, this.#base), this.#signal)
    if (key.byteLength === KEY_BYTES) return key
    throw new FormatError('ERR_PLAY_AES_128', `expected a key of ${KEY_BYTES} bytes, found ${key.byteLength}`)
  }
}

function ivOf({ iv }: Key, number: number): Buffer {
  if (iv === undefined) {
    const counted = Buffer.alloc(KEY_BYTES)
    counted.writeBigUInt64BE(BigInt(number), KEY_BYTES / 2)
    return counted
  }
  const digits = iv.replace(/^0x/i, '').padStart(IV_DIGITS, '0')
  if (!/^[\da-f]{32}$/i.test(digits)) {
    throw new FormatError('ERR_PLAY_AES_128', `expected an IV of 128 bits, found ${JSON.stringify(iv.slice(0, 40))}`)
  }
  return Buffer.from(digits, 'hex')
}
