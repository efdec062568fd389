/** How the segments of one live path are encrypted, in this run and in those before it: the same segment always to the same bytes. */
import { createHash } from 'node:crypto'
import { withProtection } from '../../media/containers/isobmff/init-protection.ts'
import type { ContentProtection } from '../../media/manifests/dash/model.ts'
import type { Key } from '../../media/manifests/hls/model.ts'
import type { KeyId } from '../../media/protection/systems.ts'
import { MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'
import type { ContentKeys } from './content-keys.ts'
import { type ProtectSettings, signallingOf } from './protect-settings.ts'
import { type ContentKey, SegmentEncryptor, type SegmentSession } from './segment-encryptor.ts'
import { contentProtections, hlsKeys, initHeaders, type KeyLines, type ProtectionSignalling } from './signalling.ts'

/** Changes with anything that changes the bytes of encrypted segments. */
const FORM = 1
/** Keys and encryptors that are kept at hand: those of the tracks around a change of the key, and of who has gone back. */
const MAX_KEPT = 64
/** Tracks that share a key have slots of 16 bits. */
const SLOTS = 0x1_0000

/** Which key a segment is under. */
export interface SegmentKey {
  readonly id: KeyId
  /** Stretches of time between changes of the key, counting from the beginning of the stream's time. */
  readonly period: number
  /** Stream time of the first segment under it, in its period of the stream. */
  readonly start: Micros
}

/** What the keys of a segment are made from. */
export interface ProtectedTrack {
  /** Token of the run that the segment is of, as the packager made it. */
  readonly run: string
  readonly track: Track
  /** The clear init segment. */
  readonly init: Uint8Array
  readonly keyPeriod: number
}

export class StreamProtection {
  readonly path: string
  readonly settings: ProtectSettings
  readonly #keys: ContentKeys
  readonly #signalling: ProtectionSignalling
  #matching: ProtectSettings
  readonly #kept = new Map<string, ContentKey>()
  readonly #encryptors = new Map<string, SegmentEncryptor>()
  /** Of init segments. */
  readonly #digests = new WeakMap<Uint8Array, string>()
  readonly #tokens = new Map<string, string>()
  readonly #lines = new Map<string, readonly Key[]>()

  constructor(path: string, settings: ProtectSettings, keys: ContentKeys) {
    this.path = path
    this.settings = settings
    this.#matching = settings
    this.#keys = keys
    this.#signalling = signallingOf(settings)
  }

  /** Whether it is as other settings say: asked for with each packet and request, and compared when settings were read again. */
  matches(settings: ProtectSettings | undefined): boolean {
    if (settings === undefined || settings === this.#matching) return settings !== undefined
    if (formOf(settings) !== formOf(this.settings)) return false
    this.#matching = settings
    return true
  }

  /** The token in the names of encrypted segments of a run: theirs alone, as names stand for the same bytes for ever. Content of the keys, too. */
  tokenOf(run: string): string {
    return keep(this.#tokens, run, () =>
      createHash('sha256')
        .update(`${FORM} ${run} ${formOf(this.settings)}`)
        .digest('hex')
        .slice(0, run.length),
    )
  }

  /** By the stream time at which a segment of all renditions begins. */
  keyPeriodOf(start: Micros): number {
    const { rotateSeconds } = this.settings
    return rotateSeconds === undefined ? 0 : Math.max(0, Math.floor(start / (rotateSeconds * MICROS_PER_SECOND)))
  }

  /** Tracks share keys, as far as there are slots for them. Throws what `ContentKeys.keyFor` throws. */
  keyOf(run: string, { id }: Track, period: number): ContentKey {
    const bank = Math.floor(id / SLOTS)
    const content = `${this.tokenOf(run)}${bank === 0 ? '' : `/${bank}`}`
    return keep(this.#kept, `${content} ${period}`, () => this.#keys.keyFor({ path: this.path, content, period }))
  }

  /** Makes the key that will follow, so that licences can tell it before its first segment. */
  announce(run: string, track: Track, period: number): void {
    if (this.settings.rotateSeconds !== undefined) this.keyOf(run, track, period + 1)
  }

  /** The init segment of a key. Throws FormatError ERR_PROTECTION_CODEC for a codec that cannot be protected. */
  init(track: ProtectedTrack): Buffer {
    const { protection } = this.#encryptorOf(track)
    const bytes = withProtection(track.init, protection, initHeaders(protection.keyId, this.#signalling))
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /**
   * A segment that begins. Where keys change each of its fragments names the key; boxes that ask for a licence (`pssh`) are in init segments
   * alone: hls.js asks for keys when it meets one, and loses track of those it is loading already.
   */
  begin(track: ProtectedTrack, number: number): SegmentSession {
    const rotating = this.settings.rotateSeconds !== undefined
    return this.#encryptorOf(track).begin({ number, named: rotating })
  }

  hlsKeys({ id }: SegmentKey, lines: KeyLines): readonly Key[] {
    // The same object each time: playlists write keys where they change.
    return keep(this.#lines, `${lines} ${hex(id)}`, () => hlsKeys(id, this.#signalling, lines))
  }

  contentProtections({ id }: SegmentKey): readonly ContentProtection[] {
    return contentProtections(id, this.#signalling)
  }

  #encryptorOf({ run, track, init, keyPeriod }: ProtectedTrack): SegmentEncryptor {
    const key = this.keyOf(run, track, keyPeriod)
    let digest = this.#digests.get(init)
    if (digest === undefined) {
      digest = createHash('sha256').update(init).digest('base64')
      this.#digests.set(init, digest)
    }
    return keep(this.#encryptors, `${hex(key.id)} ${track.id} ${digest}`, () => {
      return new SegmentEncryptor(track, init, { scheme: this.settings.scheme, key, slot: track.id % SLOTS })
    })
  }
}

function formOf({ scheme, rotateSeconds, systems, licenseUrl }: ProtectSettings): string {
  return JSON.stringify([scheme, rotateSeconds ?? 0, systems, licenseUrl ?? ''])
}

/** The value of a key, made now when it is not there; the oldest go when there are many. */
function keep<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  for (const oldest of map.keys()) {
    if (map.size <= MAX_KEPT) break
    map.delete(oldest)
  }
  return made
}

function hex(id: KeyId): string {
  return Buffer.from(id).toString('hex')
}
