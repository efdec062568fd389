/** Registry of peers: who publishes and plays what, and how much. Read by the API, the metrics and the logs. */
import { randomUUID } from 'node:crypto'
import type { HeadendError } from '../errors.ts'
import type { AccessGrant } from './access.ts'

/** What a peer does. */
export type SessionRole = 'publish' | 'play'

export interface SessionStart {
  /** Name of the protocol module: `rtmp`, `http-flv`, `hls` … */
  readonly protocol: string
  readonly role: SessionRole
  readonly path: string
  readonly remoteAddress: string
  readonly userAgent?: string
  /** What its logs call the player, wherever they go (WMSP `xClientGUID`). Shown to nobody. */
  readonly playerId?: string | undefined
  /** It asks not to be tracked (DNT, Sec-GPC). */
  readonly optedOut?: boolean | undefined
  /** What let it in, when that has an end: the session ends with it. */
  readonly grant?: AccessGrant | undefined
  /** Ends the peer's connection; the owner answers in its protocol's words where it can. */
  readonly close: (reason: HeadendError) => void
  /** What only this protocol knows; plain data for the API. */
  readonly details?: () => Readonly<Record<string, unknown>>
}

/** One peer. The owner adds to the counters as it reads and writes, and closes the session in its one `finally`. */
export class Session {
  readonly id: string = randomUUID()
  readonly startedAt: Date = new Date()
  readonly start: SessionStart
  /** Media and protocol bytes. */
  bytesIn = 0
  bytesOut = 0
  /** Packets (or merged buffers) lost by reading too slowly. */
  skipped = 0

  constructor(start: SessionStart) {
    this.start = start
  }
}

/** Why a session ended; `undefined` is a normal end. */
export type SessionEnd = HeadendError | undefined

/** All peers that are connected now. */
export class Sessions {
  readonly #open = new Map<string, Session>()
  #onOpen: ((session: Session) => void) | undefined
  #onClose: ((session: Session, reason: SessionEnd) => void) | undefined

  /** One observer (the server) that hears of every session; set before the first opens. */
  observe(observer: { open: (session: Session) => void; close: (session: Session, reason: SessionEnd) => void }): void {
    this.#onOpen = observer.open
    this.#onClose = observer.close
  }

  get size(): number {
    return this.#open.size
  }

  open(start: SessionStart): Session {
    const session = new Session(start)
    this.#open.set(session.id, session)
    this.#onOpen?.(session)
    return session
  }

  /** Removes a session. Closing twice does nothing. */
  close(session: Session, reason?: HeadendError): void {
    if (this.#open.delete(session.id)) this.#onClose?.(session, reason)
  }

  get(id: string): Session | undefined {
    return this.#open.get(id)
  }

  list(): IterableIterator<Session> {
    return this.#open.values()
  }
}
