/** Content keys at rest: each is encrypted under the master key, bound to its own id (AES-256-GCM, NIST SP 800-38D). */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { ConfigError } from '../../errors.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16
const KEY_BYTES = 32
/** The master key has other uses; each gets a key of its own (RFC 5869). */
const PURPOSE = 'headend content keys'

export class KeyWrapping {
  readonly #wrappingKey: Buffer

  /** `masterKey`: any secret text, as in secrets.json. */
  constructor(masterKey: string) {
    this.#wrappingKey = Buffer.from(hkdfSync('sha256', masterKey, '', PURPOSE, KEY_BYTES))
  }

  /** Nonce, encrypted key and tag. */
  wrap(id: Uint8Array, key: Uint8Array): Uint8Array {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.#wrappingKey, nonce).setAAD(id)
    return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()])
  }

  /** Throws ConfigError ERR_KEYS_MASTER when it was wrapped under another master key, for another id, or was changed. */
  unwrap(id: Uint8Array, wrapped: Uint8Array): Uint8Array {
    const nonce = wrapped.subarray(0, NONCE_BYTES)
    const tag = wrapped.subarray(wrapped.byteLength - TAG_BYTES)
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#wrappingKey, nonce).setAAD(id).setAuthTag(tag)
      const encrypted = wrapped.subarray(NONCE_BYTES, wrapped.byteLength - TAG_BYTES)
      return Uint8Array.from(Buffer.concat([decipher.update(encrypted), decipher.final()]))
    } catch (cause) {
      throw new ConfigError(
        'ERR_KEYS_MASTER',
        'a stored content key does not open: expected the master key it was stored under, as secrets.json had it then',
        { cause },
      )
    }
  }
}
