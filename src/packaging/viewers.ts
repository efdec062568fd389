/** Sessions of viewers that have no connection: who fetched something a moment ago is watching. */
import { type HeadendError, PeerError } from '../errors.ts'
import type { Session, Sessions } from '../live/sessions.ts'

/*
 * A viewer is an address and a User-Agent on one path. It opens with the first manifest it asks for and ends when nothing was asked
 * for a while. Answers from memory know the address only: their bytes are counted for the newest viewer of that address. Viewers
 * behind one address with one browser version count as one.
 */

export interface ViewersOptions {
  readonly sessions: Sessions
  /** Name of the protocol module. */
  readonly protocol: string
  /** Viewers counted at the same time; more are served but not counted. */
  readonly maxViewers?: number
}

const DEFAULT_MAX_VIEWERS = 20_000
const SWEEP_MS = 2_000
/** A viewer that was sent away is refused for this long, milliseconds. */
const REFUSED_MS = 60_000
const MAX_USER_AGENT = 200

/** Who asks. */
export interface ViewerPeer {
  readonly remoteAddress: string
  readonly userAgent: string | undefined
  /** It asks not to be tracked. */
  readonly optedOut: boolean
}

interface Viewer {
  readonly session: Session
  readonly place: string
  expires: number
  refusedUntil: number
}

export class Viewers {
  readonly #options: ViewersOptions
  /** By path and address, then by User-Agent. */
  readonly #places = new Map<string, Map<string, Viewer>>()
  #count = 0
  readonly #timer: NodeJS.Timeout

  constructor(options: ViewersOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS)
    this.#timer.unref()
  }

  get size(): number {
    return this.#count
  }

  /** Somebody asked for a manifest; counts for `idleMs`. Throws PeerError ERR_ACCESS_DENIED for one who was sent away. */
  seen(path: string, peer: ViewerPeer, idleMs: number): void {
    const place = `${path}\n${peer.remoteAddress}`
    const agent = (peer.userAgent ?? '').slice(0, MAX_USER_AGENT)
    const now = performance.now()
    let viewers = this.#places.get(place)
    let viewer = viewers?.get(agent)
    if (viewer === undefined) {
      if (this.#count >= (this.#options.maxViewers ?? DEFAULT_MAX_VIEWERS)) return
      viewer = this.#open(place, { path, agent, ...peer })
      viewers ??= new Map()
      viewers.set(agent, viewer)
      this.#places.set(place, viewers)
      this.#count++
    }
    if (viewer.refusedUntil > now) throw new PeerError('ERR_ACCESS_DENIED', 'this viewer was sent away')
    viewer.expires = now + idleMs
  }

  /** Bytes went to somebody at this address. */
  sent(path: string, remoteAddress: string, bytes: number, idleMs: number): void {
    const viewers = this.#places.get(`${path}\n${remoteAddress}`)
    if (viewers === undefined) return
    const expires = performance.now() + idleMs
    let last: Viewer | undefined
    for (const viewer of viewers.values()) {
      if (viewer.expires < expires) viewer.expires = expires
      last = viewer
    }
    if (last !== undefined) last.session.bytesOut += bytes
  }

  /** Ends all sessions. */
  close(): void {
    clearInterval(this.#timer)
    for (const viewers of this.#places.values()) {
      for (const { session } of viewers.values()) this.#options.sessions.close(session)
    }
    this.#places.clear()
    this.#count = 0
  }

  #open(
    place: string,
    { path, agent, remoteAddress, optedOut }: ViewerPeer & { readonly path: string; readonly agent: string },
  ): Viewer {
    const { sessions, protocol } = this.#options
    const session = sessions.open({
      protocol,
      role: 'play',
      path,
      remoteAddress,
      ...(agent === '' ? {} : { userAgent: agent }),
      optedOut,
      close: (reason: HeadendError) => {
        viewer.refusedUntil = performance.now() + REFUSED_MS
        viewer.expires = viewer.refusedUntil
        sessions.close(session, reason)
      },
    })
    const viewer: Viewer = { session, place, expires: 0, refusedUntil: 0 }
    return viewer
  }

  #sweep(): void {
    const now = performance.now()
    for (const [place, viewers] of this.#places) {
      for (const [agent, { session, expires }] of viewers) {
        if (expires >= now) continue
        viewers.delete(agent)
        this.#count--
        this.#options.sessions.close(session)
      }
      if (viewers.size === 0) this.#places.delete(place)
    }
  }
}
