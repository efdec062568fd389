/** The parameter sets that came in band, and the configuration record that they make. */
import type { NalFormat } from './nal-format.ts'

/** Bytes of one set; records have sixteen bits for it. */
const MAX_SET_BYTES = 0xffff

export class ParameterSets {
  /** `undefined` until there is one. */
  config: Uint8Array | undefined
  readonly #format: NalFormat
  /** By type, in the order of the format. */
  #sets: readonly (readonly Uint8Array[])[]

  constructor(format: NalFormat) {
    this.#format = format
    this.#sets = format.parameterSets.map(() => [])
  }

  /**
   * Takes the sets among the units of an access unit; tells whether the configuration changed. Sets are copied. A set of the first types (VPS,
   * SPS) makes those before it obsolete; further PPS are added. Throws FormatError when the sets cannot be read: the old ones stay.
   */
  update(units: readonly Uint8Array[]): boolean {
    const { parameterSets, typeOf, maxSets } = this.#format
    const found = parameterSets.map((type) =>
      units.filter((unit) => typeOf(unit) === type && unit.byteLength <= MAX_SET_BYTES),
    )
    const isKnown = found.every((sets, i) => sets.every((set) => this.#sets[i]?.some((known) => sameBytes(set, known))))
    if (isKnown) return false
    const isFresh = found.slice(0, -1).some((sets) => sets.length > 0)
    const next = found.map((sets, i) => {
      const known = this.#sets[i] ?? []
      const isLastType = i === parameterSets.length - 1
      const kept = sets.length === 0 || (isLastType && !isFresh) ? known : []
      const added = sets.filter((set) => !kept.some((other) => sameBytes(set, other))).map((set) => set.slice())
      return [...kept, ...added].slice(-(maxSets[i] ?? 1))
    })
    const isWhole = next.every((sets) => sets.length > 0)
    const config = isWhole ? this.#format.config(next) : undefined
    this.#sets = next
    if (config === undefined) return false
    this.config = config
    return true
  }
}

/** Whether two byte strings are equal. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, at) => byte === b[at])
}
