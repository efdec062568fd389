/** Pushes a stream to a Windows Media server: dials, follows, shows credentials, and writes as fast as the server reads (MS-WMHTTP 3.1). */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { HeadendError, PeerError, UnavailableError } from '../../../errors.ts'
import type { LogCursor } from '../../../live/bounded-log.ts'
import type { Stream } from '../../../live/stream.ts'
import type { ClientContext } from '../../protocol.ts'
import { type AsfUnit, asfUnits } from '../asf-units.ts'
import { ClientAuthorization, userPasswordOf } from '../client-authorization.ts'
import { type Authorizer, type PushClientEvent, PushClientSession } from './client-session.ts'

const DEFAULT_PORT = 80
/** Redirects, and answers to challenges, before a server is given up. */
const MAX_REDIRECTS = 5
const MAX_CHALLENGES = 3
const CONNECT_MS = 5_000
/** Milliseconds for an answer that is due. */
const ANSWER_MS = 30_000
/** Milliseconds in which a server that has bytes to take must take some. */
const STALL_MS = 10_000
/** Milliseconds a server has to close when all is sent. */
const LINGER_MS = 2_000
/** No more is written while this many bytes wait in the process for the socket. */
const MAX_QUEUED_BYTES = 128 * 1024

/** Where to connect and what to ask there. */
interface Place {
  readonly url: URL
  /** Connect there instead, and ask it for the whole URL. */
  readonly proxy: URL | undefined
}

type Outcome = 'ended' | Exclude<PushClientEvent, { type: 'ready' | 'continued' }>

/**
 * `url` is `wmhttp://[USER:PASSWORD@]HOST[:PORT]/PATH[?key=KEY]`; the query goes out as it is. Resolves when the stream has ended or the
 * signal aborts. Rejects with UnavailableError ERR_WMHTTP_CONNECT, ERR_WMHTTP_TIMEOUT or ERR_WMHTTP_REMOTE_CLOSED, PeerError
 * ERR_WMHTTP_STALLED or ERR_WMHTTP_DENIED, and what PushClientSession throws.
 */
export async function pushWindowsMedia(stream: Stream, url: URL, client: ClientContext): Promise<void> {
  const who = userPasswordOf(url)
  let place: Place = { url: httpUrl(url.href), proxy: undefined }
  const { host } = place.url
  let authorize: Authorizer | undefined
  let session: PushClientSession | undefined
  let challenges = 0
  if (client.signal.aborted) return
  for (let redirects = 0; redirects <= MAX_REDIRECTS; ) {
    session ??= openSession(place, authorize)
    const connection: PushClientConnection = new PushClientConnection(
      place.proxy ?? place.url,
      stream,
      session,
      client,
      (event) => {
        const isStale = challenges > 0 && ClientAuthorization.isStale(event.values)
        // Passwords are for the server they were given for.
        const mayAnswer = who !== undefined && place.url.host === host && (challenges === 0 || isStale)
        const answer = mayAnswer
          ? ClientAuthorization.answering(event.values, who, randomBytes(12).toString('hex'))
          : undefined
        if (answer === undefined || ++challenges > MAX_CHALLENGES) {
          throw new PeerError(
            'ERR_WMHTTP_DENIED',
            'expected the server to take the push, found that it wants other credentials',
          )
        }
        const name = event.proxy ? 'Proxy-Authorization' : 'Authorization'
        authorize = (method, target) => [[name, answer.header(method, target)]]
        return authorize
      },
    )
    const outcome = await connection.run()
    if (outcome === 'ended') return
    if (outcome.type === 'redirect') {
      redirects++
      place = follow(place, outcome)
      authorize = undefined
      challenges = 0
      session = undefined
    } else if (session.init === undefined || authorize === undefined) {
      session = undefined
    } else {
      // What was refused was not the setup but the stream: it goes on with the same push-id.
      session.restart(authorize)
    }
  }
  throw new PeerError('ERR_WMHTTP_REJECTED', `expected at most ${MAX_REDIRECTS} redirects`)
}

function openSession({ url, proxy }: Place, authorize: Authorizer | undefined): PushClientSession {
  const path = url.pathname + url.search
  return new PushClientSession({
    target: proxy === undefined ? path : `http://${url.host}${path}`,
    host: url.host,
    proxy: proxy !== undefined,
    ...(authorize && { authorize }),
  })
}

/** 305 names a proxy, everything else another address. */
function follow(place: Place, { location, proxy }: { readonly location: string; readonly proxy: boolean }): Place {
  let url: URL
  try {
    url = httpUrl(new URL(location, place.url).href)
  } catch (cause) {
    const found = JSON.stringify(location.slice(0, 60))
    throw new PeerError('ERR_WMHTTP_REJECTED', `expected a Location of http, found ${found}`, { cause })
  }
  return proxy ? { url: place.url, proxy: url } : { url, proxy: undefined }
}

/** The same address in the scheme whose rules it follows. */
function httpUrl(address: string): URL {
  const url = new URL(address.replace(/^wmhttp:/i, 'http:'))
  if (url.protocol !== 'http:')
    throw new PeerError('ERR_WMHTTP_REJECTED', `expected an address of http, found ${url.protocol}`)
  return url
}

/** One connection to a server. */
class PushClientConnection {
  readonly #stream: Stream
  readonly #session: PushClientSession
  readonly #client: ClientContext
  readonly #answer: (event: PushClientEvent & { readonly type: 'challenge' }) => Authorizer
  readonly #over = Promise.withResolvers<Outcome>()
  #isOver = false
  /** A full body waits for its answer. */
  #waiting = false
  readonly #url: URL
  readonly #socket: Socket
  #timer: NodeJS.Timeout | undefined
  #cursor: LogCursor<AsfUnit> | undefined
  /** Taken from the stream when the body was full. */
  #held: AsfUnit | undefined

