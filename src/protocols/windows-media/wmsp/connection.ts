/** One connection of a WMSP client: its requests, the answers in their order, and the stream between them (MS-WMSP 2.1, 3.2.1, 3.2.4.1). */
import type { Socket } from 'node:net'
import { PeerError } from '../../../errors.ts'
import { pump } from '../../../net/pump.ts'
import { WmRequest, WmRequestReader } from '../request-reader.ts'
import { type Answer, answerHead } from './answer.ts'
import type { RequestConnection } from './call.ts'
import type { Exchange } from './exchange.ts'
import type { ActivePlay } from './playing/active-play.ts'
import type { WmspSession } from './session.ts'

/** Bytes of a request's body: logs are the largest. */
const MAX_BODY_BYTES = 64 * 1024
/** Bytes of requests that wait while one is answered. */
const MAX_WAITING_BYTES = 64 * 1024
/** Answers that wait for the end of the one that runs. */
const MAX_PENDING_ANSWERS = 64
/** Seconds from the first byte of a request to its last. */
const REQUEST_SECONDS = 10
/** Seconds a connection may be open without a request and without a session that ends it. */
const IDLE_SECONDS = 75
/** Seconds in which a peer that is to read an answer takes no byte of it. */
const STALL_SECONDS = 10
/** Seconds that the last bytes have to reach a peer. */
const LINGER_SECONDS = 5

const HEAD_END = '\r\n\r\n'
/** The end of a chunked answer. */
const ZERO_CHUNK = Buffer.from('0\r\n\r\n', 'latin1')

export interface ConnectionOptions {
  readonly socket: Socket
  readonly remoteAddress: string
  readonly exchange: Exchange
  readonly onClose: () => void
  /** Whether a request head belongs here. */
  readonly isOurs: (head: Uint8Array) => boolean
  /** Takes a connection on which another kind of client goes on, as proxies let several use one. */
  readonly giveBack: (received: Uint8Array) => void
}

/** An answer whose body goes on. */
interface Running {
  readonly chunked: boolean
  readonly play: ActivePlay | undefined
  stop: (() => void) | undefined
}

export class Connection implements RequestConnection {
  readonly remoteAddress: string
  readonly #socket: Socket
  readonly #exchange: Exchange
  readonly #onClose: () => void
  readonly #isOurs: ConnectionOptions['isOurs']
  readonly #giveBack: ConnectionOptions['giveBack']
  readonly #reader = new WmRequestReader()
  readonly #gone = new AbortController()
  #request: WmRequest | undefined
  #body: Uint8Array[] = []
  /** A request is being answered; what comes behind it waits. */
  #busy = false
  #running: Running | undefined
  #pending: Uint8Array[] = []
  #session: WmspSession | undefined
  /** Nothing more is read: the connection ends with what is written. */
  #closing = false
  #closed = false
  #seconds = 0
  /** When the request in work began, or the last one was answered. */
  #since = 0
  #written = 0
  #progressAt = 0

