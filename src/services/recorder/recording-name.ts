/** Where recordings lie and what they are called: `live/NAME/2026-11-25T03-41-00Z.mp4` below the folder of recordings. */
import { join } from 'node:path'
import { checkPath } from '../../live/path.ts'

/** Containers that are recorded. */
export type RecordingFormat = 'mp4' | 'asf'

/** What a file's name tells. */
export interface RecordingName {
  /** Milliseconds since 1970 when it began, by the wall clock of then. */
  readonly startedAt: number
  /** From 1: a clock that was set back gives the same time twice. */
  readonly repeat: number
  readonly format: RecordingFormat
}

const NAME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d)-(\d\d)-(\d\d)Z(?:-(\d{1,6}))?\.(mp4|asf)$/
/** Years that have four digits. */
const EARLIEST = 0
const LATEST = Date.UTC(9999, 11, 31, 23, 59, 59)

/** The folder of a path. Throws PeerError ERR_PATH_INVALID for one that breaks the rule of names, so that nothing lies outside of `root`. */
export function recordingFolder(root: string, path: string): string {
  return join(root, ...checkPath(path).split('/'))
}

/** `repeat` from 1. Moments before 1970 and behind the year 9999 become the nearest one. */
export function recordingName({ startedAt, repeat, format }: RecordingName): string {
  const at = new Date(Math.min(Math.max(startedAt, EARLIEST), LATEST))
  const time = at.toISOString().slice(0, 19).replaceAll(':', '-')
  return `${time}Z${repeat > 1 ? `-${repeat}` : ''}.${format}`
}

/** `undefined`: not a name of ours. */
export function parseRecordingName(name: string): RecordingName | undefined {
  const match = NAME.exec(name)
  if (match === null) return undefined
  const [, year, month, day, hour, minute, second, repeat = '1', format] = match
  const startedAt = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second))
  const parsed = { startedAt, repeat: Number(repeat), format: format as RecordingFormat }
  // A 30th of February is none.
  return recordingName(parsed) === name ? parsed : undefined
}

/** The index beside a recording; hidden, so that the library does not show it. */
export function indexName(name: string): string {
  return `.${name}.index`
}
