/** A packet in a stream's log, with what was in force when it came. */
import type { Packet } from '../media/packet.ts'
import type { Track } from '../media/track.ts'
import type { LogEntry } from './bounded-log.ts'

/** What `LogCursor.take` gives of a stream's log. */
export interface StreamEntry extends LogEntry {
  readonly packet: Packet
  /** Another array whenever tracks or metadata changed. */
  readonly tracks: readonly Track[]
  readonly metadata: Readonly<Record<string, unknown>>
}
