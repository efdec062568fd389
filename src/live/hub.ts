/** Paths to streams: who may write, who waits, and when a stream is freed. Knows no protocol, container or codec. */
import { PeerError, UnavailableError } from '../errors.ts'
import { MICROS_PER_SECOND, type Micros } from '../media/time.ts'
import { checkPath } from './path.ts'
import { Publisher } from './publisher.ts'
import type { Session } from './sessions.ts'
import { Stream } from './stream.ts'

/** How one path behaves. */
export interface PathSettings {
  /** Milliseconds a stream outlives its publisher, so that a reconnect continues it. 0 ends it at once. */
  readonly graceMs: number
  /** What a second publisher of a busy path gets. */
  readonly onBusy: 'refuse' | 'takeover'
  /** Merge window of feeds, milliseconds. */
  readonly windowMs: number
}

export interface HubOptions {
  /** Settings of a path; called when a stream starts. Default: 10 s grace, refuse, 100 ms. */
  readonly pathSettings?: (path: string) => PathSettings
  /** Monotonic clock. */
  readonly now?: () => Micros
  /** Streams at the same time. */
  readonly maxStreams?: number
  /** Peers that wait for streams which are not published. */
  readonly maxWaiting?: number
  readonly maxLogBytes?: number
  readonly maxLogDuration?: Micros
}

export interface HubObserver {
  /** A stream has started (first publisher), is on again, is waiting for its publisher, or has ended. */
  stream(stream: Stream, change: 'started' | 'resumed' | 'waiting' | 'ended'): void
}

const DEFAULT_PATH_SETTINGS: PathSettings = { graceMs: 10_000, onBusy: 'refuse', windowMs: 100 }
const DEFAULT_MAX_STREAMS = 10_000
const DEFAULT_MAX_WAITING = 10_000
/** Holds a group of pictures of 10 s at 25 Mb/s. */
const DEFAULT_MAX_LOG_BYTES = 32 * 1024 * 1024
const DEFAULT_MAX_LOG_DURATION: Micros = 8 * MICROS_PER_SECOND

interface Published {
  readonly stream: Stream
  publisher: Publisher | undefined
  session: Session | undefined
  readonly settings: PathSettings
  graceTimer: NodeJS.Timeout | undefined
}

type Waiter = (stream: Stream | undefined) => void

export class Hub {
  readonly #published = new Map<string, Published>()
  readonly #waiting = new Map<string, Set<Waiter>>()
  #waitingCount = 0
  readonly #pathSettings: (path: string) => PathSettings
  readonly #now: () => Micros
  readonly #maxStreams: number
  readonly #maxWaiting: number
  readonly #maxLogBytes: number
  readonly #maxLogDuration: Micros
  #observer: HubObserver | undefined
  #closed = false

  constructor(options: HubOptions = {}) {
    this.#pathSettings = options.pathSettings ?? (() => DEFAULT_PATH_SETTINGS)
    this.#now = options.now ?? (() => Math.round(performance.now() * 1000))
    this.#maxStreams = options.maxStreams ?? DEFAULT_MAX_STREAMS
    this.#maxWaiting = options.maxWaiting ?? DEFAULT_MAX_WAITING
    this.#maxLogBytes = options.maxLogBytes ?? DEFAULT_MAX_LOG_BYTES
    this.#maxLogDuration = options.maxLogDuration ?? DEFAULT_MAX_LOG_DURATION
  }

  /** One observer (the server) that hears of every stream. */
  observe(observer: HubObserver): void {
    this.#observer = observer
  }

  /** Peers that wait for a stream. */
  get waiting(): number {
    return this.#waitingCount
  }