  constructor({ socket, remoteAddress, exchange, onClose, isOurs, giveBack }: ConnectionOptions) {
    this.#socket = socket
    this.remoteAddress = remoteAddress
    this.#exchange = exchange
    this.#onClose = onClose
    this.#isOurs = isOurs
    this.#giveBack = giveBack
    socket.setNoDelay(true)
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('error', ignore)
    socket.on('close', this.#onClosed)
  }

  get signal(): AbortSignal {
    return this.#gone.signal
  }

  get playing(): ActivePlay | undefined {
    return this.#running?.play
  }

  /** What was read of the socket before it came here; then the rest. */
  start(received: Uint8Array): void {
    this.#onData(received)
    this.#socket.resume()
  }

  /** One second has passed. */
  tick(): void {
    this.#seconds++
    const { bytesWritten, writableLength } = this.#socket
    if (bytesWritten !== this.#written || writableLength === 0) {
      this.#written = bytesWritten
      this.#progressAt = this.#seconds
    }
    // A stream has the pump's deadlines.
    if (this.#running?.play !== undefined || this.#busy) {
      this.#since = this.#seconds
      return
    }
    const waited = this.#seconds - this.#since
    const late = this.#closing
      ? waited >= LINGER_SECONDS
      : this.#request !== undefined || !this.#reader.idle
        ? waited >= REQUEST_SECONDS
        : waited >= IDLE_SECONDS
    if (late || this.#seconds - this.#progressAt >= STALL_SECONDS) this.#socket.destroy()
  }

  /** Ends after what is written. */
  close(): void {
    this.#stopPump()
    this.#end()
  }

  stopPlaying(): void {
    const running = this.#running
    if (running?.play === undefined) return
    this.#stopPump()
    this.#endRunning()
    if (!running.chunked) this.#end()
  }

  readonly #onData = (bytes: Uint8Array): void => {
    if (this.#closing) return
    if (this.#reader.idle && this.#request === undefined) {
      this.#since = this.#seconds
      if (this.#isForeign(bytes)) return this.#leave(bytes)
    }
    const { playing } = this
    if (playing !== undefined) playing.registered.bytesIn += bytes.byteLength
    this.#reader.write(bytes)
    this.#read()
    if (this.#busy && this.#reader.waiting > MAX_WAITING_BYTES) this.#socket.pause()
  }

  /** The whole head of a request that is for another protocol, and nothing of ours is going on. */
  #isForeign(bytes: Uint8Array): boolean {
    if (this.#busy || this.#running !== undefined) return false
    const end = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(HEAD_END)
    return end >= 0 && !this.#isOurs(bytes.subarray(0, end + HEAD_END.length))
  }

  #leave(bytes: Uint8Array): void {
    const socket = this.#socket
    socket.pause()
    socket.off('data', this.#onData)
    socket.off('end', this.#onEnd)
    socket.off('error', ignore)
    socket.off('close', this.#onClosed)
    this.#onClosed()
    this.#giveBack(bytes)
  }

  #read(): void {
    try {
      while (!this.#busy && !this.#closing) {
        const event = this.#reader.read()
        if (event === undefined) return
        if (event.type === 'request') this.#begin(event.request)
        else if (event.type === 'body') this.#body.push(event.bytes)
        else this.#answer()
      }
    } catch (error) {
      this.#send(this.#exchange.refuse(error, undefined, this), true)
    }
  }

  #begin(request: WmRequest): void {
    this.#request = request
    this.#body = []
    if (request.contentLength > MAX_BODY_BYTES) {
      throw new PeerError(
        'ERR_HTTP_BODY_TOO_LARGE',
        `expected a body of at most ${MAX_BODY_BYTES} bytes, found ${request.contentLength}`,
      )
    }
  }

  #answer(): void {
    const request = this.#request
    if (request === undefined) return
    const [first = EMPTY] = this.#body
    const body = this.#body.length > 1 ? Buffer.concat(this.#body) : first
    this.#request = undefined
    this.#body = []
    this.#busy = true
    void this.#exchange.answer(request, body, this).then((answer) => {
      this.#busy = false
      this.#since = this.#seconds
      if (this.#closed) {
        if (answer.play !== undefined) this.#exchange.endPlay(answer.play)
        return
      }
      this.#send(answer, request.http11)
      this.#socket.resume()
      this.#read()
    })
  }

  #send(answer: Answer, http11: boolean): void {
    this.#attach(answer.session)
    const [first = EMPTY, ...rest] = answer.body
    const head = answerHead(answer, http11)
    const pieces = [first.byteLength === 0 ? head : Buffer.concat([head, first]), ...rest]
    // An answer that goes on cannot wait: what runs is ended for it.
    if (answer.interrupts || answer.form !== 'whole') this.#handOver(answer)
    if (this.#running !== undefined && answer.form === 'whole') {
      this.#pending.push(...pieces)
      if (this.#pending.length > MAX_PENDING_ANSWERS) this.#socket.destroy()
      if (answer.close) this.#closing = true
      return
    }
    this.#socket.cork()
    for (const [index, piece] of pieces.entries()) {
      // Pieces are to leave one by one, as they are measured on their way.
      if (index > 0) {
        this.#socket.uncork()
        this.#socket.cork()
      }
      this.#socket.write(piece)
    }
    if (answer.play !== undefined) this.#play(answer.play)
    this.#socket.uncork()
    if (answer.form === 'open' && answer.endsAfterMs !== undefined) this.#endLater(answer.endsAfterMs)
    if (answer.close && answer.form !== 'play') this.#end()
  }

  /** Ends the answer that runs; a stream in it goes on in the answer to come, when that is meant for it. */
  #handOver(answer: Answer): void {
    const before = this.#running
    if (before?.chunked === true) this.#endRunning()
    if (answer.form === 'whole') return
    const goesOn = answer.form === 'open' && answer.endsAfterMs === undefined
    const play = goesOn ? before?.play : undefined
    this.#running = { chunked: answer.play?.chunked ?? true, play, stop: goesOn ? before?.stop : undefined }
  }

