/** A presentation whose segments are encrypted as they are asked for: the same names, tokens of their own, and the same bytes each time. */

import { createHash } from 'node:crypto'
import { withProtection } from '../../media/containers/isobmff/init-protection.ts'
import type {
  OnDemandRendition,
  Presentation,
  PresentationProtection,
  SegmentBody,
  SegmentSpan,
} from '../on-demand/presentation.ts'
import { readWhole, segmentBody } from '../on-demand/segment-bytes.ts'
import { release } from './release.ts'
import { type ContentKey, SegmentEncryptor } from './segment-encryptor.ts'
import { contentProtections, hlsKeys, initHeaders, type ProtectionSignalling } from './signalling.ts'

/** Changes with anything that changes the bytes of encrypted segments. */
const FORM = 3

export interface ProtectedPresentationOptions {
  readonly signalling: ProtectionSignalling
  /** Of a rendition; renditions may share one. */
  readonly keyOf: (rendition: OnDemandRendition) => ContentKey
}

/** Owns the presentation that it protects, and closes it. */
export class ProtectedPresentation implements Presentation {
  readonly signalling: ProtectionSignalling
  readonly token: string
  readonly #clear: Presentation
  readonly #keyOf: (rendition: OnDemandRendition) => ContentKey
  /** By rendition; those of key pictures apart. */
  readonly #encryptors = new Map<string, Promise<SegmentEncryptor>>()

  constructor(clear: Presentation, { signalling, keyOf }: ProtectedPresentationOptions) {
    this.#clear = clear
    this.signalling = signalling
    this.#keyOf = keyOf
    const hash = createHash('sha256').update(`${FORM} ${clear.token} ${JSON.stringify(signalling)}`)
    for (const rendition of clear.renditions) hash.update(rendition.name).update(keyOf(rendition).id)
    this.token = hash.digest('hex').slice(0, 12)
  }

  get path(): string {
    return this.#clear.path
  }

  get duration(): number {
    return this.#clear.duration
  }

  get modified(): Date {
    return this.#clear.modified
  }

  get segments(): readonly SegmentSpan[] {
    return this.#clear.segments
  }

  get renditions(): readonly OnDemandRendition[] {
    return this.#clear.renditions
  }

  get protection(): PresentationProtection {
    const { signalling } = this
    return {
      contentProtections: (rendition) => contentProtections(this.#keyOf(rendition).id, signalling),
      hlsKeys: (rendition, lines) => hlsKeys(this.#keyOf(rendition).id, signalling, lines),
    }
  }

  async init(rendition: OnDemandRendition): Promise<SegmentBody> {
    const [init, encryptor] = await Promise.all([this.#clear.init(rendition), this.#encryptorOf(rendition)])
    const headers = initHeaders(encryptor.protection.keyId, this.signalling)
    return segmentBody([withProtection(await readWhole(init), encryptor.protection, headers)])
  }

  async segment(rendition: OnDemandRendition, index: number, signal: AbortSignal): Promise<SegmentBody> {
    const clear = await this.#clear.segment(rendition, index, signal)
    const encryptor = await this.#encryptorOf(rendition)
    return encrypted(encryptor, clear, index)
  }

  async keyPicture(rendition: OnDemandRendition, index: number, signal: AbortSignal): Promise<SegmentBody> {
    const clear = await this.#clear.keyPicture(rendition, index, signal)
    const encryptor = await this.#encryptorOf(rendition, true)
    return encrypted(encryptor, clear, index)
  }

  close(): void {
    this.#clear.close()
  }

  #encryptorOf(rendition: OnDemandRendition, ofKeyPictures = false): Promise<SegmentEncryptor> {
    const name = `${rendition.name}${ofKeyPictures ? ' key pictures' : ''}`
    let encryptor = this.#encryptors.get(name)
    if (encryptor === undefined) {
      encryptor = this.#createEncryptor(rendition, ofKeyPictures)
      this.#encryptors.set(name, encryptor)
      encryptor.catch(() => this.#encryptors.delete(name))
    }
    return encryptor
  }

  /**
   * A key picture alone is decoded when it is shown, where its segment decodes another one: with `cenc` both would begin with the same counter, so
   * key pictures have counters of their own. `cbcs` has one constant IV, which the init segment tells for both.
   */
  async #createEncryptor(rendition: OnDemandRendition, ofKeyPictures: boolean): Promise<SegmentEncryptor> {
    const init = await readWhole(await this.#clear.init(rendition))
    const { scheme } = this.signalling
    const slot = this.renditions.findIndex(({ name }) => name === rendition.name)
    const own = ofKeyPictures && scheme === 'cenc' ? slot + this.renditions.length : slot
    return new SegmentEncryptor(rendition.track, init, { scheme, key: this.#keyOf(rendition), slot: own })
  }
}

async function encrypted(encryptor: SegmentEncryptor, clear: SegmentBody, number: number): Promise<SegmentBody> {
  const bytes = await readWhole(clear)
  // By number: decode times of odd films overlap from segment to segment.
  const body = segmentBody([encryptor.encrypt(bytes, { number })])
  release(bytes)
  return body
}
