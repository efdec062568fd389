/** One peer of the RTMP server: its socket, its session, and what it publishes or plays. */
import type { Socket } from 'node:net'
import { describeError, HeadendError, PeerError, UnavailableError } from '../../errors.ts'
import type { AccessGrant } from '../../live/access.ts'
import type { Session } from '../../live/sessions.ts'
import { checkFlvTracks } from '../../media/containers/flv/codec-id.ts'
import { checkReadable } from '../../media/source-protection.ts'
import type { LogFields, ServerContext } from '../protocol.ts'
import type { RtmpIngest } from './ingest.ts'
import { LivePlayer } from './live-player.ts'
import type { RtmpOptions } from './options.ts'
import type { Player, PlayerHost } from './player.ts'
import type { PlayPart, ServerEvent } from './server-event.ts'
import { ServerSession } from './session.ts'
import type { NamedStream } from './stream-name.ts'

/** Seconds from the first byte allowed to the end of the handshake. */
const HANDSHAKE_SECONDS = 10
/** Seconds a connection may neither publish nor play. */
const IDLE_SECONDS = 30
/** Seconds without a byte from a publisher or player before it is asked for a sign of life. */
const PING_SECONDS = 15
/** Seconds without a byte from a publisher before it is taken for dead. Players answer pings less reliably: their socket tells. */
const DEAD_SECONDS = 30
/** Seconds a closed connection may take to read its last words. */
const LINGER_SECONDS = 3
/** Bytes of answers that a peer may leave unread. */
const MAX_UNREAD_ANSWERS = 1024 * 1024

export interface ConnectionOptions {
  readonly socket: Socket
  readonly context: ServerContext
  readonly options: RtmpOptions
  /** The connection is gone, with everything it held. */
  readonly onClose: () => void
}

export class Connection {
  readonly #socket: Socket
  readonly #context: ServerContext
  readonly #options: RtmpOptions
  readonly #onClose: () => void
  readonly #remoteAddress: string
  readonly #session = new ServerSession()
  /** Ends what is awaited for the current role. */
  #work = new AbortController()
  #registered: Session | undefined
  #grant: AccessGrant | undefined
  #ingest: RtmpIngest | undefined
  #player: Player | undefined
  /** Of a file that was played to its end, and that its player may seek back in. */
  #endedAt: number | undefined
  #seconds = 0
  #heardAt = 0
  #roleEndedAt = 0
  #pinged = false
  #messagesBefore = 0
  #unreadAnswers = 0
  #bufferMs = 0
  #closedAt: number | undefined

