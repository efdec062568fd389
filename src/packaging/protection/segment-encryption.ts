/** One clear segment to an encrypted one, as a whole or part by part as it grows: the same bytes either way (ISO/IEC 23001-7, 23000-19 section 8). */
import { assert } from '../../errors.ts'
import { type ClearSample, protectFragments } from '../../media/containers/isobmff/fragment-protection.ts'
import type { Movie } from '../../media/containers/isobmff/movie.ts'
import type { FragmentProtection, TrackProtection } from '../../media/containers/isobmff/protection-boxes.ts'
import { SAMPLE_IV_BYTES } from '../../media/protection/scheme.ts'
import type { Protectable } from './protectable.ts'
import type { SampleCipher } from './sample-cipher.ts'

export interface SegmentEncryptionOptions {
  /** Of the clear init segment. */
  readonly movie: Movie
  /** New for this segment: what headers depend on is within it. */
  readonly protectable: Protectable
  readonly protection: TrackProtection
  /** With the key of `protection`. */
  readonly cipher: SampleCipher
  /** The fragments name the key. */
  readonly grouped: boolean
  readonly slot: number
  /** See `SegmentKeyOptions.number`. */
  readonly number: number | undefined
}

const SLOT_BYTES = 2
const TIME_BYTES = SAMPLE_IV_BYTES - SLOT_BYTES
/** Decode times may be negative by the reordering delay and what an edit list cuts off. */
const TIME_BIAS = 2 ** 40
/** Samples that a numbered segment can have. */
const MAX_NUMBERED_SAMPLES = 2 ** 18

/** Use `SegmentEncryptor.begin`. */
export class SegmentEncryption {
  readonly #options: SegmentEncryptionOptions
  #samples = 0
  #lastTime = Number.NEGATIVE_INFINITY

  constructor(options: SegmentEncryptionOptions) {
    this.#options = options
  }

  /** An encrypted copy of the next fragments of the segment, whole ones. Throws FormatError for fragments that are broken. */
  write(fragments: Uint8Array): Uint8Array {
    const { movie, cipher, protection } = this.#options
    const { bytes, fragments: placed } = protectFragments(fragments, movie, (samples) => this.#plan(samples))
    cipher.encryptAll(
      placed.flatMap(({ samples, protection: own }) =>
        samples.map((sample, i) => ({
          bytes: sample,
          iv: protection.constantIv ?? (own.ivs[i] as Uint8Array),
          ranges: own.subsamples?.[i],
        })),
      ),
    )
    return bytes
  }

  #plan(samples: readonly ClearSample[]): FragmentProtection {
    const { protectable, protection, grouped } = this.#options
    const maps = samples.map(({ data }) => protectable.map(data))
    const whole = maps.every((map) => map === undefined)
    const fragment: FragmentProtection = {
      ivs: protection.constantIv === undefined ? samples.map(({ location }) => this.#iv(location.dts)) : [],
      subsamples: whole ? undefined : maps.map((map) => map ?? []),
      ...(grouped && { group: protection }),
    }
    return fragment
  }

  /**
   * No two samples under one key begin with the same counter block, as the other half of it counts within the sample: behind the slot stands the
   * sample's number in its numbered segment, or its decode time, moved on where two samples have the same.
   */
  #iv(dts: number): Uint8Array {
    const { slot, number } = this.#options
    const iv = Buffer.allocUnsafe(SAMPLE_IV_BYTES)
    iv.writeUInt16BE(slot)
    iv.writeUIntBE(number === undefined ? this.#time(dts) : this.#count(number), SLOT_BYTES, TIME_BYTES)
    return iv
  }

  #count(number: number): number {
    assert(this.#samples < MAX_NUMBERED_SAMPLES, `a segment has at most ${MAX_NUMBERED_SAMPLES} samples`)
    return number * MAX_NUMBERED_SAMPLES + this.#samples++
  }

  #time(dts: number): number {
    const time = Math.max(this.#lastTime + 1, dts + TIME_BIAS)
    assert(time >= 0 && time < 2 ** (8 * TIME_BYTES), 'a decode time has 48 bits: eight years')
    this.#lastTime = time
    return time
  }
}

/** A segment that stays clear under a protected init segment: its fragments say so. */
export class ClearSegment {
  readonly #movie: Movie

  constructor(movie: Movie) {
    this.#movie = movie
  }

  write(fragments: Uint8Array): Uint8Array {
    const protection: FragmentProtection = { ivs: [], subsamples: undefined, group: 'clear' }
    return protectFragments(fragments, this.#movie, () => protection).bytes
  }
}
