/** Which segment of a package is encrypted with which key, and what players are told of it. */
import { createHash, createHmac } from 'node:crypto'
import { ConfigError } from '../../errors.ts'
import type { ProtectionScheme } from '../../media/protection/scheme.ts'
import { formatUuid } from '../../media/protection/systems.ts'
import type { OnDemandRendition, Presentation, SegmentSpan } from '../../packaging/on-demand/presentation.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'
import type { ProtectionSignalling } from '../../packaging/protection/signalling.ts'
import { KeyPeriods } from './key-periods.ts'
import {
  isCommonEncryption,
  type KeySignalling,
  keySignalling,
  type SystemSignalling,
  signallingOfBoxes,
} from './key-signalling.ts'
import {
  type AssignedKeys,
  distinctKeys,
  givenKeys,
  type KeyPlan,
  type KeySource,
  type PackageScheme,
  trackOf,
  withSharedIvs,
} from './key-source.ts'

/** Changes with anything that changes the bytes of encrypted segments. */
const FORM = 6
const IV_BYTES = 16

/** How a package is encrypted. */
export interface PackageEncryption {
  /** `aes-128`: whole segments, for HLS only. */
  readonly scheme: PackageScheme
  /** One key for all, or where keys come from. */
  readonly key: ContentKey | KeySource
  /** Another key each so many seconds, from the next segment on. Left out: one for all. */
  readonly rotateSeconds?: number
  /** So many seconds from the beginning stay in the clear, up to the end of a segment; default 0. */
  readonly clearLeadSeconds?: number
  /** Signalled beside Clear Key, for licences given elsewhere. */
  readonly systems?: ProtectionSignalling['systems']
  /** `pssh` boxes made elsewhere, one after the other, for all keys. */
  readonly pssh?: Uint8Array
  /** Of a Clear Key licence server. */
  readonly licenseUrl?: string
  /** Of FairPlay: what follows `skd://`; the key id when left out. */
  readonly fairPlayId?: string
  /** Of `aes-128`: where players get the key; `{kid}` in it stands for its id. Left out: a file in the folder. */
  readonly keyUrl?: string
}

/** What becomes of one segment. */
export type SegmentState = { readonly period: number; readonly key: ContentKey } | 'clear'

export class ProtectionPlan {
  readonly scheme: PackageScheme
  readonly periods: KeyPeriods
  /** 12 hexadecimal digits: another one for other keys, settings or content. */
  readonly token: string
  /** Each once. */
  readonly keys: readonly ContentKey[]
  readonly #encryption: PackageEncryption
  readonly #assigned: AssignedKeys
  readonly #given: readonly SystemSignalling[]
  readonly #signalling = new Map<string, KeySignalling>()

  private constructor(
    { token }: Presentation,
    encryption: PackageEncryption,
    facts: {
      readonly plan: KeyPlan
      readonly periods: KeyPeriods
      readonly assigned: AssignedKeys
      readonly given: readonly SystemSignalling[]
    },
  ) {
    const { plan, periods, assigned, given } = facts
    this.scheme = encryption.scheme
    this.periods = periods
    this.keys = distinctKeys(assigned, plan)
    this.#encryption = encryption
    this.#assigned = assigned
    this.#given = given
    const { key: _, pssh, ...settings } = encryption
    const hash = createHash('sha256').update(`${FORM} ${token} ${JSON.stringify(settings)}`)
    if (pssh !== undefined) hash.update(pssh)
    for (const rendition of plan.tracks.keys()) {
      for (let period = 0; period < periods.count; period++) {
        const key = assigned.keyOf(rendition, period)
        hash.update(`\n${rendition} ${period} ${key === undefined ? 'clear' : `${formatUuid(key.id)} ${tagOf(key)}`}`)
      }
    }
    for (const key of this.keys) hash.update(JSON.stringify(this.signallingOf(key), toHex))
    this.token = hash.digest('hex').slice(0, 12)
  }

