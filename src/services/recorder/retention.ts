/** Which recordings go: those that are too old, then the oldest while there is too much. */

import type { RecordSettings } from './record-settings.ts'
import type { FoundRecording } from './recordings.ts'

const MS_PER_DAY = 86_400_000

/** What is kept of all paths together. */
export interface RecordingLimits {
  /** Bytes; `undefined`: no limit. */
  readonly maxBytes: number | undefined
}

export interface RetentionInput {
  /** The oldest first. */
  readonly recordings: readonly FoundRecording[]
  /** A file that is being written, or completed. */
  readonly isOpen: (recording: FoundRecording) => boolean
  /** `undefined`: the path is not recorded (any more), so only the common limit counts. */
  readonly settingsOf: (path: string) => Pick<RecordSettings, 'keepDays' | 'keepBytes'> | undefined
  readonly limits: RecordingLimits
  /** Milliseconds since 1970, undisturbed by a clock that was set. */
  readonly now: number
}

/** In the order in which they go. A file that is open never does. */
export function expiredRecordings(input: RetentionInput): FoundRecording[] {
  const { recordings, isOpen, settingsOf, limits, now } = input
  const expired = new Set<FoundRecording>()
  for (const recording of recordings) {
    const days = settingsOf(recording.path)?.keepDays
    if (days !== undefined && !isOpen(recording) && now - endOf(recording, now) > days * MS_PER_DAY)
      expired.add(recording)
  }
  for (const [path, own] of Map.groupBy(recordings, (recording) => recording.path)) {
    removeWhileAbove(own, { limit: settingsOf(path)?.keepBytes, isOpen, expired })
  }
  removeWhileAbove(recordings, { limit: limits.maxBytes, isOpen, expired })
  return recordings.filter((recording) => expired.has(recording))
}

function removeWhileAbove(
  recordings: readonly FoundRecording[],
  {
    limit,
    isOpen,
    expired,
  }: {
    readonly limit: number | undefined
    readonly isOpen: (recording: FoundRecording) => boolean
    readonly expired: Set<FoundRecording>
  },
): void {
  if (limit === undefined) return
  let total = 0
  for (const recording of recordings) if (!expired.has(recording)) total += recording.bytes
  for (const recording of recordings) {
    if (total <= limit) return
    if (expired.has(recording) || isOpen(recording)) continue
    expired.add(recording)
    total -= recording.bytes
  }
}

/** A time that lies in the future, or before the file began, was set by somebody: the file counts as of now, or of when it began. */
function endOf({ changedAt, parsed }: FoundRecording, now: number): number {
  if (!Number.isFinite(changedAt)) return now
  return Math.min(now, Math.max(changedAt, Math.min(parsed.startedAt, now), 0))
}
