/** Clear segments of a package to what is written: encrypted by Common Encryption, encrypted whole, or as they are. The same bytes each time. */
import { createCipheriv, createHash } from 'node:crypto'
import { assert } from '../../errors.ts'
import { withProtection } from '../../media/containers/isobmff/init-protection.ts'
import type { ProtectionScheme } from '../../media/protection/scheme.ts'
import { sameKeyId } from '../../media/protection/systems.ts'
import type { OnDemandRendition, SegmentSpan } from '../../packaging/on-demand/presentation.ts'
import { type ContentKey, SegmentEncryptor } from '../../packaging/protection/segment-encryptor.ts'
import type { ProtectionPlan } from './protection-plan.ts'

/** A slot has 16 bits, the number of a segment 30. */
const SLOTS = 2 ** 16
const NUMBERS = 2 ** 30

/** A segment or a key picture by its place. */
export interface PieceName {
  readonly span: SegmentSpan
  /** Place in the segments or the key pictures of the rendition. */
  readonly index: number
  readonly isKeyPicture: boolean
}

/** Of one rendition. */
export class SegmentProtector {
  readonly #plan: ProtectionPlan
  readonly #rendition: OnDemandRendition
  readonly #clearInit: Uint8Array
  readonly #slots: { readonly segments: number; readonly keyPictures: number }
  readonly #firstNumber: number
  /** By period and what is encrypted. */
  readonly #encryptors = new Map<string, SegmentEncryptor>()

  /**
   * `place`: of the rendition among `count`. One key may be used for several packages, by hand: where counters begin is made of the token of the
   * package, so that two of them do not use the same. Throws FormatError ERR_PROTECTION_CODEC for what cannot be protected.
   */
  constructor(
    plan: ProtectionPlan,
    rendition: OnDemandRendition,
    { clearInit, place, count }: { readonly clearInit: Uint8Array; readonly place: number; readonly count: number },
  ) {
    this.#plan = plan
    this.#rendition = rendition
    this.#clearInit = clearInit
    const digest = createHash('sha256').update(`counters ${plan.token}`).digest()
    const slot = digest.readUInt16BE(0)
    this.#firstNumber = digest.readUInt32BE(2) % NUMBERS
    // A key picture is decoded at another time than in its segment: under `cenc` it has counters of its own.
    const own = plan.scheme === 'cenc' ? place + count : place
    this.#slots = { segments: (slot + place) % SLOTS, keyPictures: (slot + own) % SLOTS }
    const scheme = plan.commonScheme
    if (scheme !== undefined && plan.isProtected(rendition)) this.#encryptor(scheme, this.#named(0), false)
  }

  /** The init segment of a period; `clear`: of segments that are not encrypted. */
  init(period: number | 'clear'): Uint8Array {
    const { scheme, commonScheme } = this.#plan
    const key = period === 'clear' ? undefined : this.#plan.keyOf(this.#rendition, period)
    if (commonScheme !== undefined) {
      if (!this.#plan.isProtected(this.#rendition)) return this.#clearInit
      const named = key ?? this.#named(0)
      const { protection } = this.#encryptor(commonScheme, named, false)
      return withProtection(this.#clearInit, protection, this.#plan.signallingOf(named).headers)
    }
    if (key === undefined || period === 'clear') return this.#clearInit
    assert(scheme === 'aes-128', 'there are three schemes')
    return this.#encryptWhole(this.#clearInit, period, key)
  }

  /** A segment or key picture. The bytes may be those that came in. */
  protect(clear: Uint8Array, { span, index, isKeyPicture }: PieceName): Uint8Array {
    const state = this.#plan.stateOf(this.#rendition, span)
    const scheme = this.#plan.commonScheme
    if (scheme === undefined) return state === 'clear' ? clear : this.#encryptWhole(clear, state.period, state.key)
    if (!this.#plan.isProtected(this.#rendition)) return clear
    const encryptor = this.#encryptor(scheme, this.#named(0), isKeyPicture)
    const number = (this.#firstNumber + index) % NUMBERS
    if (state === 'clear') return encryptor.encrypt(clear, { key: 'clear' })
    // No pssh boxes here: hls.js would take those of a segment for the key of another rendition. Each init segment has them.
    const isNamed = sameKeyId(state.key.id, this.#named(0).id)
    return encryptor.encrypt(clear, { number, ...(isNamed ? {} : { key: state.key }) })
  }

  /** The key that the first init segment names: the first that there is. */
  #named(from: number): ContentKey {
    for (let period = from; period < this.#plan.periods.count; period++) {
      const key = this.#plan.keyOf(this.#rendition, period)
      if (key !== undefined) return key
    }
    throw new Error('invariant broken: a protected rendition has a key')
  }

  #encryptor(scheme: ProtectionScheme, key: ContentKey, isKeyPicture: boolean): SegmentEncryptor {
    const slot = isKeyPicture ? this.#slots.keyPictures : this.#slots.segments
    const name = `${Buffer.from(key.id).toString('hex')} ${slot}`
    let encryptor = this.#encryptors.get(name)
    if (encryptor === undefined) {
      encryptor = new SegmentEncryptor(this.#rendition.track, this.#clearInit, { scheme, key, slot })
      this.#encryptors.set(name, encryptor)
    }
    return encryptor
  }

  #encryptWhole(clear: Uint8Array, period: number, key: ContentKey): Uint8Array {
    const cipher = createCipheriv('aes-128-cbc', key.key, this.#plan.ivOf(this.#rendition, { period, key }))
    return Buffer.concat([cipher.update(clear), cipher.final()])
  }
}
