/** Where all reports of playback go, whoever brings them. */
import type { PlayEvent } from './play-event.ts'
import type { PlayLog } from './play-log.ts'

/** What a player is told apart by when it has not said who it is. */
export interface ReportingViewer {
  /** Of the socket, or of the client of a trusted proxy; whole. */
  readonly remoteAddress: string
  readonly userAgent: string | undefined
  /** Path of the stream or file here; `undefined`: not known. */
  readonly path: string | undefined
  /** It asks not to be tracked (DNT, Sec-GPC). */
  readonly optedOut: boolean
}

/** Of addresses and names no more is kept than the settings allow, and less of who opted out: reports are given as they came. */
export interface PlayReports {
  /**
   * Resolves when the events are where the end of this process cannot hurt them. Rejects with UnavailableError ERR_AUDIENCE_SPOOL_FULL,
   * ERR_AUDIENCE_SPOOL_WRITE or ERR_AUDIENCE_STORE: not all of them were taken, and they may be sent again.
   */
  append(events: readonly PlayEvent[], optedOut: boolean): Promise<void>
  /** As `append`, of a play log that came to a web server; it is kept among the others as well. */
  appendLog(log: PlayLog, optedOut: boolean): Promise<void>
  /** For reports that nobody waits for. Never throws, never waits; what is too much is counted and left out. */
  tell(event: PlayEvent, optedOut: boolean): void
  /**
   * A player says what it calls its playback: what the server knows of the same viewer is kept under that name from now on. Returns the path that
   * it plays, as far as that is known.
   */
  name(sessionId: string, viewer: ReportingViewer): string | undefined
}
