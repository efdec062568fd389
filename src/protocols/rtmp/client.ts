/** Dials RTMP and RTMPS servers and drives one client session over the socket. */
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { HeadendError, PeerError, UnavailableError } from '../../errors.ts'
import { type RtmpClientRequest, RtmpClientSession } from './client-session.ts'
import type { RtmpMessage } from './message.ts'
import { splitRtmpUrl } from './stream-name.ts'

export interface RtmpClientOptions {
  readonly role: RtmpClientRequest['role']
  /** Ends the connection in proper form. */
  readonly signal: AbortSignal
  /** Accept any certificate. */
  readonly insecureTls?: boolean
  /** Where in a file to begin, milliseconds. */
  readonly startMs?: number
  /** Use the digest handshake. */
  readonly digest?: boolean
  /** Audio, video and data of what is played; from inside the socket's turn. What it throws ends the connection. */
  readonly onMedia?: (message: RtmpMessage) => void
  readonly timeouts?: Partial<RtmpClientTimeouts>
}

/** Milliseconds. */
export interface RtmpClientTimeouts {
  readonly connectMs: number
  /** The whole handshake. */
  readonly handshakeMs: number
  /** From the end of the handshake until the server starts to play or to take. */
  readonly startMs: number
  /** Without a byte from or to the server. */
  readonly idleMs: number
}

const DEFAULT_TIMEOUTS: RtmpClientTimeouts = { connectMs: 5000, handshakeMs: 10_000, startMs: 30_000, idleMs: 15_000 }
const DEFAULT_PORT: Readonly<Record<string, number>> = { 'rtmp:': 1935, 'rtmps:': 443 }
/** Milliseconds a server has to take our last words. */
const LINGER_MS = 2000
/** Bytes of answers that a server may leave unread. */
const MAX_UNREAD_ANSWERS = 1024 * 1024

/** A connection on which media flows. */
export interface RtmpClient {
  readonly session: RtmpClientSession
  /** For `pump`. */
  readonly socket: Socket
  /** Resolves when the stream has ended on either side's wish, rejects when the connection broke or the server refused. */
  readonly ended: Promise<void>
  /** Sends what the session has to say. */
  flush(): void
  /** Ends in proper form, or with what went wrong. Closing twice does nothing. */
  close(error?: HeadendError): void
}

/**
 * Connects, and resolves when the server has agreed. Rejects with UnavailableError ERR_RTMP_CONNECT, ERR_RTMP_TIMEOUT or
 * ERR_RTMP_REMOTE_CLOSED, and with what RtmpClientSession throws.
 */
export function openRtmpClient(url: URL, options: RtmpClientOptions): Promise<RtmpClient> {
  const session = new RtmpClientSession({
    ...splitRtmpUrl(url),
    role: options.role,
    ...(options.startMs === undefined ? {} : { startMs: options.startMs }),
    ...(options.digest === undefined ? {} : { digest: options.digest }),
  })
  const socket = dial(url, options.insecureTls ?? false)
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts }
  const opened = Promise.withResolvers<RtmpClient>()
  const ended = Promise.withResolvers<void>()
  // Whoever waits for `opened` hears of the error there.
  ended.promise.catch(() => {})
  let over = false
  let connected = false

  let unread = 0
  const flush = () => {
    // Of what waits, media that a pump writes does not count; what the session says is no more than all that waits.
    unread = Math.min(unread, socket.writableLength)
    for (let bytes = session.takeOutput(); bytes !== undefined; bytes = session.takeOutput()) {
      unread += bytes.byteLength
      socket.write(bytes)
    }
    if (unread > MAX_UNREAD_ANSWERS) {
      close(new PeerError('ERR_RTMP_STALLED', 'expected the server to read, but it takes nothing any more'))
    }
  }

  const close = (error?: HeadendError) => {
    if (over) return
    over = true
    clearTimeout(timer)
    options.signal.removeEventListener('abort', onAbort)
    session.stop()
    if (connected)
      for (let bytes = session.takeOutput(); bytes !== undefined; bytes = session.takeOutput()) socket.write(bytes)
    session.end()
    if (connected && error === undefined) {
      socket.end()
      socket.resume()
      setTimeout(() => socket.destroy(), LINGER_MS).unref()
    } else {
      socket.destroy()
    }
    if (error === undefined) ended.resolve()
    else ended.reject(error)
    opened.reject(error ?? new UnavailableError('ERR_RTMP_ABORTED', 'ended before the server agreed'))
  }

  const client: RtmpClient = { session, socket, ended: ended.promise, flush, close }
  const onAbort = () => close()

  const deadline = (milliseconds: number, what: string) => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      close(new UnavailableError('ERR_RTMP_TIMEOUT', `expected ${what} within ${milliseconds} ms`))
    }, milliseconds)
  }
  let timer: NodeJS.Timeout | undefined

  const onData = (bytes: Uint8Array) => {
    if (over) return
    try {
      const handshaking = !session.ready
      session.write(bytes)
      if (handshaking && session.ready) deadline(timeouts.startMs, `the server to start ${options.role}`)
      for (let event = session.read(); event !== undefined; event = session.read()) {
        if (event.type === 'media') options.onMedia?.(event.message)
        else if (event.type === 'start') {
          clearTimeout(timer)
          socket.setTimeout(timeouts.idleMs)
          opened.resolve(client)
        } else if (event.type === 'end') return close()
      }
      if (!over) flush()
    } catch (error) {
      close(
        error instanceof HeadendError
          ? error
          : new UnavailableError('ERR_RTMP_INTERNAL', 'internal error', { cause: error }),
      )
    }
  }

  socket.once(url.protocol === 'rtmps:' ? 'secureConnect' : 'connect', () => {
    connected = true
    deadline(timeouts.handshakeMs, 'the handshake')
    flush()
  })
  socket.on('data', onData)
  socket.on('timeout', () => {
    close(new UnavailableError('ERR_RTMP_TIMEOUT', `expected bytes from the server within ${timeouts.idleMs} ms`))
  })
  socket.on('error', (cause) => {
    const code = connected ? 'ERR_RTMP_REMOTE_CLOSED' : 'ERR_RTMP_CONNECT'
    close(new UnavailableError(code, `expected a connection to ${url.host}, found: ${cause.message}`, { cause }))
  })
  socket.on('close', () => {
    close(
      new UnavailableError('ERR_RTMP_REMOTE_CLOSED', 'expected the end of the stream, found the end of the connection'),
    )
  })
  deadline(timeouts.connectMs, `a connection to ${url.host}`)
  if (options.signal.aborted) close()
  else options.signal.addEventListener('abort', onAbort, { once: true })
  return opened.promise
}

function dial(url: URL, insecure: boolean): Socket {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = url.port === '' ? (DEFAULT_PORT[url.protocol] ?? 1935) : Number(url.port)
  if (url.protocol !== 'rtmps:') return connect({ host, port, noDelay: true })
  const socket = connectTls({ host, port, servername: isIP(host) === 0 ? host : '', rejectUnauthorized: !insecure })
  socket.setNoDelay(true)
  return socket
}
