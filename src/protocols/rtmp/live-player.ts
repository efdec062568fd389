/** A viewer of a live stream: shares one feed with all that receive the same. */
import type { FeedCursor } from '../../live/feed.ts'
import type { Stream } from '../../live/stream.ts'
import { pump } from '../../net/pump.ts'
import { playFeed } from './egress.ts'
import type { Player, PlayerHost, Received } from './player.ts'

export class LivePlayer implements Player {
  readonly timestampMs = 0
  readonly #stream: Stream
  readonly #host: PlayerHost
  #received: Received = { audio: true, video: true }
  #paused = false
  #playing: { readonly cursor: FeedCursor; readonly stop: () => void } | undefined
  #skippedBefore = 0
  #closed = false

  constructor(stream: Stream, host: PlayerHost) {
    this.#stream = stream
    this.#host = host
    this.#start()
  }

  get skipped(): number {
    return this.#skippedBefore + (this.#playing?.cursor.skipped ?? 0)
  }

  pause(paused: boolean): void {
    this.#paused = paused
    this.#start()
  }

  receive(received: Received): void {
    this.#received = received
    this.#start()
  }

  seek(): void {
    // The session has refused it.
  }

  setBuffer(): void {
    // It comes as fast as it is made.
  }

  close(): void {
    this.#closed = true
    this.#stop()
  }

  /** Starts, or starts again with another choice of what is received, at the newest key packet. */
  #start(): void {
    this.#stop()
    const format = playFeed({ ...this.#received, paused: this.#paused })
    if (format === undefined || this.#closed) return
    const { socket, registered, onEnd, onStall } = this.#host
    const cursor = this.#stream.feed(format).open()
    const stop = pump(cursor, socket, { counters: registered, onEnd, onStall })
    this.#playing = { cursor, stop }
    // A stream that ended before it was pumped has closed the connection already.
    if (this.#closed) this.#stop()
  }

  #stop(): void {
    if (this.#playing === undefined) return
    this.#skippedBefore += this.#playing.cursor.skipped
    this.#playing.stop()
    this.#playing = undefined
  }
}
