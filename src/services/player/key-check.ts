/**
 * Finds keys that do not fit. Decryption under Common Encryption never fails: a wrong key makes noise, which breaks rules of the codec that
 * encoders keep, some samples sooner than others. Codecs without such rules are believed.
 */
import { FormatError } from '../../errors.ts'
import { AAC_OBJECT_TYPE, readAacConfig } from '../../media/codecs/aac/config.ts'
import { nalUnits } from '../../media/codecs/nal-units.ts'
import { formatUuid, type KeyId } from '../../media/protection/systems.ts'
import type { Track } from '../../media/track.ts'

/** One sample may be broken for other reasons. */
const MIN_BROKEN = 4
const START_CODE = Buffer.of(0, 0)
/** Elements of AAC that no frame of the common kinds begins with: coupling channel, low frequencies, end (ISO/IEC 14496-3 table 4.85). */
const LATE_ELEMENTS: ReadonlySet<number> = new Set([2, 3, 7])

/** Of one track. */
export class KeyCheck {
  readonly #track: Track
  readonly #isBroken: (sample: Uint8Array) => boolean
  #key = ''
  #samples = 0
  #broken = 0

  /** `unitLengthBytes`: of the length before each unit of H.264 and H.265. */
  constructor(track: Track, unitLengthBytes: number | undefined) {
    this.#track = track
    this.#isBroken = ruleOf(track, unitLengthBytes)
  }

  /**
   * Takes a sample that was decrypted. Throws FormatError ERR_PLAY_WRONG_KEY once noise has shown itself: sound in less than a
   * second, pictures after some megabytes; of pictures under `cbcs` too little is encrypted to tell soon.
   */
  add(keyId: KeyId, sample: Uint8Array): void {
    const key = formatUuid(keyId)
    if (key !== this.#key) {
      this.#key = key
      this.#samples = 0
      this.#broken = 0
    }
    this.#samples++
    if (!this.#isBroken(sample)) return
    this.#broken++
    // Encoders that break a rule break it all the time; noise, now and then.
    if (this.#broken < MIN_BROKEN || this.#broken * 2 >= this.#samples) return
    throw new FormatError(
      'ERR_PLAY_WRONG_KEY',
      `expected ${this.#track.codec} under the key ${key}, found noise in ${this.#broken} of ${this.#samples} samples: the key of this id is another one`,
    )
  }
}

function ruleOf({ codec, config }: Track, unitLengthBytes: number | undefined): (sample: Uint8Array) => boolean {
  if ((codec === 'h264' || codec === 'h265') && unitLengthBytes !== undefined) {
    return (sample) => unitsOf(sample, unitLengthBytes).some(isBrokenUnit)
  }
  if (codec === 'aac' && config !== undefined && readAacConfig(config).objectType === AAC_OBJECT_TYPE.LC) {
    return ([first = 0]) => LATE_ELEMENTS.has(first >> 5)
  }
  return () => false
}

function unitsOf(sample: Uint8Array, unitLengthBytes: number): readonly Uint8Array[] {
  try {
    return nalUnits(sample, unitLengthBytes)
  } catch {
    // Lengths are in the clear: they are as the packager had them.
    return []
  }
}

/** No unit ends with a zero, or has two zeros before a byte below 3 (ITU-T H.264 section 7.4.1). */
function isBrokenUnit(unit: Uint8Array): boolean {
  if (unit.at(-1) === 0) return true
  const bytes = Buffer.from(unit.buffer, unit.byteOffset, unit.byteLength)
  for (let at = bytes.indexOf(START_CODE); at >= 0; at = bytes.indexOf(START_CODE, at + 1)) {
    if ((bytes[at + 2] ?? 0) < 3) return true
  }
  return false
}
