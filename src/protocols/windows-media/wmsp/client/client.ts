/** Dials Windows Media servers over HTTP and drives a client session over the sockets. */
import { randomBytes } from 'node:crypto'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { HeadendError, UnavailableError } from '../../../../errors.ts'
import type { Publisher } from '../../../../live/publisher.ts'
import { MICROS_PER_MS } from '../../../../media/time.ts'
import {
  anonymousPlayerId,
  makeLegacyLog,
  makeRenderingLog,
  makeStreamingLog,
} from '../../../../playlog/wmlog-writer.ts'
import type { ClientContext } from '../../../protocol.ts'
import { pairBitrate } from '../../packet-pair.ts'
import { WmResponseReader } from '../../response-reader.ts'
import type { WmspClientEvent, WmspClientRequest } from './events.ts'
import { ClientIngest } from './ingest.ts'
import type { ClientAddress } from './peer.ts'
import { ClientReception } from './reception.ts'
import { WmspClientSession } from './session.ts'
import { postWebLogs } from './web-log.ts'

/** What to play of the address. */
export interface WmspPullOptions extends ClientContext, Pick<WmspClientRequest, 'rate' | 'predictive'> {
  readonly timeouts?: Partial<WmspClientTimeouts>
}

/** Milliseconds. */
export interface WmspClientTimeouts {
  readonly connectMs: number
  /** From the first connection until the header of what is played. */
  readonly startMs: number
  /** Without a byte while media flows. */
  readonly idleMs: number
  /** Between two entries of a playlist. */
  readonly entryMs: number
  /** For what goes over connections of its own. */
  readonly sideMs: number
}

const DEFAULT_TIMEOUTS: WmspClientTimeouts = {
  connectMs: 5000,
  startMs: 30_000,
  idleMs: 30_000,
  entryMs: 300_000,
  sideMs: 2000,
}
const VERSION = '12.0.0.1'
/** Measured faster than this, both packets of a pair were in one read. */
const MAX_LINK_BPS = 0x7fff_ffff

/**
 * Plays an address (mms, mmsh, http, https) into `publisher` until it ends or the signal aborts, and reports at the end what was played.
 * Rejects with UnavailableError ERR_WMSP_CONNECT and ERR_WMSP_TIMEOUT, and with what WmspClientSession throws.
 */
export async function pullWindowsMedia(url: URL, publisher: Publisher, client: WmspPullOptions): Promise<void> {
  const pull = new Pull(url, publisher, client)
  await pull.done
}

