/** All WMSP sessions of a server, found by the client-id that their clients were given (MS-WMSP 3.2.3, 5.1). */
import { randomInt } from 'node:crypto'
import { UnavailableError } from '../../../errors.ts'
import { WmspSession } from './session.ts'

const MAX_CLIENT_ID = 0xffff_ffff

export class SessionRegistry {
  /** In the order in which their idle timers were started: the first is the one that is idle longest. */
  readonly #sessions = new Map<number, WmspSession>()
  readonly #maxSessions: number

  constructor(maxSessions: number) {
    this.#maxSessions = maxSessions
  }

  get size(): number {
    return this.#sessions.size
  }

  get(clientId: number): WmspSession | undefined {
    return this.#sessions.get(clientId)
  }

  list(): IterableIterator<WmspSession> {
    return this.#sessions.values()
  }

  /**
   * A new session under an id that nobody can guess. When there is no room, the one that is idle longest goes; throws UnavailableError
   * ERR_WMSP_SESSIONS when none is idle.
   */
  open(path: string, now: number): WmspSession {
    if (this.#sessions.size >= this.#maxSessions && !this.#dropIdle()) {
      throw new UnavailableError('ERR_WMSP_SESSIONS', `expected at most ${this.#maxSessions} sessions at the same time`)
    }
    let clientId = randomInt(1, MAX_CLIENT_ID)
    while (this.#sessions.has(clientId)) clientId = randomInt(1, MAX_CLIENT_ID)
    const session = new WmspSession(clientId, path, now)
    this.#sessions.set(clientId, session)
    return session
  }

  /** The idle timer of a session was started anew. */
  touch(session: WmspSession): void {
    if (!this.#sessions.delete(session.clientId)) return
    this.#sessions.set(session.clientId, session)
  }

  /** Forgets a session and closes what it holds open. */
  drop(session: WmspSession): void {
    this.#sessions.delete(session.clientId)
    for (const attachment of [...session.attachments]) attachment.close()
    session.attachments.clear()
  }

  /** Drops all whose time is over. */
  expire(now: number): void {
    for (const session of this.#sessions.values()) if (session.expired(now)) this.drop(session)
  }

  #dropIdle(): boolean {
    for (const session of this.#sessions.values()) {
      if (session.idleSince === undefined) continue
      this.drop(session)
      return true
    }
    return false
  }
}