  #play(play: ActivePlay): void {
    const running: Running = { chunked: play.chunked, play, stop: undefined }
    this.#running = running
    const stop = pump(play.playback, this.#socket, {
      counters: play.registered,
      onEnd: () => this.#onPlayed(play),
      onStall: () => {
        const reason = new PeerError('ERR_WMSP_STALLED', 'expected the player to read, but it takes nothing any more')
        this.#exchange.endPlay(play, reason)
        this.#socket.destroy()
      },
    })
    // It may have been over before it began.
    if (this.#running?.play === play) this.#running.stop = stop
    else stop()
  }

  #onPlayed(play: ActivePlay): void {
    this.#exchange.endPlay(play)
    this.#since = this.#seconds
    if (this.#running?.play !== play) return
    if (this.#running.chunked || play.keepOpen) this.#endRunning()
    else this.#end()
  }

  /** The zero chunk, then all answers that waited for it. */
  #endRunning(): void {
    const running = this.#running
    if (running === undefined) return
    this.#running = undefined
    if (running.chunked) this.#socket.write(ZERO_CHUNK)
    const pending = this.#pending
    this.#pending = []
    for (const piece of pending) this.#socket.write(piece)
    if (this.#closing) this.#end()
  }

  #endLater(milliseconds: number): void {
    const running = this.#running
    const cancel = this.#exchange.clock.after(milliseconds, () => {
      if (this.#running === running) this.#endRunning()
    })
    this.#gone.signal.addEventListener('abort', cancel, { once: true })
  }

  #stopPump(): void {
    const running = this.#running
    running?.stop?.()
    if (running?.play !== undefined) this.#exchange.endPlay(running.play)
  }

  /** From here on the connection goes with that session. */
  #attach(session: WmspSession | undefined): void {
    if (session === undefined || session === this.#session) return
    this.#session?.attachments.delete(this)
    this.#session = session
    session.attachments.add(this)
  }

  #end(): void {
    this.#closing = true
    this.#since = this.#seconds
    this.#socket.end()
    // Read on without looking: bytes left unread would turn the orderly end into a reset.
    this.#socket.resume()
  }

  /** A client that ends its side is gone. */
  readonly #onEnd = (): void => {
    if (this.#running?.play !== undefined) this.#socket.destroy()
    else if (this.#busy) this.#closing = true
    else this.#end()
  }

  readonly #onClosed = (): void => {
    if (this.#closed) return
    this.#closed = true
    this.#closing = true
    this.#gone.abort()
    this.#session?.attachments.delete(this)
    this.#stopPump()
    this.#running = undefined
    this.#onClose()
  }
}

function ignore(): void {
  // 'close' follows, which does the work.
}

const EMPTY = new Uint8Array(0)
