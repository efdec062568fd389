/** What later AV1 frames take over from earlier ones, as far as frame headers depend on it: AV1 specification sections 7.8 and 7.20. */
import { FormatError } from '../../../errors.ts'

/** NUM_REF_FRAMES. */
export const AV1_REFERENCES = 8
/** REFS_PER_FRAME. */
export const AV1_REFERENCES_PER_FRAME = 7

/** Segmentation features: for each of eight segments, the value of each enabled one of eight features. */
export type Av1Segmentation = readonly (ReadonlyMap<number, number> | undefined)[]

/** A frame that was decoded. */
export interface Av1Reference {
  readonly upscaledWidth: number
  readonly frameHeight: number
  readonly orderHint: number
  readonly key: boolean
  readonly segmentation: Av1Segmentation
}

/** get_relative_dist: section 5.9.3. */
export function relativeDistance(a: number, b: number, orderHintBits: number): number {
  if (orderHintBits === 0) return 0
  const difference = a - b
  const half = 1 << (orderHintBits - 1)
  return (difference & (half - 1)) - (difference & half)
}

/** Places of named references in ref_frame_idx. */
const GOLDEN = 3
const BACKWARD = 4
const ALTERNATE_2 = 5
const ALTERNATE = 6
/** LAST2, LAST3 and what found no frame that is shown later. */
const FORWARD_ORDER = [1, 2, BACKWARD, ALTERNATE_2, ALTERNATE] as const

/** set_frame_refs: all references told by two of them and the order hints (section 7.8). */
export function impliedReferences(
  hints: readonly number[],
  current: number,
  orderHintBits: number,
  named: { readonly last: number; readonly golden: number },
): readonly number[] {
  const indexes: (number | undefined)[] = Array.from({ length: AV1_REFERENCES_PER_FRAME }, () => undefined)
  const used = new Set<number>()
  const distance = hints.map((hint) => relativeDistance(hint, current, orderHintBits))
  const take = (place: number, index: number | undefined) => {
    if (index === undefined) return
    indexes[place] = index
    used.add(index)
  }
  /** Of the unused ones that `fits`, the one that is later (or earlier) than all; of equal ones the last (or first). */
  const find = (fits: (distance: number) => boolean, latest: boolean): number | undefined => {
    let found: number | undefined
    for (const [index, value] of distance.entries()) {
      if (used.has(index) || !fits(value)) continue
      const best = found === undefined ? undefined : (distance[found] ?? 0)
      if (best === undefined || (latest ? value >= best : value < best)) found = index
    }
    return found
  }
  take(0, named.last)
  take(GOLDEN, named.golden)
  take(
    ALTERNATE,
    find((value) => value >= 0, true),
  )
  take(
    BACKWARD,
    find((value) => value >= 0, false),
  )
  take(
    ALTERNATE_2,
    find((value) => value >= 0, false),
  )
  for (const place of FORWARD_ORDER) {
    if (indexes[place] === undefined)
      take(
        place,
        find((value) => value < 0, true),
      )
  }
  used.clear()
  const earliest = find(() => true, false) ?? 0
  return indexes.map((index) => index ?? earliest)
}

/** Whether skip_mode_present is in the header: section 5.9.22. */
export function allowsSkipMode(hints: readonly number[], current: number, orderHintBits: number): boolean {
  if (orderHintBits === 0) return false
  const distances = hints.map((hint) => relativeDistance(hint, current, orderHintBits))
  const before = distances.filter((distance) => distance < 0)
  if (before.length === 0) return false
  if (distances.some((distance) => distance > 0)) return true
  const nearest = Math.max(...before)
  return before.some((distance) => distance < nearest)
}

/** Throws FormatError for a reference that no frame was kept for. */
export function referenceAt(slots: readonly (Av1Reference | undefined)[], index: number | undefined): Av1Reference {
  const reference = index === undefined ? undefined : slots[index]
  if (reference !== undefined) return reference
  throw new FormatError('ERR_CODEC_BITSTREAM', 'expected an AV1 frame whose references are known, found another')
}