class Pull {
  readonly done: Promise<void>
  readonly #url: URL
  readonly #client: WmspPullOptions
  readonly #timeouts: WmspClientTimeouts
  readonly #session: WmspClientSession
  readonly #ingest: ClientIngest
  readonly #guid: string
  readonly #settle: PromiseWithResolvers<void>
  readonly #sides = new Set<Promise<void>>()
  readonly #onAbort = () => {
    this.#session.stop()
    this.#run()
  }
  #socket: Socket | undefined
  /** As the last connection had it. */
  #serverAddress: string | undefined
  #reception: ClientReception | undefined
  #timer: NodeJS.Timeout | undefined
  #keepAlive: NodeJS.Timeout | undefined
  #pairAt: number | undefined
  #pairs = 0
  #over = false

  constructor(url: URL, publisher: Publisher, client: WmspPullOptions) {
    this.#url = url
    this.#client = client
    this.#timeouts = { ...DEFAULT_TIMEOUTS, ...client.timeouts }
    this.#guid = anonymousPlayerId(randomBytes(6))
    this.#ingest = new ClientIngest(publisher)
    this.#settle = Promise.withResolvers()
    this.done = this.#settle.promise
    const { startMs, rate, streams, predictive, role = 'player' } = client
    this.#session = new WmspClientSession({
      url,
      role,
      guid: this.#guid,
      cnonce: randomBytes(8).toString('hex'),
      packetPair: role === 'player',
      ...(startMs === undefined ? {} : { startMs }),
      ...(rate === undefined ? {} : { rate }),
      ...(streams === undefined ? {} : { streams }),
      ...(predictive === undefined ? {} : { predictive }),
    })
    this.#deadline(this.#timeouts.startMs, 'the stream')
    client.signal.addEventListener('abort', this.#onAbort, { once: true })
    if (client.signal.aborted) this.#onAbort()
    else this.#run()
  }

  /** Handles what the session tells, and sends what it has to say. */
  #run(bytes?: Uint8Array, closed = false): void {
    if (this.#over) return
    try {
      if (bytes !== undefined) this.#session.write(bytes)
      this.#handleEvents()
      if (closed) {
        this.#session.end()
        this.#handleEvents()
      }
      this.#flush()
      this.#watch()
    } catch (error) {
      this.#close(
        error instanceof HeadendError
          ? error
          : new UnavailableError('ERR_WMSP_INTERNAL', 'internal error', { cause: error }),
      )
    }
  }

  #handleEvents(): void {
    for (let event = this.#session.read(); event !== undefined; event = this.#session.read()) {
      if (this.#over) return
      this.#handle(event)
    }
  }

  #handle(event: WmspClientEvent): void {
    switch (event.type) {
      case 'packet':
        this.#reception?.add(event.bytes)
        this.#ingest.write(event.bytes)
        break
      case 'header':
        clearTimeout(this.#timer)
        this.#socket?.setTimeout(this.#timeouts.idleMs)
        this.#reception = new ClientReception(event.init, performance.now())
        this.#ingest.header(event.init)
        break
      case 'dial':
        this.#dial(event.address)
        break
      case 'side':
        this.#aside(event.address, event.request)
        break
      case 'pair':
        this.#measurePair()
        break
      case 'log':
        this.#log()
        break
      case 'end':
        this.#close()
    }
  }

  #dial(address: ClientAddress): void {
    this.#socket?.destroy()
    const socket = openSocket(address, this.#client.insecureTls ?? false)
    this.#socket = socket
    const isCurrent = () => this.#socket === socket
    let connected = false
    const late = setTimeout(() => {
      if (isCurrent()) this.#close(timeout(`a connection to ${address.host}:${address.port}`, this.#timeouts.connectMs))
    }, this.#timeouts.connectMs)
    socket.once(address.tls ? 'secureConnect' : 'connect', () => {
      clearTimeout(late)
      connected = true
      this.#serverAddress = socket.remoteAddress
      if (isCurrent()) this.#flush()
    })
    socket.on('data', (bytes: Uint8Array) => {
      if (isCurrent()) this.#run(bytes)
    })
    socket.on('timeout', () => {
      if (isCurrent()) this.#close(timeout('bytes from the server', this.#timeouts.idleMs))
    })
    socket.on('error', (cause) => {
      const message = `expected a connection to ${address.host}:${address.port}, found: ${cause.message}`
      // One that broke later says so by its close: what it had sent may be all there is.
      if (isCurrent() && !connected) this.#close(new UnavailableError('ERR_WMSP_CONNECT', message, { cause }))
    })
    socket.on('close', () => {
      clearTimeout(late)
      if (isCurrent()) this.#run(undefined, true)
    })
  }

  #flush(): void {
    const socket = this.#socket
    if (socket === undefined || socket.connecting) return
    for (let bytes = this.#session.takeOutput(); bytes !== undefined; bytes = this.#session.takeOutput()) {
      socket.write(bytes)
    }
  }

  /** Between two entries the server is told that somebody waits, and is given more time. */
  #watch(): void {
    if (this.#over || this.#session.idle === (this.#keepAlive !== undefined)) return
    if (this.#session.idle) {
      this.#socket?.setTimeout(0)
      this.#deadline(this.#timeouts.entryMs, 'the next entry')
      this.#keepAlive = setInterval(() => {
        this.#aside(this.#session.address, this.#session.keepAliveRequest())
      }, this.#session.keepAliveMs)
    } else {
      clearTimeout(this.#timer)
      clearInterval(this.#keepAlive)
      this.#keepAlive = undefined
      this.#socket?.setTimeout(this.#timeouts.idleMs)
    }
  }

  #deadline(milliseconds: number, what: string): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#close(timeout(what, milliseconds)), milliseconds)
  }

  /** The time between the first and the second packet tells how fast the way is. */
  #measurePair(): void {
    const now = performance.now() * MICROS_PER_MS
    const linkBps = ++this.#pairs === 2 && this.#pairAt !== undefined ? pairBitrate(this.#pairAt, now) : undefined
    if (linkBps !== undefined && linkBps <= MAX_LINK_BPS) this.#session.linkBps = linkBps
    this.#pairAt = now
  }

  #log(): void {
    const facts = this.#reception?.facts({
      at: new Date(),
      nowMs: performance.now(),
      player: { id: this.#guid, version: VERSION, userAgent: 'Headend', program: 'headend', os: process.platform },
      url: this.#url,
      usedUrl: this.#session.url,
      rate: this.#client.rate ?? 1,
      description: this.#session.description,
    })
    if (facts === undefined) return
    const session = this.#session
    const { tellsApart } = session
    this.#aside(session.address, session.logRequest(tellsApart ? makeStreamingLog(facts) : makeLegacyLog(facts)))
    // It has no screen: what it shows ends with what comes.
    if (tellsApart) this.#aside(session.address, session.remoteLogRequest(makeRenderingLog(facts)))
    const { logUrl } = this.#client
    if (logUrl === undefined) return
    const reader = { serverAddress: this.#serverAddress ?? '-' }
    const logs = tellsApart
      ? [makeStreamingLog(facts, reader), makeRenderingLog(facts, reader)]
      : [makeLegacyLog(facts, reader)]
    this.#beside(postWebLogs(logUrl, logs, this.#timeouts.sideMs))
  }

  /** A request whose failure changes nothing. */
  #aside(address: ClientAddress, request: Uint8Array): void {
    this.#beside(exchange(address, request, this.#client.insecureTls ?? false, this.#timeouts.sideMs))
  }

  /** The end waits for it. */
  #beside(done: Promise<void>): void {
    this.#sides.add(done)
    void done.then(() => this.#sides.delete(done))
  }

  /** Closing twice does nothing. */
  #close(error?: HeadendError): void {
    if (this.#over) return
    this.#over = true
    clearTimeout(this.#timer)
    clearInterval(this.#keepAlive)
    this.#client.signal.removeEventListener('abort', this.#onAbort)
    this.#socket?.destroy()
    if (error === undefined) {
      try {
        this.#ingest.end()
      } catch {
        // What was held back is worth nothing to a stream that is gone.
      }
    }
    void Promise.all(this.#sides).then(() => {
      if (error === undefined) this.#settle.resolve()
      else this.#settle.reject(error)
    })
  }
}

function openSocket({ host, port, tls }: ClientAddress, insecure: boolean): Socket {
  if (!tls) return connect({ host, port, noDelay: true })
  const socket = connectTls({ host, port, servername: isIP(host) === 0 ? host : '', rejectUnauthorized: !insecure })
  socket.setNoDelay(true)
  return socket
}

/** Sends a request on a connection of its own. Resolves when it was answered, or was not. */
function exchange(address: ClientAddress, request: Uint8Array, insecure: boolean, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = openSocket(address, insecure)
    const answer = new WmResponseReader()
    const late = setTimeout(() => socket.destroy(), timeoutMs)
    socket.once(address.tls ? 'secureConnect' : 'connect', () => socket.write(request))
    socket.on('data', (bytes: Uint8Array) => {
      try {
        answer.write(bytes)
        for (let read = answer.read(); read !== undefined; read = answer.read()) if (read.type === 'end') socket.end()
      } catch {
        socket.destroy()
      }
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(late)
      resolve()
    })
  })
}

function timeout(what: string, milliseconds: number): UnavailableError {
  return new UnavailableError('ERR_WMSP_TIMEOUT', `expected ${what} within ${milliseconds} ms`)
}
