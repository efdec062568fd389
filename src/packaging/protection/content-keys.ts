/** The content keys as packaging and licences ask for them; who keeps them is not their concern. */
import type { ContentKey } from './segment-encryptor.ts'

/** What a key is for. The same purpose always has the same key. */
export interface KeyPurpose {
  /** `live/studio`, `vod/film.mp4`. Who may play this path may have the key. */
  readonly path: string
  /** What tells the content of the path apart from what was there before: the version of a file, the run of a stream. */
  readonly content: string
  /** Stretch of time from one rotation to the next, counting from 0. */
  readonly period: number
}

/** What became of a request for keys. */
export type LicenseOutcome = 'granted' | 'refused' | 'invalid' | 'limited'

/** The server's keys. The first use opens their database. All throw ConfigError ERR_KEYS_FILE when it cannot be opened. */
export interface ContentKeys {
  /** The key of a purpose, made and stored now if there is none. */
  keyFor(purpose: KeyPurpose): ContentKey
  /** What a key id is for. `undefined`: it is not known. */
  purposeOf(id: Uint8Array): KeyPurpose | undefined
  /** Throws UnavailableError ERR_KEYS_UNKNOWN. */
  get(id: Uint8Array): ContentKey
  /** Counts what became of a request for keys. */
  count?(outcome: LicenseOutcome): void
}
