/** What a connection plays: a live stream, or a file of the library. Each writes to the socket until it is closed or at its end. */
import type { Socket } from 'node:net'
import type { Session } from '../../live/sessions.ts'

/** Kinds of tracks that the viewer receives. */
export interface Received {
  readonly audio: boolean
  readonly video: boolean
}

export interface Player {
  /** Buffers lost by reading too slowly. */
  readonly skipped: number
  /** Time of the last packet, as the viewer sees it; 0 where that is not known. */
  readonly timestampMs: number
  /** `atMs`: where the viewer is, if it says so. */
  pause(paused: boolean, atMs: number | undefined): void
  receive(received: Received): void
  seek(toMs: number): void
  /** The viewer wants to hold that much, milliseconds. */
  setBuffer(bufferMs: number): void
  close(): void
}

/** What a player needs of its connection. */
export interface PlayerHost {
  readonly socket: Socket
  readonly registered: Session
  /** All was played. */
  readonly onEnd: () => void
  /** The viewer takes nothing any more. */
  readonly onStall: () => void
  /** It cannot be played on. */
  readonly onFault: (error: unknown) => void
}