  /** Asks for the keys. Throws ConfigError for wrong options, and what the source of the keys throws. */
  static async create(
    clear: Presentation,
    encryption: PackageEncryption,
    signal: AbortSignal,
  ): Promise<ProtectionPlan> {
    const { scheme, key, pssh } = encryption
    checkOptions(encryption)
    const given = pssh === undefined ? [] : [signallingOfBoxes(pssh)]
    const periods = new KeyPeriods(clear.segments, encryption)
    const tracks = new Map(clear.renditions.map((rendition) => [rendition.name, trackOf(rendition)]))
    const plan: KeyPlan = { contentId: `${clear.path} ${clear.token}`, scheme, tracks, periods: periods.count }
    const source = typeof key === 'function' ? key : givenKeys(key)
    const found = await source(plan, signal)
    // A licence of FairPlay brings one IV with the key.
    const assigned = encryption.systems?.includes('fairplay') === true ? withSharedIvs(found) : found
    return new ProtectionPlan(clear, encryption, { plan, periods, assigned, given })
  }

  /** The key that the init segment of a rendition names in a period. `undefined`: the rendition is in the clear. */
  keyOf({ name }: OnDemandRendition, period: number): ContentKey | undefined {
    return this.#assigned.keyOf(name, period)
  }

  /** Whether any of its segments may be encrypted. */
  isProtected(rendition: OnDemandRendition): boolean {
    return this.periods.starts.some((_, period) => this.keyOf(rendition, period) !== undefined)
  }

  stateOf(rendition: OnDemandRendition, span: SegmentSpan): SegmentState {
    const period = this.periods.periodOf(span)
    const key = this.periods.isClear(span) ? undefined : this.keyOf(rendition, period)
    return key === undefined ? 'clear' : { period, key }
  }

  /** What players are told of a key under Common Encryption. */
  signallingOf({ id }: ContentKey): KeySignalling {
    const uuid = formatUuid(id)
    const known = this.#signalling.get(uuid)
    if (known !== undefined) return known
    const { scheme, systems = [], licenseUrl, fairPlayId } = this.#encryption
    const own = this.#assigned.signalling?.get(uuid)
    const told = keySignalling(
      id,
      {
        scheme: isCommonEncryption(scheme) ? scheme : 'cbcs',
        systems,
        ...(licenseUrl === undefined ? {} : { licenseUrl }),
        ...(fairPlayId === undefined ? {} : { fairPlayId }),
      },
      [...this.#given, ...(own === undefined ? [] : [own])],
    )
    this.#signalling.set(uuid, told)
    return told
  }

  /** Of `aes-128`: the address in the playlists, and the file of that name where the key is put when it has no other place. */
  keyUrlOf({ id }: ContentKey): { readonly url: string; readonly file: boolean } {
    const { keyUrl } = this.#encryption
    const uuid = formatUuid(id)
    return keyUrl === undefined
      ? { url: `${uuid}.key`, file: true }
      : { url: keyUrl.replaceAll('{kid}', uuid), file: false }
  }

  /** Of `aes-128`: of all segments of a rendition in a period, and of its init segment. Made of the key, so that it tells nothing about it. */
  ivOf({ name }: OnDemandRendition, { period, key }: Exclude<SegmentState, 'clear'>): Uint8Array {
    return createHmac('sha256', key.key).update(`${this.token} ${name} ${period}`).digest().subarray(0, IV_BYTES)
  }

  /** For those who know Common Encryption only. */
  get commonScheme(): ProtectionScheme | undefined {
    return isCommonEncryption(this.scheme) ? this.scheme : undefined
  }
}

function checkOptions({ scheme, systems = [], pssh, licenseUrl, fairPlayId, keyUrl }: PackageEncryption): void {
  const isWhole = scheme === 'aes-128'
  if (isWhole && (systems.length > 0 || pssh !== undefined || licenseUrl !== undefined || fairPlayId !== undefined)) {
    throw new ConfigError('ERR_PACKAGE_INPUT', 'expected no licences and systems beside aes-128, found some')
  }
  if (!isWhole && keyUrl !== undefined) {
    throw new ConfigError(
      'ERR_PACKAGE_INPUT',
      `expected an address of keys beside aes-128 only, found one for ${scheme}`,
    )
  }
  if (scheme === 'cenc' && systems.includes('fairplay')) {
    throw new ConfigError('ERR_PACKAGE_INPUT', 'expected the scheme cbcs for FairPlay, found cenc')
  }
}

/** Tells two keys with the same id apart, and nothing about them. */
function tagOf({ key, constantIv = new Uint8Array(0) }: ContentKey): string {
  return createHmac('sha256', key).update('headend package').update(constantIv).digest('hex')
}

function toHex(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
}
