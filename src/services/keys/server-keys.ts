/** The key store of a server: one owner for all that need keys, opened when the first one is needed. */
import { join } from 'node:path'
import { ConfigError, describeError, HeadendError } from '../../errors.ts'
import type { ContentKeys, KeyPurpose, LicenseOutcome } from '../../packaging/protection/content-keys.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'
import { KeyStore, type StoredKey } from './key-store.ts'
import { KeyWrapping } from './key-wrapping.ts'

export class ServerKeys implements ContentKeys {
  readonly #file: string
  readonly #masterKey: string
  #store: KeyStore | undefined
  readonly #outcomes = new Map<LicenseOutcome, number>()
  #closed = false

  /** `dataFolder`: the keys are in its `keys.sqlite`. `masterKey`: as in secrets.json. */
  constructor(dataFolder: string, masterKey: string) {
    this.#file = join(dataFolder, 'keys.sqlite')
    this.#masterKey = masterKey
  }

  keyFor(purpose: KeyPurpose): ContentKey {
    return this.#opened.keyFor(purpose)
  }

  purposeOf(id: Uint8Array): KeyPurpose | undefined {
    return this.#opened.purposeOf(id)
  }

  get(id: Uint8Array): ContentKey {
    return this.#opened.get(id)
  }

  count(outcome: LicenseOutcome): void {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1)
  }

  /** Requests for keys since the start, by what became of them. */
  get outcomes(): ReadonlyMap<LicenseOutcome, number> {
    return this.#outcomes
  }

  /** See `KeyStore.add`. */
  add(key: ContentKey, purpose: KeyPurpose): void {
    this.#opened.add(key, purpose)
  }

  /** See `KeyStore.list`. */
  list(path?: string): readonly StoredKey[] {
    return this.#opened.list(path)
  }

  close(): void {
    this.#closed = true
    this.#store?.close()
    this.#store = undefined
  }

  get #opened(): KeyStore {
    if (this.#store !== undefined) return this.#store
    if (this.#closed) throw new ConfigError('ERR_KEYS_FILE', `expected an open key store, found ${this.#file} closed`)
    try {
      this.#store = new KeyStore(this.#file, new KeyWrapping(this.#masterKey))
      return this.#store
    } catch (cause) {
      if (cause instanceof HeadendError) throw cause
      throw new ConfigError('ERR_KEYS_FILE', `expected to open ${this.#file}: ${describeError(cause)}`, { cause })
    }
  }
}
