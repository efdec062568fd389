/** What a program that embeds the server can listen to. */
import type { SessionRole } from '../live/sessions.ts'
import type { PlayLogView } from '../services/admin/views.ts'

/** A peer, as plain data. */
export interface SessionEvent {
  readonly id: string
  readonly protocol: string
  readonly role: SessionRole
  readonly path: string
  readonly remoteAddress: string
  readonly startedAt: Date
}

/** A session that is over, with what it moved. */
export interface EndedSessionEvent extends SessionEvent {
  readonly bytesIn: number
  readonly bytesOut: number
  readonly skipped: number
  /** Code of the error that ended it; `undefined`: a normal end. */
  readonly reason: string | undefined
}

/** What a player reported of its playback, as the API shows it: without keys and passwords. */
export interface PlayLogEvent extends Omit<PlayLogView, 'receivedAt'> {
  readonly receivedAt: Date
}

/** What happens to the recording of a path. */
export interface RecordingEvent {
  readonly path: string
  readonly state: 'recording' | 'suspended' | 'stopped'
  /** Name of the newest file; `undefined`: there is none. */
  readonly file: string | undefined
  readonly error: string | undefined
}

/** Every event and what it tells. */
export interface ServerEvents {
  /** A path is on air; again when another publisher continues it. `session` is undefined for publishers inside this process. */
  publish: { readonly path: string; readonly session: SessionEvent | undefined }
  /** The publisher of a path is gone; `final`: the stream has ended, else it waits for the publisher to come back. */
  unpublish: { readonly path: string; readonly final: boolean }
  /** A viewer was admitted. */
  play: SessionEvent
  /** A viewer has left. */
  stop: EndedSessionEvent
  /** A player reported what it played, or how it began. */
  playlog: PlayLogEvent
  /**
   * A file of a recording was begun, the disk refused (`error` says why; it goes on when there is room again), or recording has ended and
   * all its files are complete.
   */
  recording: RecordingEvent
  /** Settings were changed. */
  reload: { readonly changed: readonly string[] }
  /** The server has begun to shut down. */
  closing: Record<string, never>
}

/** Names of the events. */
export type ServerEventName = keyof ServerEvents
/** Called in the server's turn; what it throws is logged and goes no further. */
export type ServerListener<Name extends ServerEventName> = (event: ServerEvents[Name]) => void

type AnyListener = (event: never) => void

/** Listeners by event. One that throws is reported and hurts nobody else. */
export class EventHub {
  readonly #listeners = new Map<ServerEventName, Set<AnyListener>>()
  readonly #onError: (error: unknown, event: ServerEventName) => void

  constructor(onError: (error: unknown, event: ServerEventName) => void) {
    this.#onError = onError
  }

  /** Returns a function that removes the listener. */
  on<Name extends ServerEventName>(name: Name, listener: ServerListener<Name>): () => void {
    let listeners = this.#listeners.get(name)
    if (listeners === undefined) {
      listeners = new Set()
      this.#listeners.set(name, listeners)
    }
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  emit<Name extends ServerEventName>(name: Name, event: ServerEvents[Name]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        ;(listener as ServerListener<Name>)(event)
      } catch (error) {
        this.#onError(error, name)
      }
    }
  }
}
