/** Streams that this server fetches from others: kept on air, and fetched again with growing waiting times when they break. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describeError, type HeadendError, PeerError, UnavailableError } from '../../errors.ts'
import type { Hub } from '../../live/hub.ts'
import type { Session, Sessions } from '../../live/sessions.ts'
import type { Closable, Logger, Protocol } from '../../protocols/protocol.ts'

/** The client half of a protocol. */
export type PullClient = Required<Pick<Protocol<unknown>, 'pull'>>['pull']

export interface PullsContext {
  readonly hub: Hub
  readonly sessions: Sessions
  readonly log: Logger
  /** The client for a URL scheme, without the colon. */
  readonly findClient: (scheme: string) => PullClient | undefined
  /** Milliseconds before the first new try and at most. Default 500 and 15 000. */
  readonly retryMs?: readonly [first: number, most: number]
}

const RETRY_MS = [500, 15_000] as const
/** A source that held for so long starts the waiting times anew, milliseconds. */
const STABLE_MS = 10_000
/** How often a session's bytes are brought up to date, milliseconds. */
const COUNTED_MS = 1000

/** All pulls of a server. */
export class Pulls implements Closable {
  readonly #context: PullsContext
  readonly #running = new Map<string, { readonly url: string; readonly stop: AbortController; done: Promise<void> }>()

  constructor(context: PullsContext) {
    this.#context = context
  }

  /** What is to be pulled from now on: address by path. What is new starts, what is gone ends, the rest goes on. */
  set(wanted: ReadonlyMap<string, string>): void {
    for (const [path, { url, stop }] of this.#running) if (wanted.get(path) !== url) stop.abort()
    for (const [path, url] of wanted) {
      const running = this.#running.get(path)
      if (running !== undefined && running.url === url && !running.stop.signal.aborted) continue
      const stop = new AbortController()
      // The one before has the path until it has ended.
      const done = (running?.done ?? Promise.resolve()).then(() => this.#keep(path, url, stop.signal))
      const entry = { url, stop, done: done.finally(() => this.#forget(path, stop)) }
      this.#running.set(path, entry)
    }
  }

  async close(): Promise<void> {
    const ending = [...this.#running.values()]
    for (const { stop } of ending) stop.abort()
    await Promise.all(ending.map(({ done }) => done))
  }

  #forget(path: string, stop: AbortController): void {
    if (this.#running.get(path)?.stop === stop) this.#running.delete(path)
  }

  async #keep(path: string, address: string, signal: AbortSignal): Promise<void> {
    const { log, retryMs = RETRY_MS } = this.#context
    const url = new URL(address)
    // Keys in an address are not for the log.
    const from = `${url.protocol}//${url.host}${url.pathname}`
    for (let failures = 0; !signal.aborted; ) {
      const started = performance.now()
      try {
        await this.#pull(path, url, signal)
        log.info({ path, from }, 'the source has ended')
      } catch (error) {
        if (signal.aborted) return
        const code = error instanceof Error && 'code' in error ? String(error.code) : 'ERR_RELAY_PULL'
        log.counted(code, { path, from }, `pull failed: ${describeError(error)}`)
      }
      if (signal.aborted) return
      failures = performance.now() - started > STABLE_MS ? 1 : failures + 1
      // Half of the time is left to chance, so that many pulls do not come back in the same moment.
      const wait = Math.min(retryMs[1], retryMs[0] * 2 ** (failures - 1)) * (0.5 + Math.random() / 2)
      await sleep(wait, undefined, { signal }).catch(() => undefined)
    }
  }

  async #pull(path: string, url: URL, signal: AbortSignal): Promise<void> {
    const { hub, sessions, log, findClient } = this.#context
    const scheme = url.protocol.slice(0, -1)
    const pull = findClient(scheme)
    if (pull === undefined) throw new PeerError('ERR_RELAY_SCHEME', `no client here pulls ${scheme}://`)
    const kicked = new AbortController()
    let reason: HeadendError | undefined
    let session: Session | undefined
    // The path is taken, and the session begins, when the source delivers: what cannot be reached is not on air.
    const publisher = hub.publishLater(path, () => {
      session = sessions.open({
        protocol: scheme,
        role: 'publish',
        path,
        remoteAddress: url.host,
        close: (why) => {
          reason = why
          kicked.abort()
        },
      })
      return session
    })
    const counting = setInterval(() => {
      if (session !== undefined) session.bytesIn = publisher.stream.statistics.bytes
    }, COUNTED_MS)
    counting.unref()
    try {
      await pull(url, publisher, { signal: AbortSignal.any([signal, kicked.signal]), log, role: 'server' })
      if (reason !== undefined) throw reason
    } catch (error) {
      reason ??=
        error instanceof PeerError || error instanceof UnavailableError
          ? error
          : new UnavailableError('ERR_RELAY_PULL', describeError(error), { cause: error })
      throw error
    } finally {
      clearInterval(counting)
      publisher.close()
      if (session !== undefined) sessions.close(session, reason)
    }
  }
}
