/** What a parser offers to the fuzzing harness (scripts/fuzz.ts). */

/** `run` may return or throw a HeadendError; any other exception, a hang or a large allocation is a finding. */
export interface FuzzTarget {
  /** `rtmp/chunk-reader`: unique, and the folder name of kept inputs. */
  readonly name: string
  /** Small valid inputs to start mutating from. */
  seeds(): readonly Uint8Array[]
  run(input: Uint8Array): void
}

/** The same for what must wait: readers over a source with random access. */
export interface AsyncFuzzTarget extends Omit<FuzzTarget, 'run'> {
  run(input: Uint8Array): Promise<void>
}
