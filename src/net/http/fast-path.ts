/** One connection while it only asks for hot objects and posts small bodies: requests are cut from the bytes and answered with one write each (RFC 9112). */
import type { Socket } from 'node:net'
import { hasClientData } from './client-data.ts'
import { DeliveryMeter, type DeliveryText, deliveryLine } from './delivery.ts'
import { MAX_HEAD_BYTES, mayBecomeHead, type PlainHeaders, plainHeaders, plainTarget } from './request-head.ts'
import type { ClientData, ConnectionHandler, ConnectionPeer, HotAnswer, SmallPostHandler } from './routes.ts'

/** No more is written while this many bytes wait in the process for the socket; one answer may go beyond. */
const MAX_QUEUED_BYTES = 256 * 1024
/** Shorter answers fit into the system's buffer: nothing is learned of them, and nothing is told with them. */
const TELLING_BYTES = 16 * 1024
const LINE_FEED = 0x0a
/** Of the body of a post; longer ones are the full server's. */
const MAX_BODY_BYTES = 16 * 1024
/** Bytes of requests that came while another is in work; then the peer has to wait. */
const MAX_AHEAD_BYTES = MAX_HEAD_BYTES + MAX_BODY_BYTES
const HEAD_END = '\r\n\r\n'

/** What a connection asks of the listener. */
export interface FastPathHost {
  /** Coarse monotonic clock, milliseconds: good to the sweep's interval. */
  readonly now: number
  /** A peer that takes no byte for this long, milliseconds, is dead. */
  readonly stallMs: number
  find(target: string): HotAnswer | undefined
  smallPostHandler(target: string): SmallPostHandler | undefined
  claimOf(head: Uint8Array): ConnectionHandler | undefined
  /** Somebody looks at client data. */
  readonly observes: boolean
  observed(data: ClientData): void
  /** Says with long answers how fast the ones before were. */
  readonly deliveryText: DeliveryText | undefined
  clientOf(socketAddress: string, forwardedFor: string | undefined): string
  /** A connection that was claimed comes back with the bytes of a request. */
  takeBack(socket: Socket, received: Uint8Array, peer: FastPathPeer): void
  /** The connection leaves the fast path; `received` is pushed back into the socket already. */
  toFullServer(socket: Socket): void
  forget(connection: FastConnection): void
}

/** Who is at the other end. */
export type FastPathPeer = Pick<ConnectionPeer, 'remoteAddress' | 'secure'>

export interface FastPathDeadlines {
  readonly headMs: number
  readonly requestMs: number
  readonly keepAliveMs: number
}

export class FastConnection {
  readonly #socket: Socket
  readonly #host: FastPathHost
  readonly #peer: FastPathPeer
  /** Bytes that wait for the rest of their head, or for the peer to read. */
  #pending: Buffer | undefined
  #blocked = false
  /** A post is in work: its answer comes before anything else. */
  #working = false
  /** A head is there, its body is not. */
  #awaitsBody = false
  #ended = false
  /** The socket is somebody else's. */
  #left = false
  #served = false
  /** When the head in work began, or when the last answer went out. */
  #since: number
  /**
   * What followed the request line of the request before, from its line end to the blank line, and what it says: keep-alive clients
   * repeat it byte for byte.
   */
  #block = HEAD_END
  #headers: PlainHeaders | undefined
  #client: string