  constructor({ socket, context, options, onClose }: ConnectionOptions) {
    this.#socket = socket
    this.#context = context
    this.#options = options
    this.#onClose = onClose
    this.#remoteAddress = socket.remoteAddress ?? 'unknown'
    socket.on('data', (bytes: Buffer) => this.#onData(bytes))
    // The peer is gone, or wrote its last byte: there is nobody to say anything to.
    socket.on('error', () => {})
    socket.on('end', () => this.close())
    socket.on('close', () => {
      this.close()
      this.#session.end()
      this.#onClose()
    })
  }

  /** One second has passed. All deadlines of the connection are checked here. */
  tick(): void {
    this.#seconds++
    if (this.#closedAt !== undefined) {
      if (this.#seconds - this.#closedAt >= LINGER_SECONDS) this.#socket.destroy()
      return
    }
    const { role, ready, messages } = this.#session
    const count = messages - this.#messagesBefore
    this.#messagesBefore = messages
    if (this.#player !== undefined && this.#registered !== undefined) this.#registered.skipped = this.#player.skipped
    const silent = this.#seconds - this.#heardAt
    if (count > this.#options.maxMessagesPerSecond) this.#tooManyMessages()
    else if (!ready && this.#seconds >= HANDSHAKE_SECONDS) {
      const text = `expected the handshake within ${HANDSHAKE_SECONDS} s`
      this.close(new PeerError('ERR_RTMP_HANDSHAKE_TIMEOUT', text))
    } else if (ready && role === undefined && this.#seconds - this.#roleEndedAt >= IDLE_SECONDS + HANDSHAKE_SECONDS) {
      this.close(new PeerError('ERR_RTMP_IDLE', `expected publish or play within ${IDLE_SECONDS} s`))
    } else if (this.#endedAt !== undefined && this.#seconds - this.#endedAt >= IDLE_SECONDS) {
      this.close()
    } else if (role === 'publish' && silent >= DEAD_SECONDS) {
      this.close(new PeerError('ERR_RTMP_IDLE', `expected media within ${DEAD_SECONDS} s`))
    } else if (role !== undefined && silent >= PING_SECONDS && !this.#pinged) {
      this.#pinged = true
      this.#session.ping(this.#seconds * 1000)
      this.#flush()
    }
  }

  /** Says why (if there is a why), writes what is left and ends the connection in good form. Closing twice does nothing. */
  close(error?: HeadendError): void {
    if (this.#closedAt !== undefined) return
    this.#closedAt = this.#seconds
    // Before the role ends, which forgets the path.
    const fields = this.#fields()
    this.#endRole({ final: false }, error)
    if (error !== undefined) {
      this.#session.refuse(error)
      this.#context.log.counted(error.code, { ...fields, error: describeError(error) }, 'connection closed')
    }
    this.#flush()
    this.#socket.end()
    // Read on without looking: bytes left unread would turn the orderly end into a reset.
    this.#socket.resume()
  }

  #onData(bytes: Uint8Array): void {
    if (this.#closedAt !== undefined) return
    this.#heardAt = this.#seconds
    this.#pinged = false
    if (this.#registered !== undefined) this.#registered.bytesIn += bytes.byteLength
    try {
      this.#session.write(bytes)
      this.#drain()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Handles what the session has to say, then sends its answers. */
  #drain(): void {
    const session = this.#session
    for (let event = session.read(); event !== undefined; event = session.read()) {
      if (event.type === 'media') this.#ingest?.write(event.message)
      else this.#onEvent(event)
    }
    const { bufferMs } = session
    if (bufferMs !== this.#bufferMs) this.#player?.setBuffer(bufferMs)
    this.#bufferMs = bufferMs
    if (session.messages - this.#messagesBefore > this.#options.maxMessagesPerSecond) this.#tooManyMessages()
    this.#flush()
  }

  #onEvent(event: Exclude<ServerEvent, { type: 'media' }>): void {
    switch (event.type) {
      case 'publish':
        // No media is read before the answer is known.
        this.#socket.pause()
        this.#run(this.#publish(event.stream))
        break
      case 'play':
        this.#run(this.#play(event.stream, event.part))
        break
      case 'pause':
        this.#player?.pause(event.paused, event.atMs)
        break
      case 'seek':
        this.#endedAt = undefined
        // What is said of it stands before what comes of it.
        this.#flush()
        this.#player?.seek(event.toMs)
        break
      case 'receive':
        this.#player?.receive(event)
        break
      case 'stop':
        this.#endRole({ final: true })
        break
    }
  }

  #run(work: Promise<void>): void {
    work.catch((error: unknown) => this.#fail(error))
  }

  async #publish({ path, key }: NamedStream): Promise<void> {
    const { signal } = this.#work
    await this.#authorize('publish', path, key)
    // Codecs and containers are loaded with the first publisher: nobody needs them at start.
    const { RtmpIngest } = await import('./ingest.ts')
    if (signal.aborted) return
    const registered = this.#register('publish', path)
    this.#ingest = new RtmpIngest(this.#context.hub.publish(path, registered))
    this.#session.acceptPublish()
    this.#socket.resume()
    this.#drain()
  }

  async #play({ path, key, files }: NamedStream, part: PlayPart): Promise<void> {
    const { signal } = this.#work
    if (files !== undefined) return this.#playFile(files, key, part)
    await this.#authorize('play', path, key)
    if (signal.aborted) return
    const stream = await this.#context.hub.findOrWait(path, { waitMs: this.#options.playWaitMs, signal })
    if (signal.aborted) return
    checkReadable(path, stream)
    checkFlvTracks(stream.tracks)
    const host = this.#startPlaying(path, false)
    this.#player = new LivePlayer(stream, host)
    this.#closeLate()
  }

  async #playFile(files: readonly string[], key: string | undefined, part: PlayPart): Promise<void> {
    const { signal } = this.#work
    // Readers of files are loaded with the first that is played.
    const { FilePlayer, openFirst } = await import('./file-player.ts')
    const file = await openFirst(this.#context.mediaFiles, files, {
      ...part,
      bufferMs: this.#bufferMs,
      authorize: (path) => this.#authorize('play', path, key),
    })
    if (signal.aborted) return file.playback.close()
    const host = this.#startPlaying(file.path, true)
    this.#player = new FilePlayer(file, host)
    this.#player.setBuffer(this.#bufferMs)
    this.#closeLate()
  }

  /** The player is told; its media comes next. */
  #startPlaying(path: string, recorded: boolean): PlayerHost {
    const registered = this.#register('play', path)
    this.#session.acceptPlay(recorded)
    this.#flush()
    return {
      socket: this.#socket,
      registered,
      onEnd: () => this.#onPlayed(recorded),
      onStall: () => {
        this.close(new PeerError('ERR_RTMP_STALLED', 'expected the player to read, but it takes nothing any more'))
        this.#socket.destroy()
      },
      onFault: (error) => this.#fail(error),
    }
  }

  /** What ended before it was pumped may have closed the connection already. */
  #closeLate(): void {
    if (this.#closedAt === undefined) return
    this.#player?.close()
    this.#player = undefined
  }

  async #authorize(action: 'publish' | 'play', path: string, key: string | undefined): Promise<void> {
    const grant = await this.#context.authorize({
      action,
      path,
      protocol: 'rtmp',
      remoteAddress: this.#remoteAddress,
      credentials: key === undefined ? {} : { key },
    })
    this.#grant = grant ?? undefined
  }

