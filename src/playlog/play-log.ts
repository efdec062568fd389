/** What a player reported, with what the server knows of the moment it did. */
import { type Wmlog, type WmlogKind, wmlogKind } from './wmlog.ts'

/** One play log as it is kept. */
export interface PlayLog {
  readonly kind: WmlogKind
  readonly receivedAt: Date
  /** Of the socket, without the port. */
  readonly remoteAddress: string
  /** The protocol that carried it: `windows-media`, `http`. */
  readonly protocol: string
  /** Path of the stream, file or playlist: `live/studio`. Empty when the log names nothing here. */
  readonly path: string
  /** The session it belongs to, when it is known. */
  readonly sessionId?: string | undefined
  readonly wmlog: Wmlog
}

/** A log with its kind read from it. */
export function playLogOf(wmlog: Wmlog, received: Omit<PlayLog, 'kind' | 'wmlog'>): PlayLog {
  return { kind: wmlogKind(wmlog), ...received, wmlog }
}