  constructor(socket: Socket, host: FastPathHost, peer: FastPathPeer) {
    this.#socket = socket
    this.#host = host
    this.#peer = peer
    this.#since = host.now
    this.#client = peer.remoteAddress
    socket.on('data', this.#onData)
    socket.on('drain', this.#onDrain)
    socket.on('end', this.#onEnd)
    socket.on('timeout', this.#onStall)
    socket.on('close', this.#onClose)
  }

  /** Between requests, with nothing to write. */
  get idle(): boolean {
    return this.#pending === undefined && !this.#working && this.#socket.writableLength === 0
  }

  /** Ends the connection when it has used up its time: for a head (the first one counts from the connect), for a request, or idle. */
  enforce(deadlines: FastPathDeadlines): void {
    if (this.#blocked || this.#working) return
    const unfinished = this.#awaitsBody ? deadlines.requestMs : deadlines.headMs
    const limit = this.#served && this.#pending === undefined ? deadlines.keepAliveMs : unfinished
    if (this.#host.now - this.#since > limit) this.close()
  }

  close(): void {
    this.#socket.destroy()
  }

  /** What was read of the socket before it came here; the socket is resumed. */
  start(received: Uint8Array): void {
    this.#onData(Buffer.from(received.buffer, received.byteOffset, received.byteLength))
    if (!this.#blocked) this.#socket.resume()
  }

  readonly #onData = (chunk: Buffer): void => {
    const pending = this.#pending
    const bytes = pending === undefined ? chunk : Buffer.concat([pending, chunk])
    if (this.#working) {
      this.#pending = bytes
      if (bytes.length > MAX_AHEAD_BYTES) this.#socket.pause()
      return
    }
    this.#pending = undefined
    this.#serve(bytes, pending !== undefined)
  }

  readonly #onDrain = (): void => {
    if (!this.#blocked) return
    this.#blocked = false
    this.#socket.setTimeout(0)
    this.#goOn()
  }

  readonly #onEnd = (): void => {
    if (this.#working) this.#ended = true
    else this.#socket.end()
  }

  readonly #onStall = (): void => {
    this.close()
  }

  readonly #onClose = (): void => {
    this.#host.forget(this)
  }

  /** With what has come meanwhile. */
  #goOn(): void {
    const pending = this.#pending
    this.#pending = undefined
    if (pending !== undefined) this.#serve(pending, false)
    if (this.#blocked || this.#working || this.#left) return
    if (this.#ended) this.#socket.end()
    else this.#socket.resume()
  }

  #serve(bytes: Buffer, continued: boolean): void {
    this.#awaitsBody = false
    const text = bytes.toString('latin1')
    let at = 0
    while (at < text.length && !this.#blocked && !this.#working) {
      const lineEnd = text.indexOf('\r', at)
      const repeated = lineEnd > 0 && text.startsWith(this.#block, lineEnd)
      // The end of the blank line.
      const end = repeated ? lineEnd + this.#block.length : text.indexOf(HEAD_END, at) + HEAD_END.length
      if (end < HEAD_END.length) {
        if (!mayBecomeHead(bytes.subarray(at))) return this.#leave(bytes.subarray(at))
        break
      }
      if (!repeated && this.#claim(bytes, at, end)) return
      if (!repeated) this.#readBlock(text.slice(lineEnd, end))
      const headers = end - at > MAX_HEAD_BYTES ? undefined : this.#headers
      if (headers?.bodyBytes !== undefined) {
        const handler = headers.bodyBytes > MAX_BODY_BYTES ? undefined : this.#posted(text, at, lineEnd)
        if (handler === undefined) return this.#leave(bytes.subarray(at))
        if (bytes.length - end < headers.bodyBytes) {
          this.#awaitsBody = true
          break
        }
        void this.#take(handler, Buffer.from(bytes.subarray(end, end + headers.bodyBytes)), headers)
        at = end + headers.bodyBytes
        continue
      }
      const target = headers === undefined ? undefined : plainTarget(text, at, lineEnd)
      const answer = target === undefined ? undefined : this.#host.find(target)
      if (answer === undefined) return this.#leave(bytes.subarray(at))
      this.#write(answer)
      if (this.#host.observes && target !== undefined) this.#observe(target)
      at = end
    }
    if (at < bytes.length) {
      // A copy, so that a few bytes do not keep a whole receive buffer.
      this.#pending = Buffer.from(bytes.subarray(at))
      // Time runs from the connect for the first head, and from its first byte for any other.
      if (this.#served && (at > 0 || !continued)) this.#since = this.#host.now
    }
  }

  #claim(bytes: Buffer, at: number, end: number): boolean {
    const handler = this.#host.claimOf(bytes.subarray(at, end))
    if (handler === undefined) return false
    this.#detach()
    const { remoteAddress, secure } = this.#peer
    handler(this.#socket, bytes.subarray(at), {
      remoteAddress,
      secure,
      giveBack: (received) => this.#host.takeBack(this.#socket, received, this.#peer),
    })
    return true
  }

  #readBlock(block: string): void {
    this.#block = block
    // Between the line end and the blank line; not even there when the request has no header line at all.
    this.#headers = block.startsWith('\r\n') ? plainHeaders(block.slice(2, -2)) : undefined
    this.#client = this.#host.clientOf(this.#peer.remoteAddress, this.#headers?.forwardedFor)
  }

  #posted(text: string, at: number, lineEnd: number): SmallPostHandler | undefined {
    const target = plainTarget(text, at, lineEnd, 'POST')
    return target === undefined ? undefined : this.#host.smallPostHandler(target)
  }

  async #take(handler: SmallPostHandler, body: Buffer, headers: PlainHeaders): Promise<void> {
    this.#working = true
    const { contentType, userAgent, optedOut } = headers
    let answer: Uint8Array
    try {
      answer = await handler({ body, contentType, userAgent, remoteAddress: this.#client, optedOut })
    } catch {
      this.close()
      return
    }
    this.#working = false
    if (this.#socket.destroyed) return
    this.#send(answer)
    if (!this.#blocked) this.#goOn()
  }

  #observe(target: string): void {
    const headers = this.#headers
    if (headers === undefined || (headers.clientData === undefined && !hasClientData(target))) return
    const { clientData, userAgent, optedOut } = headers
    this.#host.observed({ target, headers: clientData, userAgent, remoteAddress: this.#client, optedOut })
  }

  #write(answer: HotAnswer): void {
    const bytes = this.#headers?.gzip === true && answer.gzipBytes !== undefined ? answer.gzipBytes : answer.bytes
    this.#send(bytes)
    answer.onSent?.(bytes.byteLength, this.#client)
  }

  #send(bytes: Uint8Array): void {
    this.#served = true
    this.#since = this.#host.now
    if (bytes.byteLength < TELLING_BYTES) this.#socket.write(bytes)
    else this.#writeTelling(bytes)
    if (this.#socket.writableLength < MAX_QUEUED_BYTES) return
    this.#blocked = true
    this.#socket.pause()
    // The socket's own timer sees progress inside one large write, which no property tells.
    this.#socket.setTimeout(this.#host.stallMs)
  }

  #writeTelling(bytes: Uint8Array): void {
    const socket = this.#socket
    const meter = DeliveryMeter.of(socket)
    const { throughput } = meter
    const { deliveryText } = this.#host
    if (throughput === undefined || deliveryText === undefined) socket.write(bytes)
    else {
      const at = bytes.indexOf(LINE_FEED) + 1
      socket.cork()
      socket.write(bytes.subarray(0, at))
      socket.write(deliveryLine(deliveryText({ throughput })), 'latin1')
      socket.write(bytes.subarray(at))
      socket.uncork()
    }
    meter.wrote(bytes.byteLength, 'begins')
  }

  #leave(rest: Buffer): void {
    // A socket whose end was read takes nothing back: what was answered goes out, and that is all.
    if (this.#ended) return
    this.#detach()
    this.#socket.unshift(rest)
    this.#host.toFullServer(this.#socket)
  }

  #detach(): void {
    const socket = this.#socket
    this.#left = true
    socket.pause()
    socket.off('data', this.#onData)
    socket.off('drain', this.#onDrain)
    socket.off('end', this.#onEnd)
    socket.off('timeout', this.#onStall)
    socket.off('close', this.#onClose)
    this.#host.forget(this)
  }
}
