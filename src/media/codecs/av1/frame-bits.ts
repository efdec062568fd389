/** Parts of AV1 frame headers that only have to be passed over, and the codes they use: AV1 specification sections 4.10 and 5.9. */
import type { BitReader } from '../../bytes/bit-reader.ts'

/** ns(n): section 4.10.7. */
export function readNonSymmetric(bits: BitReader, count: number): number {
  if (count <= 1) return 0
  const width = Math.floor(Math.log2(count)) + 1
  const short = 2 ** width - count
  const value = bits.bits(width - 1)
  return value < short ? value : value * 2 - short + bits.bits(1)
}

/** su(1 + count): section 4.10.6. */
export function readSigned(bits: BitReader, count: number): number {
  const value = bits.bits(count + 1)
  return value >= 2 ** count ? value - 2 ** (count + 1) : value
}

/** delta_q of section 5.9.13. */
export function readDelta(bits: BitReader): number {
  return bits.flag() ? readSigned(bits, 6) : 0
}

/** loop_filter_params: section 5.9.11. */
export function skipLoopFilter(bits: BitReader, hasChroma: boolean): void {
  const first = bits.bits(6)
  const second = bits.bits(6)
  if (hasChroma && (first > 0 || second > 0)) bits.skip(12)
  bits.skip(3) // loop_filter_sharpness
  if (!bits.flag() || !bits.flag()) return
  for (let i = 0; i < 8 + 2; i++) if (bits.flag()) bits.skip(7)
}

/** cdef_params: section 5.9.19. */
export function skipCdef(bits: BitReader, hasChroma: boolean): void {
  bits.skip(2) // cdef_damping_minus_3
  const strengths = 2 ** bits.bits(2)
  bits.skip(strengths * (hasChroma ? 12 : 6))
}

/** lr_params: section 5.9.20. */
export function skipRestoration(
  bits: BitReader,
  options: { readonly planes: number; readonly largeSuperblocks: boolean; readonly subsampled: boolean },
): void {
  const types = Array.from({ length: options.planes }, () => bits.bits(2))
  if (types.every((type) => type === 0)) return
  // With large superblocks the shift begins at one already.
  if (bits.flag() && !options.largeSuperblocks) bits.skip(1)
  if (options.subsampled && types.slice(1).some((type) => type !== 0)) bits.skip(1) // lr_uv_shift
}

/** GM_ABS_ALPHA_BITS and others: section 3. */
const ALPHA_BITS = 12
const TRANSLATION_BITS = 12
const TRANSLATION_ONLY_BITS = 9

/** global_motion_params of inter frames: section 5.9.24. The values depend on earlier frames, the number of bits does not. */
export function skipGlobalMotion(bits: BitReader, references: number, highPrecision: boolean): void {
  for (let i = 0; i < references; i++) {
    if (!bits.flag()) continue
    const zoom = bits.flag()
    const translation = !zoom && bits.flag()
    if (!translation) {
      skipSubexp(bits, ALPHA_BITS)
      skipSubexp(bits, ALPHA_BITS)
      if (!zoom) {
        skipSubexp(bits, ALPHA_BITS)
        skipSubexp(bits, ALPHA_BITS)
      }
    }
    const width = translation ? TRANSLATION_ONLY_BITS - (highPrecision ? 0 : 1) : TRANSLATION_BITS
    skipSubexp(bits, width)
    skipSubexp(bits, width)
  }
}

/** decode_signed_subexp_with_ref of a value of so many bits beside its sign: section 5.9.26. */
function skipSubexp(bits: BitReader, width: number): void {
  const symbols = 2 * 2 ** width + 1
  let low = 0
  for (let i = 0; ; i++) {
    const step = i === 0 ? 3 : i + 2
    const size = 2 ** step
    if (symbols <= low + 3 * size) {
      readNonSymmetric(bits, symbols - low)
      return
    }
    if (!bits.flag()) {
      bits.skip(step)
      return
    }
    low += size
  }
}

/** film_grain_params behind apply_grain: section 5.9.30. */
export function skipFilmGrain(
  bits: BitReader,
  options: { readonly inter: boolean; readonly monochrome: boolean; readonly subsampled: boolean },
): void {
  bits.skip(16) // grain_seed
  if (options.inter && !bits.flag()) {
    bits.skip(3) // film_grain_params_ref_idx
    return
  }
  const luma = skipPoints(bits)
  const fromLuma = !options.monochrome && bits.flag()
  const withoutChroma = options.monochrome || fromLuma || (options.subsampled && luma === 0)
  const cb = withoutChroma ? 0 : skipPoints(bits)
  const cr = withoutChroma ? 0 : skipPoints(bits)
  bits.skip(2) // grain_scaling_minus_8
  const lag = bits.bits(2)
  const positions = 2 * lag * (lag + 1)
  if (luma > 0) bits.skip(8 * positions)
  const chromaPositions = positions + (luma > 0 ? 1 : 0)
  if (fromLuma || cb > 0) bits.skip(8 * chromaPositions)
  if (fromLuma || cr > 0) bits.skip(8 * chromaPositions)
  bits.skip(2 + 2) // ar_coeff_shift_minus_6, grain_scale_shift
  if (cb > 0) bits.skip(8 + 8 + 9)
  if (cr > 0) bits.skip(8 + 8 + 9)
  bits.skip(2) // overlap_flag, clip_to_restricted_range
}

function skipPoints(bits: BitReader): number {
  const count = bits.bits(4)
  bits.skip(16 * count)
  return count
}
