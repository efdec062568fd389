/** Which bytes of one sample are protected, in the form that `senc` stores: ISO/IEC 23001-7 sections 7.2.2 and 9.5. */
import { FormatError } from '../../errors.ts'
import { BLOCK_BYTES, type ProtectionScheme, SAMPLE_IV_BYTES, type Subsample } from './scheme.ts'

/** BytesOfClearData has 16 bits. */
const MAX_CLEAR_BYTES = 0xffff
/** A sample's entry in `saiz` is one byte: so many bytes of IV, count and ranges at most. */
const MAX_AUXILIARY_BYTES = 255
const COUNT_BYTES = 2
const RANGE_BYTES = 6

/** Ranges that one sample may have. */
export function maxSubsamples(scheme: ProtectionScheme): number {
  const ivBytes = scheme === 'cenc' ? SAMPLE_IV_BYTES : 0
  return Math.floor((MAX_AUXILIARY_BYTES - ivBytes - COUNT_BYTES) / RANGE_BYTES)
}

/** Gathers the pieces of one sample in their order. */
export class SubsampleMap {
  readonly #scheme: ProtectionScheme
  #pieces: Subsample[] = []

  constructor(scheme: ProtectionScheme) {
    this.#scheme = scheme
  }

  /** A piece of the sample: its first `clear` bytes must stay, the `rest` may be protected. */
  add(clear: number, rest: number): void {
    // Counter mode goes on in whole blocks from range to range; in cbcs less than a block stays clear anyway.
    const protectable = this.#scheme === 'cenc' ? rest - (rest % BLOCK_BYTES) : rest < BLOCK_BYTES ? 0 : rest
    const before = this.#pieces.at(-1)
    const kept = clear + rest - protectable
    if (before?.protected === 0)
      this.#pieces[this.#pieces.length - 1] = { clear: before.clear + kept, protected: protectable }
    else this.#pieces.push({ clear: kept, protected: protectable })
  }

  /**
   * The ranges, of which the sum is the size of the sample. Where they are too many, the smallest protected ones are left clear. Throws
   * FormatError for a sample whose clear bytes alone are more than a map can hold, which is above two megabytes.
   */
  finish(): readonly Subsample[] {
    const pieces = this.#pieces
    this.#pieces = []
    const most = maxSubsamples(this.#scheme)
    let ranges = divided(pieces)
    for (let kept = most; ranges.length > most; kept -= Math.max(1, ranges.length - most)) {
      if (kept < 0) {
        throw new FormatError(
          'ERR_PROTECTION_MAP',
          `expected a sample whose map of clear and protected bytes has at most ${most} ranges, found ${ranges.length}`,
        )
      }
      ranges = divided(withLargest(pieces, kept))
    }
    return ranges
  }
}

/** Only the `count` largest protected ranges stay protected. */
function withLargest(pieces: readonly Subsample[], count: number): Subsample[] {
  const bySize = [...pieces.keys()].toSorted((left, right) => protectedIn(pieces, right) - protectedIn(pieces, left))
  const kept = new Set(bySize.slice(0, count))
  const joined: Subsample[] = []
  let clear = 0
  for (const [index, piece] of pieces.entries()) {
    clear += piece.clear
    if (kept.has(index) && piece.protected > 0) {
      joined.push({ clear, protected: piece.protected })
      clear = 0
    } else clear += piece.protected
  }
  if (clear > 0) joined.push({ clear, protected: 0 })
  return joined
}

function protectedIn(pieces: readonly Subsample[], index: number): number {
  return pieces[index]?.protected ?? 0
}

/** Clear runs that 16 bits cannot count become several. */
function divided(pieces: readonly Subsample[]): Subsample[] {
  const ranges: Subsample[] = []
  for (const piece of pieces) {
    let { clear } = piece
    for (; clear > MAX_CLEAR_BYTES; clear -= MAX_CLEAR_BYTES) ranges.push({ clear: MAX_CLEAR_BYTES, protected: 0 })
    if (clear > 0 || piece.protected > 0) ranges.push({ clear, protected: piece.protected })
  }
  return ranges
}