  #register(role: 'publish' | 'play', path: string): Session {
    const { userAgent } = this.#session
    this.#registered = this.#context.sessions.open({
      protocol: 'rtmp',
      role,
      path,
      remoteAddress: this.#remoteAddress,
      ...(userAgent === undefined ? {} : { userAgent }),
      grant: this.#grant,
      close: (reason) => this.close(reason),
    })
    return this.#registered
  }

  #onPlayed(recorded: boolean): void {
    this.#session.endPlay(this.#player?.timestampMs)
    if (!recorded) return this.close()
    this.#endedAt = this.#seconds
    this.#flush()
  }

  #endRole(options: { final: boolean }, error?: HeadendError): void {
    this.#work.abort()
    this.#work = new AbortController()
    this.#roleEndedAt = this.#seconds
    this.#ingest?.close(options)
    this.#ingest = undefined
    if (this.#player !== undefined && this.#registered !== undefined) this.#registered.skipped = this.#player.skipped
    this.#player?.close()
    this.#player = undefined
    this.#endedAt = undefined
    if (this.#registered !== undefined) {
      this.#context.sessions.close(this.#registered, error)
      this.#registered = undefined
    }
  }

  #flush(): void {
    // Of what waits, media is the pump's business; answers are no more than all that waits.
    this.#unreadAnswers = Math.min(this.#unreadAnswers, this.#socket.writableLength)
    for (let bytes = this.#session.takeOutput(); bytes !== undefined; bytes = this.#session.takeOutput()) {
      this.#unreadAnswers += bytes.byteLength
      this.#socket.write(bytes)
    }
    if (this.#unreadAnswers > MAX_UNREAD_ANSWERS) this.#socket.destroy()
  }

  #tooManyMessages(): void {
    const text = `expected at most ${this.#options.maxMessagesPerSecond} messages a second`
    this.close(new PeerError('ERR_RTMP_TOO_MANY_MESSAGES', text))
  }

  #fail(error: unknown): void {
    if (error instanceof HeadendError) {
      this.close(error)
      return
    }
    this.#context.log.error({ ...this.#fields(), error }, 'a fault of our own ends a connection')
    this.close(new UnavailableError('ERR_RTMP_INTERNAL', 'internal error'))
  }

  #fields(): LogFields {
    const path = this.#registered?.start.path
    return { protocol: 'rtmp', remoteAddress: this.#remoteAddress, ...(path === undefined ? {} : { path }) }
  }
}
