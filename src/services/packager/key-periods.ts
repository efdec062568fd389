/** When keys change, and from when on there is encryption: at the beginning of segments, in all renditions at the same moments. */
import { ConfigError } from '../../errors.ts'
import { MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import type { SegmentSpan } from '../../packaging/on-demand/presentation.ts'

/** Of one package. */
export const MAX_KEY_PERIODS = 1024

export interface KeyPeriodOptions {
  /** Left out: one key for all. */
  readonly rotateSeconds?: number
  /** So long from the beginning nothing is encrypted; default 0. */
  readonly clearLeadSeconds?: number
}

export class KeyPeriods {
  /** Where each period begins, in order; the first at the beginning of all. */
  readonly starts: readonly Micros[]
  readonly #clearUntil: Micros

  /** `segments`: those of all renditions. Throws ConfigError ERR_PACKAGE_INPUT for lengths that are none, and for too many periods. */
  constructor(segments: readonly SegmentSpan[], { rotateSeconds, clearLeadSeconds = 0 }: KeyPeriodOptions) {
    if (rotateSeconds !== undefined && !(rotateSeconds > 0)) throw lengthError('of key periods above 0', rotateSeconds)
    if (!(clearLeadSeconds >= 0)) throw lengthError('of the clear beginning of 0 or more', clearLeadSeconds)
    const beginnings = segments.map(({ start }) => start)
    this.starts = rotateSeconds === undefined ? beginnings.slice(0, 1) : changes(beginnings, rotateSeconds)
    if (this.starts.length > MAX_KEY_PERIODS) {
      throw new ConfigError(
        'ERR_PACKAGE_INPUT',
        `expected at most ${MAX_KEY_PERIODS} key periods, found ${this.starts.length}`,
      )
    }
    const lead = clearLeadSeconds * MICROS_PER_SECOND
    const until = beginnings.find((start) => start >= lead)
    this.#clearUntil = until ?? Number.POSITIVE_INFINITY
  }

  get count(): number {
    return Math.max(1, this.starts.length)
  }

  get hasClearLead(): boolean {
    return this.#clearUntil > (this.starts[0] ?? 0)
  }

  /** Sound begins a little before or after the picture: what counts is where the middle of the segment is. */
  periodOf(span: SegmentSpan): number {
    const middle = span.start + span.duration / 2
    return Math.max(
      0,
      this.starts.findLastIndex((start) => start <= middle),
    )
  }

  isClear(span: SegmentSpan): boolean {
    return span.start + span.duration / 2 < this.#clearUntil
  }
}

/** The first segment that begins at or after each multiple. */
function changes(beginnings: readonly Micros[], rotateSeconds: number): Micros[] {
  const starts: Micros[] = []
  let last = -1
  for (const start of beginnings) {
    const period = Math.floor(start / (rotateSeconds * MICROS_PER_SECOND))
    if (period > last || starts.length === 0) starts.push(start)
    last = Math.max(last, period)
  }
  return starts
}

function lengthError(what: string, found: number): ConfigError {
  return new ConfigError('ERR_PACKAGE_INPUT', `expected a length ${what} seconds, found ${found}`)
}