  /** Connects to `url`. */
  constructor(
    url: URL,
    stream: Stream,
    session: PushClientSession,
    client: ClientContext,
    answer: (event: PushClientEvent & { readonly type: 'challenge' }) => Authorizer,
  ) {
    this.#stream = stream
    this.#session = session
    this.#client = client
    this.#answer = answer
    this.#url = url
    const port = url.port === '' ? DEFAULT_PORT : Number(url.port)
    this.#socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port, noDelay: true })
  }

  /** Stays until the push is over, or has to go on elsewhere. */
  async run(): Promise<Outcome> {
    const { signal } = this.#client
    const socket = this.#socket
    const { host } = this.#url
    let connected = false
    const onAbort = () => (connected ? this.#guard(() => this.#finish()) : this.#settle('ended'))
    signal.addEventListener('abort', onAbort, { once: true })
    this.#expect(CONNECT_MS, `a connection to ${host}`)
    socket.once('connect', () => {
      connected = true
      this.#guard(() => this.#begin())
    })
    socket.on('data', (bytes: Uint8Array) => this.#guard(() => this.#take(bytes)))
    socket.on('drain', () => this.#guard(() => this.#pump()))
    socket.on('timeout', () => {
      if (socket.writableLength === 0) return
      this.#fail(new PeerError('ERR_WMHTTP_STALLED', 'expected the server to read, but it takes nothing any more'))
    })
    socket.on('error', (cause) => {
      const code = connected ? 'ERR_WMHTTP_REMOTE_CLOSED' : 'ERR_WMHTTP_CONNECT'
      this.#lost(new UnavailableError(code, `expected a connection to ${host}, found: ${cause.message}`, { cause }))
    })
    socket.on('close', () => {
      const text = 'expected the server to take the push, found the end of the connection'
      this.#lost(new UnavailableError('ERR_WMHTTP_REMOTE_CLOSED', text))
    })
    try {
      return await this.#over.promise
    } finally {
      signal.removeEventListener('abort', onAbort)
      clearTimeout(this.#timer)
      this.#cursor?.close()
      socket.destroy()
    }
  }

  #begin(): void {
    this.#socket.setTimeout(STALL_MS)
    if (this.#session.init === undefined) {
      this.#session.setUp()
      this.#expect(ANSWER_MS, 'an answer')
    } else {
      this.#openStream()
    }
    this.#flush()
    this.#pump()
  }

  #take(bytes: Uint8Array): void {
    this.#session.write(bytes)
    for (let event = this.#session.read(); event !== undefined; event = this.#session.read()) {
      if (event.type === 'redirect') return this.#settle(event)
      if (event.type === 'challenge') {
        const authorize = this.#answer(event)
        if (!event.keeps) return this.#settle(event)
        this.#session.setUp(authorize)
      }
      clearTimeout(this.#timer)
      if (event.type === 'ready') this.#openStream()
    }
    this.#flush()
    if (this.#session.finished) this.#finish()
    else this.#pump()
  }

  #openStream(): void {
    this.#cursor?.close()
    this.#cursor = this.#stream.units(asfUnits).open()
    this.#cursor.onWake = () => this.#guard(() => this.#pump())
    clearTimeout(this.#timer)
  }

  /** As much as the socket takes; the rest stays in the stream's log, where it costs nothing. */
  #pump(): void {
    const session = this.#session
    this.#socket.cork()
    while (!this.#isOver && !session.finished && this.#socket.writableLength < MAX_QUEUED_BYTES) {
      if (session.init !== undefined && !session.ready) break
      const unit = this.#held ?? this.#cursor?.take()
      this.#held = undefined
      if (unit === undefined) {
        if (this.#cursor?.ended !== true) break
        // Units end before their stream when another publisher brings its own, or none.
        if (this.#stream.state === 'closed') this.#finish()
        else this.#openStream()
        continue
      }
      if (session.init === undefined) session.begin(unit.init)
      else if (session.init !== unit.init) session.change(unit.init)
      if (session.ready) session.packet(unit.bytes)
      else this.#held = unit
      this.#flush()
    }
    this.#socket.uncork()
  }

  /** The last words; then it is the server's turn to close. */
  #finish(): void {
    this.#cursor?.close()
    this.#session.finish()
    this.#flush()
    if (!this.#session.finished || this.#isOver) return
    this.#socket.end()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#settle('ended'), LINGER_MS)
  }

  #flush(): void {
    for (const bytes of this.#session.takeOutput()) this.#socket.write(bytes)
    // A body that is full goes on when the server has answered.
    const waits = this.#session.init !== undefined && !this.#session.ready && !this.#session.finished
    if (waits && !this.#waiting) this.#expect(ANSWER_MS, 'an answer to a whole body')
    this.#waiting = waits
  }

  #expect(milliseconds: number, what: string): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#fail(new UnavailableError('ERR_WMHTTP_TIMEOUT', `expected ${what} within ${milliseconds} ms`))
    }, milliseconds)
  }

  #guard(work: () => void): void {
    if (this.#isOver) return
    try {
      work()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** When all is sent, the end of the connection is what is waited for. */
  #lost(error: HeadendError): void {
    if (this.#session.finished) this.#settle('ended')
    else this.#fail(error)
  }

  #settle(outcome: Outcome): void {
    this.#isOver = true
    this.#over.resolve(outcome)
  }

  #fail(error: unknown): void {
    this.#isOver = true
    this.#over.reject(
      error instanceof HeadendError
        ? error
        : new UnavailableError('ERR_WMHTTP_INTERNAL', 'internal error', { cause: error }),
    )
  }
}
