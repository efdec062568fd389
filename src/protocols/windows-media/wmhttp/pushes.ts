/** All pushes of the server by their push-id: what each publishes, and who serves it now (MS-WMHTTP 3.2.1, 3.2.4.1, 3.2.6). */
import { randomBytes } from 'node:crypto'
import { type HeadendError, PeerError, UnavailableError } from '../../../errors.ts'
import type { AccessGrant } from '../../../live/access.ts'
import type { Session } from '../../../live/sessions.ts'
import type { ServerContext } from '../../protocol.ts'
import type { PushIngest } from './ingest.ts'
import { PushSession } from './session.ts'

/** Bytes of chance in a push-id: whoever guesses it takes the push over. */
const ID_BYTES = 18

/** The connection that serves a push. */
export interface PushPeer {
  /** Answers with the error, where an answer is due, and closes. */
  refuse(error: HeadendError): void
  /** Closes without an answer. */
  close(): void
}

/** One push over all its connections. */
export interface Push {
  readonly session: PushSession
  ingest: PushIngest | undefined
  registered: Session | undefined
  /** What let its encoder in, when that has an end. */
  grant?: AccessGrant | undefined
  /** The connection of its last request, while it is open. */
  peer: PushPeer | undefined
}

export interface PushesOptions {
  readonly maxSessions: number
  readonly pushIdleMs: number
}

export class Pushes {
  readonly #context: ServerContext
  readonly #options: PushesOptions
  readonly #byId = new Map<string, Push>()

  constructor(context: ServerContext, options: PushesOptions) {
    this.#context = context
    this.#options = options
  }

  get size(): number {
    return this.#byId.size
  }

  /** Throws UnavailableError ERR_WMHTTP_SESSIONS when there are too many. The caller has authorised the encoder. */
  create(path: string, now: number): Push {
    const { maxSessions, pushIdleMs } = this.#options
    if (this.#byId.size >= maxSessions) {
      throw new UnavailableError('ERR_WMHTTP_SESSIONS', `expected at most ${maxSessions} pushes at the same time`)
    }
    // Letters and digits only; a `0` alone would say that there is none.
    const id = randomBytes(ID_BYTES).toString('hex')
    const session = new PushSession({ id, path, idleMs: pushIdleMs, now })
    const push: Push = { session, ingest: undefined, registered: undefined, peer: undefined }
    this.#byId.set(id, push)
    return push
  }

  /** Throws PeerError ERR_WMHTTP_SESSION for an id that is not known, or is that of another path. */
  find(id: string | undefined, path: string): Push {
    const push = id === undefined ? undefined : this.#byId.get(id)
    if (push === undefined || push.session.path !== path) {
      throw new PeerError(
        'ERR_WMHTTP_SESSION',
        'expected the push-id of a PushSetup for this path, found another or none',
      )
    }
    return push
  }

  /** Takes the path for a push, with its first PushStart. Throws what `Hub.publish` throws; the push is over then. */
  publish(push: Push, peer: { readonly remoteAddress: string; readonly userAgent: string }, ingest: typeof PushIngest) {
    if (push.ingest !== undefined) return
    const { hub, sessions } = this.#context
    const { path } = push.session
    this.#displace(path)
    const registered = sessions.open({
      protocol: 'wm-push',
      role: 'publish',
      path,
      ...peer,
      grant: push.grant,
      close: (reason) => this.end(push, { error: reason }),
    })
    push.registered = registered
    try {
      push.ingest = new ingest(hub.publish(path, registered))
    } catch (error) {
      this.end(push, { error: error as HeadendError, answered: true })
      throw error
    }
  }

  /**
   * Ends a push; its connection answers with `error`, unless it is to answer itself. `final`: viewers get to the end at once, instead of
   * waiting for the encoder to come back.
   */
  end(push: Push, how: { readonly error?: HeadendError; readonly final?: boolean; readonly answered?: boolean }): void {
    const { error, final = false, answered = false } = how
    if (this.#byId.get(push.session.id) !== push) return
    this.#byId.delete(push.session.id)
    push.session.end()
    push.ingest?.close({ final: final || push.session.autoDestroy })
    if (push.registered !== undefined) this.#context.sessions.close(push.registered, error)
    const { peer } = push
    push.peer = undefined
    if (answered || peer === undefined) return
    if (error === undefined) peer.close()
    else peer.refuse(error)
  }

  /** Ends those whose time is over. */
  tick(now: number): void {
    for (const push of [...this.#byId.values()]) {
      const expired = push.session.expired(now)
      if (expired === undefined) continue
      const expected = expired === 'idle' ? 'media' : 'the next PushStart'
      const error = new PeerError(
        'ERR_WMHTTP_IDLE',
        `expected ${expected} from the encoder, but it was silent too long`,
      )
      // Between requests nothing waits for an answer.
      if (expired === 'inactive') push.peer?.close()
      this.end(push, { error, answered: expired === 'inactive' })
    }
  }

  close(): void {
    const error = new UnavailableError('ERR_HUB_CLOSED', 'the server is shutting down')
    for (const push of [...this.#byId.values()]) this.end(push, { error })
  }

  /** An encoder that lost its connection and begins anew must not be kept out by what it left behind. */
  #displace(path: string): void {
    for (const push of this.#byId.values()) {
      if (push.ingest === undefined || push.session.path !== path || push.peer !== undefined) continue
      const error = new PeerError('ERR_STREAM_TAKEN_OVER', `a new push took over ${path}`)
      this.end(push, { error })
      return
    }
  }
}
