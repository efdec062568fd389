/** What the settings of a path say of its recording. */

/** Of one path. */
export interface RecordSettings {
  /** A new file begins after so many minutes, with a segment. */
  readonly splitMinutes: number
  /** Finished files go when they ended so many days ago; `undefined`: they stay. */
  readonly keepDays: number | undefined
  /** Bytes of all files of the path; the oldest finished ones go. `undefined`: no limit. */
  readonly keepBytes: number | undefined
  /** How far back viewers of the live stream can go, seconds; 0: no further than memory. */
  readonly windowSeconds: number
}

/** As the settings file has it. */
export type RecordInput = boolean | Partial<RecordSettings>

export const DEFAULT_RECORD: RecordSettings = {
  splitMinutes: 60,
  keepDays: undefined,
  keepBytes: undefined,
  windowSeconds: 7200,
}

/** With the defaults filled in; `undefined`: the path is not recorded. */
export function recordSettings(input: RecordInput | undefined): RecordSettings | undefined {
  if (input === undefined || input === false) return undefined
  return input === true ? DEFAULT_RECORD : { ...DEFAULT_RECORD, ...input }
}
