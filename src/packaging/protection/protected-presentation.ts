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
import { type ContentKey, SegmentEncryptor } from './segment-encryptor.ts'
import { contentProtections, hlsKeys, initHeaders, type ProtectionSignalling } from './signalling.ts'

/** Changes with anything that changes the bytes of encrypted segments. */
const FORM = 1

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
      hlsKeys: (rendition) => hlsKeys(this.#keyOf(rendition).id, signalling, 'all'),
    }
  }

  async init(rendition: OnDemandRendition): Promise<SegmentBody> {
    const [init, encryptor] = await Promise.all([this.#clear.init(rendition), this.#encryptorOf(rendition)])
    const headers = initHeaders(encryptor.protection.keyId, this.signalling)
    return segmentBody([withProtection(await readWhole(init), encryptor.protection, headers)])
  }

  async segment(rendition: OnDemandRendition, index: number, signal: AbortSignal): Promise<SegmentBody> {
    const clear = await this.#clear.segment(rendition, index, signal)
    return segmentBody([(await this.#encryptorOf(rendition)).encrypt(await readWhole(clear))])
  }

  async keyPicture(rendition: OnDemandRendition, index: number, signal: AbortSignal): Promise<SegmentBody> {
    const clear = await this.#clear.keyPicture(rendition, index, signal)
    return segmentBody([(await this.#encryptorOf(rendition)).encrypt(await readWhole(clear))])
  }

  close(): void {
    this.#clear.close()
  }

  #encryptorOf(rendition: OnDemandRendition): Promise<SegmentEncryptor> {
    let encryptor = this.#encryptors.get(rendition.name)
    if (encryptor === undefined) {
      encryptor = this.#createEncryptor(rendition)
      this.#encryptors.set(rendition.name, encryptor)
      encryptor.catch(() => this.#encryptors.delete(rendition.name))
    }
    return encryptor
  }

  async #createEncryptor(rendition: OnDemandRendition): Promise<SegmentEncryptor> {
    const init = await readWhole(await this.#clear.init(rendition))
    const slot = this.renditions.findIndex(({ name }) => name === rendition.name)
    const { scheme } = this.signalling
    return new SegmentEncryptor(rendition.track, init, { scheme, key: this.#keyOf(rendition), slot })
  }
}
