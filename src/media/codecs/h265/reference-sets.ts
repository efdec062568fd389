/** Short-term reference picture sets of H.265, in sequence parameter sets and slice headers: ITU-T H.265 sections 7.3.7 and 7.4.8. */
import { FormatError } from '../../../errors.ts'
import type { BitReader } from '../../bytes/bit-reader.ts'

/** Sets of one SPS. */
export const MAX_SHORT_TERM_SETS = 64
/** Pictures of one set (section 7.4.3.2.1 limits them by sps_max_dec_pic_buffering, at most 16). */
const MAX_REFERENCE_PICTURES = 16

/** A picture that may be referred to. */
interface ReferencePicture {
  /** Distance in picture order; negative for those shown before. */
  readonly delta: number
  /** By the current picture itself, not only by later ones. */
  readonly used: boolean
}

/** Nearest first: those before the current picture, then those after it. */
export type ReferenceSet = readonly ReferencePicture[]

/** How many of a set the current picture refers to. */
export function usedCount(set: ReferenceSet): number {
  return set.filter(({ used }) => used).length
}

/** All sets of an SPS. */
export function readReferenceSets(bits: BitReader): ReferenceSet[] {
  const count = bits.ue()
  if (count > MAX_SHORT_TERM_SETS) throw tooMany('num_short_term_ref_pic_sets', MAX_SHORT_TERM_SETS, count)
  const sets: ReferenceSet[] = []
  for (let index = 0; index < count; index++) sets.push(readReferenceSet(bits, sets, false))
  return sets
}

/** st_ref_pic_set: after `sets`, of the SPS; `inSlice`: the set of a slice header, which may be told by any of them. */
export function readReferenceSet(bits: BitReader, sets: readonly ReferenceSet[], inSlice: boolean): ReferenceSet {
  if (sets.length > 0 && bits.flag()) {
    const distance = inSlice ? bits.ue() + 1 : 1
    const source = sets[sets.length - distance]
    if (source === undefined) throw tooMany('delta_idx_minus1 + 1', sets.length, distance)
    return readPredicted(bits, source)
  }
  const before = bits.ue()
  const after = bits.ue()
  if (before + after > MAX_REFERENCE_PICTURES)
    throw tooMany('reference pictures', MAX_REFERENCE_PICTURES, before + after)
  return [...readRun(bits, before, -1), ...readRun(bits, after, 1)]
}

function readRun(bits: BitReader, count: number, direction: 1 | -1): ReferencePicture[] {
  const run: ReferencePicture[] = []
  let delta = 0
  for (let i = 0; i < count; i++) {
    delta += direction * (bits.ue() + 1)
    run.push({ delta, used: bits.flag() })
  }
  return run
}

/** A set that is told by the differences to another one (equations 7-61 and 7-62). */
function readPredicted(bits: BitReader, source: ReferenceSet): ReferenceSet {
  const sign = bits.flag() ? -1 : 1
  const shift = sign * (bits.ue() + 1)
  const found: ReferencePicture[] = []
  // The last one stands for the picture that the other set belongs to.
  for (const { delta } of [...source, { delta: 0 }]) {
    const used = bits.flag()
    const kept = used || bits.flag()
    if (kept && delta + shift !== 0) found.push({ delta: delta + shift, used })
  }
  if (found.length > MAX_REFERENCE_PICTURES) throw tooMany('reference pictures', MAX_REFERENCE_PICTURES, found.length)
  const before = found.filter(({ delta }) => delta < 0).toSorted((left, right) => right.delta - left.delta)
  const after = found.filter(({ delta }) => delta > 0).toSorted((left, right) => left.delta - right.delta)
  return [...before, ...after]
}

function tooMany(field: string, most: number, found: number): FormatError {
  return new FormatError('ERR_CODEC_BITSTREAM', `expected ${field} of at most ${most} in H.265, found ${found}`)
}
