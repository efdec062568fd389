/** Clear CMAF segments of one track to encrypted ones: the same segment and key give the same bytes (ISO/IEC 23001-7, 23000-19 section 8). */
import { createHmac } from 'node:crypto'
import { assert } from '../../errors.ts'
import { type Movie, readInitSegment } from '../../media/containers/isobmff/movie.ts'
import type { TrackProtection } from '../../media/containers/isobmff/protection-boxes.ts'
import { BLOCK_BYTES, type ProtectionScheme, patternOf } from '../../media/protection/scheme.ts'
import { type KeyId, sameKeyId } from '../../media/protection/systems.ts'
import type { Track } from '../../media/track.ts'
import { protectableOf } from './protectable.ts'
import { SampleCipher } from './sample-cipher.ts'
import { ClearSegment, SegmentEncryption } from './segment-encryption.ts'

/** A key with its public name. The key itself is never logged and never sent but by a licence. */
export interface ContentKey {
  readonly id: KeyId
  /** 16 bytes. */
  readonly key: Uint8Array
  /** 16 bytes, of `cbcs`: the one for all tracks with the key, where licences bring it with the key (FairPlay). Default: one for each track. */
  readonly constantIv?: Uint8Array
}

export interface SegmentEncryptorOptions {
  readonly scheme: ProtectionScheme
  /** The one that the init segment names. */
  readonly key: ContentKey
  /** Tells apart the tracks that share the key, 0 to 65,535: no two of them may have the same. */
  readonly slot: number
}

/** How one segment is encrypted. */
export interface SegmentKeyOptions {
  /** Default: the key that the init segment names. Where it is another one, or none, each fragment says so (`seig`). */
  readonly key?: ContentKey | 'clear'
  /** Each fragment names its key even where that is the one of the init segment, so that any init segment of the track does for it. */
  readonly named?: boolean
  /**
   * Of the segment, 0 to 2^30 - 1: counters of `cenc` are made of it and of the number of the sample in it. Default: they are made of decode
   * times. Segments of a track under one key either all have a number of their own, or none has.
   */
  readonly number?: number
}

/** A segment on its way: clear fragments in, as they come, encrypted ones out. */
export interface SegmentSession {
  /** Whole fragments (`styp`, `moof`, `mdat`) in their order; the answer is the caller's. Throws FormatError for broken ones. */
  write(fragments: Uint8Array): Uint8Array
}

const MAX_SLOT = 0xffff
const MAX_NUMBER = 2 ** 30 - 1
const CONSTANT_IV_LABEL = 'headend constant iv'

export class SegmentEncryptor {
  /** What the init segment says. */
  readonly protection: TrackProtection
  readonly #track: Track
  readonly #options: SegmentEncryptorOptions
  readonly #movie: Movie

  /** `init`: the clear init segment of the track. Throws FormatError ERR_PROTECTION_CODEC for a codec that cannot be protected. */
  constructor(track: Track, init: Uint8Array, options: SegmentEncryptorOptions) {
    const { scheme, key, slot } = options
    assert(slot >= 0 && slot <= MAX_SLOT, 'a slot has 16 bits')
    // Told now, not with the first segment.
    protectableOf(track, scheme)
    this.#track = track
    this.#options = options
    this.#movie = readInitSegment(init)
    this.protection = this.#protectionOf(key)
  }

  /**
   * An encrypted copy of a clear segment, which begins where decoding can start: what headers depend on is within it. Throws FormatError for a
   * segment that is broken.
   */
  encrypt(segment: Uint8Array, options: SegmentKeyOptions = {}): Uint8Array {
    return this.begin(options).write(segment)
  }

  /** For a segment that comes in parts. Together they are what `encrypt` would make of the whole. */
  begin(options: SegmentKeyOptions = {}): SegmentSession {
    const { key = this.#options.key, named = false, number } = options
    assert(number === undefined || (number >= 0 && number <= MAX_NUMBER), 'a segment number has 30 bits')
    if (key === 'clear') return new ClearSegment(this.#movie)
    const { scheme, slot, key: initKey } = this.#options
    const protection = sameKeyId(key.id, initKey.id) ? this.protection : this.#protectionOf(key)
    return new SegmentEncryption({
      movie: this.#movie,
      protectable: protectableOf(this.#track, scheme),
      protection,
      cipher: new SampleCipher(key.key, scheme, protection.pattern),
      grouped: named || protection !== this.protection,
      slot,
      number,
    })
  }

  #protectionOf(key: ContentKey): TrackProtection {
    const { scheme, slot } = this.#options
    return {
      scheme,
      pattern: patternOf(scheme, this.#track.kind),
      keyId: key.id,
      ...(scheme === 'cbcs' && { constantIv: key.constantIv ?? constantIv(key, slot) }),
    }
  }
}

/** Made of the key, so that whoever packages with it again writes the same bytes; tells nothing about it. */
function constantIv({ id, key }: ContentKey, slot: number): Uint8Array {
  return createHmac('sha256', key)
    .update(CONSTANT_IV_LABEL)
    .update(id)
    .update(Buffer.from([slot >> 8, slot & 0xff]))
    .digest()
    .subarray(0, BLOCK_BYTES)
}
