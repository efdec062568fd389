/** Clear CMAF segments of one track to encrypted ones: the same segment and key give the same bytes (ISO/IEC 23001-7, 23000-19 section 8). */
import { createHmac } from 'node:crypto'
import { assert } from '../../errors.ts'
import {
  type ClearSample,
  type PlannedFragment,
  protectFragments,
} from '../../media/containers/isobmff/fragment-protection.ts'
import { type Movie, readInitSegment } from '../../media/containers/isobmff/movie.ts'
import type { TrackProtection } from '../../media/containers/isobmff/protection-boxes.ts'
import { BLOCK_BYTES, type ProtectionScheme, patternOf, SAMPLE_IV_BYTES } from '../../media/protection/scheme.ts'
import type { KeyId } from '../../media/protection/systems.ts'
import type { Track } from '../../media/track.ts'
import { protectableOf } from './protectable.ts'
import { SampleCipher } from './sample-cipher.ts'

/** A key with its public name. The key itself is never logged and never sent but by a licence. */
export interface ContentKey {
  readonly id: KeyId
  /** 16 bytes. */
  readonly key: Uint8Array
}

export interface SegmentEncryptorOptions {
  readonly scheme: ProtectionScheme
  readonly key: ContentKey
  /** Tells apart the tracks that share the key, 0 to 65,535: no two of them may have the same. */
  readonly slot: number
}

const MAX_SLOT = 0xffff
const TIME_BYTES = 6
/** Decode times may be negative by the reordering delay and what an edit list cuts off. */
const TIME_BIAS = 2 ** 40
const CONSTANT_IV_LABEL = 'headend constant iv'

export class SegmentEncryptor {
  /** What the init segment says. */
  readonly protection: TrackProtection
  readonly #track: Track
  readonly #scheme: ProtectionScheme
  readonly #movie: Movie
  readonly #slot: number
  readonly #cipher: SampleCipher

  /** `init`: the clear init segment of the track. Throws FormatError ERR_PROTECTION_CODEC for a codec that cannot be protected. */
  constructor(track: Track, init: Uint8Array, { scheme, key, slot }: SegmentEncryptorOptions) {
    assert(slot >= 0 && slot <= MAX_SLOT, 'a slot has 16 bits')
    // Told now, not with the first segment.
    protectableOf(track, scheme)
    const pattern = patternOf(scheme, track.kind)
    this.#track = track
    this.#scheme = scheme
    this.#movie = readInitSegment(init)
    this.#slot = slot
    this.#cipher = new SampleCipher(key.key, scheme, pattern)
    this.protection = {
      scheme,
      pattern,
      keyId: key.id,
      ...(scheme === 'cbcs' && { constantIv: constantIv(key, slot) }),
    }
  }

  /**
   * An encrypted copy of a clear segment, which begins where decoding can start: what headers depend on is within it. Throws FormatError for a
   * segment that is broken.
   */
  encrypt(segment: Uint8Array): Uint8Array {
    const protectable = protectableOf(this.#track, this.#scheme)
    const constant = this.protection.constantIv
    const { bytes, fragments } = protectFragments(segment, this.#movie, (samples): PlannedFragment => {
      const maps = samples.map(({ data }) => protectable.map(data))
      const whole = maps.every((map) => map === undefined)
      return {
        protection: {
          ivs: constant === undefined ? this.#ivsOf(samples) : [],
          subsamples: whole ? undefined : maps.map((map) => map ?? []),
        },
      }
    })
    for (const { samples, protection } of fragments) {
      for (const [i, sample] of samples.entries()) {
        this.#cipher.encrypt(sample, constant ?? (protection.ivs[i] as Uint8Array), protection.subsamples?.[i])
      }
    }
    return bytes
  }

  /**
   * Track and decode time in microseconds, moved on where two samples have the same: no two samples under one key begin with the same counter
   * block, as the other half of it counts within the sample.
   */
  #ivsOf(samples: readonly ClearSample[]): Uint8Array[] {
    let last = Number.NEGATIVE_INFINITY
    return samples.map(({ location }) => {
      last = Math.max(last + 1, location.dts + TIME_BIAS)
      assert(last >= 0 && last < 2 ** (8 * TIME_BYTES), 'a decode time has 48 bits: eight years')
      const iv = Buffer.alloc(SAMPLE_IV_BYTES)
      iv.writeUInt16BE(this.#slot)
      iv.writeUIntBE(last, SAMPLE_IV_BYTES - TIME_BYTES, TIME_BYTES)
      return iv
    })
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
