/** What the fuzzing thread is told and what it tells. */

export interface Job {
  /** URL of the module that exports `fuzzTargets`. */
  readonly module: string
  readonly target: string
  /** Start of the random numbers. */
  readonly seed: number
  /** Ends after this many inputs; 0 only replays `corpus`. */
  readonly iterations: number
  /** Milliseconds after which it ends anyway. */
  readonly timeMs: number
  /** Inputs besides the target's own seeds. */
  readonly corpus: readonly Uint8Array[]
  /** Two numbers, [inputs started, inputs finished], and then the input being run with its length before it. */
  readonly shared: SharedArrayBuffer
}

export type FindingKind = 'crash' | 'hang' | 'memory'

export interface Finding {
  readonly kind: FindingKind
  readonly input: Uint8Array
  /** The exception with its stack, or what was exceeded. */
  readonly reason: string
}

export type Report =
  | { readonly type: 'finding'; readonly finding: Finding }
  /** New code was reached with this input. */
  | { readonly type: 'kept'; readonly input: Uint8Array }
  | { readonly type: 'done'; readonly runs: number; readonly coverage: number }
  | { readonly type: 'progress'; readonly runs: number; readonly coverage: number }

/** Bytes before the input in `Job.shared`: started, finished, length. */
export const SHARED_HEADER = 12