  /** Live and waiting streams. */
  *streams(): IterableIterator<Stream> {
    for (const { stream } of this.#published.values()) yield stream
  }

  /** The stream of a path, live or waiting for its publisher. Costs nothing for a name that does not exist. */
  find(path: string): Stream | undefined {
    return this.#published.get(path)?.stream
  }

  /** The session that publishes a path now. */
  publisherOf(path: string): Session | undefined {
    return this.#published.get(path)?.session
  }

  /**
   * Takes a path for one publisher; the caller has authorised it. Throws PeerError ERR_PATH_INVALID, PeerError ERR_STREAM_BUSY when
   * somebody else publishes and the path does not say `takeover`, UnavailableError ERR_HUB_FULL, or ERR_HUB_CLOSED while draining.
   */
  publish(path: string, session?: Session): Publisher {
    const publisher = this.publishLater(path, () => session)
    void publisher.stream
    return publisher
  }

  /**
   * A publisher that takes the path with the first thing it announces, provides or writes, and not before it knows that there is
   * something to come. What `publish` throws is thrown then. `session` is asked at that moment.
   */
  publishLater(path: string, session: () => Session | undefined): Publisher {
    checkPath(path)
    return new Publisher(
      path,
      (publisher) => this.#take(path, publisher, session),
      (publisher, final) => this.#release(path, publisher, final),
    )
  }

  #take(path: string, publisher: Publisher, session: () => Session | undefined): Stream {
    if (this.#closed) throw new UnavailableError('ERR_HUB_CLOSED', 'the server is shutting down')
    let published = this.#published.get(path)
    const resumed = published !== undefined
    if (published?.publisher !== undefined) this.#takeOver(published)
    if (published === undefined) {
      if (this.#published.size >= this.#maxStreams) {
        throw new UnavailableError('ERR_HUB_FULL', `expected at most ${this.#maxStreams} streams at the same time`)
      }
      const settings = this.#pathSettings(path)
      const options = {
        windowMs: settings.windowMs,
        maxLogBytes: this.#maxLogBytes,
        maxLogDuration: this.#maxLogDuration,
      }
      const stream = new Stream(path, options, this.#now)
      published = { stream, publisher: undefined, session: undefined, settings, graceTimer: undefined }
      this.#published.set(path, published)
    }
    clearTimeout(published.graceTimer)
    published.graceTimer = undefined
    published.publisher = publisher
    published.session = session()
    published.stream.attach()
    this.#observer?.stream(published.stream, resumed ? 'resumed' : 'started')
    this.#admit(path, published.stream)
    return published.stream
  }

  /**
   * The stream of a path, waiting up to `waitMs` for it to be published. Throws UnavailableError ERR_STREAM_NOT_FOUND after that, or
   * at once when too many peers wait already.
   */
  async findOrWait(path: string, options: { readonly waitMs: number; readonly signal?: AbortSignal }): Promise<Stream> {
    checkPath(path)
    const stream = this.find(path) ?? (await this.#wait(path, options))
    if (stream === undefined) throw new UnavailableError('ERR_STREAM_NOT_FOUND', `${path} is not published`)
    return stream
  }

  /** Ends every stream; no new one starts. */
  close(): void {
    this.#closed = true
    for (const path of [...this.#published.keys()]) this.#end(path)
    for (const waiters of [...this.#waiting.values()]) for (const waiter of [...waiters]) waiter(undefined)
  }

  #takeOver(published: Published): void {
    const { stream, settings, session, publisher } = published
    if (settings.onBusy === 'refuse') {
      throw new PeerError('ERR_STREAM_BUSY', `${stream.path} is published already by another session`)
    }
    published.publisher = undefined
    publisher?.close()
    session?.start.close(new PeerError('ERR_STREAM_TAKEN_OVER', `another publisher took over ${stream.path}`))
  }

  #release(path: string, publisher: Publisher, final: boolean): void {
    const published = this.#published.get(path)
    // A publisher that was taken over has nothing to release.
    if (published === undefined || published.publisher !== publisher) return
    published.publisher = undefined
    published.session = undefined
    if (final || published.settings.graceMs === 0) {
      this.#end(path)
      return
    }
    published.stream.detach()
    published.graceTimer = setTimeout(() => this.#end(path), published.settings.graceMs)
    published.graceTimer.unref()
    this.#observer?.stream(published.stream, 'waiting')
  }

  #end(path: string): void {
    const published = this.#published.get(path)
    if (published === undefined) return
    clearTimeout(published.graceTimer)
    this.#published.delete(path)
    const { publisher } = published
    published.publisher = undefined
    publisher?.close()
    published.stream.close()
    this.#observer?.stream(published.stream, 'ended')
  }

  #admit(path: string, stream: Stream): void {
    const waiters = this.#waiting.get(path)
    if (waiters !== undefined) for (const waiter of [...waiters]) waiter(stream)
  }

  #wait(
    path: string,
    options: { readonly waitMs: number; readonly signal?: AbortSignal },
  ): Promise<Stream | undefined> {
    const { waitMs, signal } = options
    if (waitMs <= 0 || this.#closed || this.#waitingCount >= this.#maxWaiting || signal?.aborted)
      return Promise.resolve(undefined)
    return new Promise((resolve) => {
      const waiters = this.#waiting.get(path) ?? new Set()
      const settle: Waiter = (stream) => {
        if (!waiters.delete(settle)) return
        this.#waitingCount--
        if (waiters.size === 0) this.#waiting.delete(path)
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
        resolve(stream)
      }
      const abort = () => settle(undefined)
      const timer = setTimeout(abort, waitMs)
      signal?.addEventListener('abort', abort, { once: true })
      waiters.add(settle)
      this.#waiting.set(path, waiters)
      this.#waitingCount++
    })
  }
}
