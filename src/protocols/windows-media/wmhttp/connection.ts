/** One connection of an encoder: its requests, their answers, and the push it serves (MS-WMHTTP 3.2.5). */
import type { Duplex } from 'node:stream'
import { describeError, FormatError, HeadendError, PeerError, UnavailableError } from '../../../errors.ts'
import type { AccessGrant } from '../../../live/access.ts'
import { checkPath } from '../../../live/path.ts'
import { STATUS_OF_CODE } from '../../../net/http/problem.ts'
import type { ConnectionPeer } from '../../../net/http/routes.ts'
import type { ServerContext } from '../../protocol.ts'
import { challengesFor, shownBy } from '../authorization.ts'
import type { HeaderLine } from '../message-head.ts'
import { formatPragma } from '../pragma.ts'
import { type WmRequest, WmRequestReader } from '../request-reader.ts'
import { formatResponse } from '../response-head.ts'
import type { Push, Pushes, PushPeer } from './pushes.ts'
import { type PushRequest, parsePushRequest, parseSetupBody } from './request.ts'
import { INACTIVITY_MS } from './session.ts'

/** Milliseconds for a head, or for the body of a PushSetup. */
const REQUEST_MS = 10_000
/** Milliseconds a closed connection may take to read its last words. */
const LINGER_MS = 3_000
/** Bytes of answers that an encoder may leave unread. */
const MAX_UNREAD_ANSWERS = 64 * 1024
const SERVER_NAME = 'Cougar/9.6.7600.16385'

export interface PushConnectionOptions {
  readonly socket: Duplex
  readonly peer: ConnectionPeer
  readonly context: ServerContext
  readonly pushes: Pushes
  /** Monotonic, milliseconds. */
  readonly now: () => number
  readonly pushIdleMs: number
  /** The connection is gone, with everything it held. */
  readonly onClose: () => void
}

type State = 'head' | 'setup' | 'deciding' | 'media' | 'closed'

export class PushConnection implements PushPeer {
  readonly #socket: Duplex
  readonly #context: ServerContext
  readonly #options: PushConnectionOptions
  readonly #reader = new WmRequestReader()
  #state: State = 'head'
  /** When the state began, or the first byte of a head came. */
  #since: number
  #http11 = true
  #request: PushRequest | undefined
  #body: Uint8Array[] = []
  #push: Push | undefined
  #grant: AccessGrant | undefined

  constructor(options: PushConnectionOptions) {
    const { socket, context, now, onClose } = options
    this.#options = options
    this.#socket = socket
    this.#context = context
    this.#since = now()
    socket.on('data', (bytes: Uint8Array) => this.take(bytes))
    socket.on('error', () => {
      // 'close' follows, which does the work.
    })
    socket.on('end', () => this.close())
    socket.on('close', () => {
      this.#leave()
      this.#state = 'closed'
      onClose()
    })
  }

  /** Bytes from the socket; also those that came before the connection was ours. */
  take(bytes: Uint8Array): void {
    if (this.#state === 'closed') return
    if (this.#state === 'head' && this.#reader.idle) this.#since = this.#options.now()
    this.#reader.write(bytes)
    this.#drain()
  }

  /** Looks at the deadlines; called about once a second. */
  tick(now: number): void {
    const passed = now - this.#since
    if (this.#state === 'closed') {
      if (passed > LINGER_MS) this.#socket.destroy()
    } else if (this.#state === 'setup' || (this.#state === 'head' && !this.#reader.idle)) {
      if (passed > REQUEST_MS)
        this.refuse(new PeerError('ERR_WMHTTP_IDLE', `expected a request within ${REQUEST_MS} ms`))
    } else if (this.#state === 'head' && passed > INACTIVITY_MS) {
      this.close()
    }
  }

  refuse(error: HeadendError): void {
    if (this.#state === 'closed') return
    const fields = { protocol: 'wm-push', remoteAddress: this.#options.peer.remoteAddress, path: this.#request?.path }
    this.#context.log.counted(error.code, { ...fields, error: describeError(error) }, 'push refused')
    this.#answer(statusOf(error), { headers: [['Connection', 'close']], text: error.message })
    this.close()
  }

  /** Ends the connection in good form. Closing twice does nothing. */
  close(): void {
    if (this.#state === 'closed') return
    this.#leave()
    this.#state = 'closed'
    this.#since = this.#options.now()
    this.#socket.end()
    // Read on without looking: bytes left unread would turn the orderly end into a reset.
    this.#socket.resume()
  }

  /** Cuts the connection. */
  destroy(): void {
    this.#socket.destroy()
  }

  /** The push, if it is to go on, waits for another connection. */
  #leave(): void {
    const push = this.#push
    this.#push = undefined
    if (push === undefined || push.peer !== this) return
    push.peer = undefined
    push.session.disconnect()
  }

  #drain(): void {
    try {
      while (this.#state === 'head' || this.#state === 'setup' || this.#state === 'media') {
        const event = this.#reader.read()
        if (event === undefined) return
        if (event.type === 'request') this.#begin(event.request)
        else if (event.type === 'end') this.#end()
        else if (this.#state === 'media') this.#media(event.bytes)
        else this.#body.push(event.bytes)
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  #begin(request: WmRequest): void {
    this.#http11 = request.http11
    this.#since = this.#options.now()
    this.#body = []
    this.#request = parsePushRequest(request)
    if (this.#request.kind === 'start') {
      this.#decide(this.#start(this.#request))
    } else {
      this.#state = 'setup'
      if (request.contentLength > 0) this.#sayContinue(request)
    }
  }

  #end(): void {
    if (this.#state === 'setup' && this.#request !== undefined) this.#decide(this.#setUp(this.#request))
    else if (this.#state === 'media') this.#finishBody()
  }

  /** Nothing is read until it is known what to do with it. */
  #decide(work: Promise<void>): void {
    this.#state = 'deciding'
    this.#socket.pause()
    work.then(
      () => {
        if (this.#state === 'closed') return
        this.#socket.resume()
        this.#drain()
      },
      (error: unknown) => this.#fail(error),
    )
  }

  async #setUp(setup: PushRequest): Promise<void> {
    const { request, path, pushId } = setup
    const { hub } = this.#context
    const { pushes, now } = this.#options
    const { template, autoDestroy } = parseSetupBody(Buffer.concat(this.#body))
    this.#body = []
    if (!(await this.#authorize(setup))) return
    if (this.#state === 'closed') return
    // A path needs no making: every valid name is one. A template has no settings to copy, but must be a name too.
    if (template !== undefined && hub.find(path) === undefined) checkPath(template.slice(1))
    const push = pushId === undefined ? pushes.create(path, now()) : pushes.find(pushId, path)
    push.session.setUp(now())
    if (autoDestroy) push.session.autoDestroy = true
    push.grant = this.#grant
    this.#adopt(push)
    this.#answer(204, { headers: this.#keepAlive(request), pushId: push.session.id })
    this.#idle()
  }

  /** The push-id is the proof here: encoders send no credentials with a PushStart. */
  async #start({ request, path, pushId, userAgent }: PushRequest): Promise<void> {
    const { pushes, now, peer } = this.#options
    // Containers and codecs are loaded with the first push: nobody needs them at start.
    const { PushIngest } = await import('./ingest.ts')
    if (this.#state === 'closed') return
    const push = pushes.find(pushId, path)
    push.session.start(now())
    pushes.publish(push, { remoteAddress: peer.remoteAddress, userAgent }, PushIngest)
    this.#adopt(push)
    this.#sayContinue(request)
    this.#state = 'media'
  }

  /** False: the challenge is sent. */
  async #authorize({ request, path }: PushRequest): Promise<boolean> {
    const { credentials, stale } = shownBy(request)
    const { remoteAddress } = this.#options.peer
    try {
      const request = { action: 'publish', path, protocol: 'wm-push', remoteAddress, credentials } as const
      this.#grant = (await this.#context.authorize(request)) ?? undefined
      return true
    } catch (error) {
      if (!(error instanceof HeadendError) || statusOf(error) !== 401) throw error
      if (this.#state === 'closed') return false
      const headers = [...challengesFor(request, stale), ...this.#keepAlive(request)]
      this.#answer(401, { headers, text: error.message })
      this.#idle()
      return false
    }
  }

  #adopt(push: Push): void {
    if (push.peer !== this) push.peer?.close()
    push.peer = this
    this.#push = push
  }

  #media(bytes: Uint8Array): void {
    const push = this.#push
    if (push === undefined) return
    const { session, ingest, registered } = push
    const now = this.#options.now()
    if (registered !== undefined) registered.bytesIn += bytes.byteLength
    session.write(bytes)
    for (let event = session.read(now); event !== undefined; event = session.read(now)) {
      if (event.type === 'packet') ingest?.packet(event.bytes)
      else if (event.type === 'header') ingest?.header(event.bytes)
      else return this.#endPush(push, event.reason)
    }
  }

  #endPush(push: Push, reason: number): void {
    const text = `0x${reason.toString(16).padStart(8, '0')}`
    const error = reason === 0 ? undefined : new PeerError('ERR_WMHTTP_ENDED', `the encoder ended with ${text}`)
    this.#options.pushes.end(push, { ...(error && { error }), final: error === undefined, answered: true })
    this.close()
  }

  #finishBody(): void {
    const push = this.#push
    if (push === undefined || this.#request === undefined) return
    push.session.finish(this.#options.now())
    this.#answer(204, { headers: this.#keepAlive(this.#request.request), pushId: push.session.id })
    this.#idle()
  }

  #idle(): void {
    this.#state = 'head'
    this.#since = this.#options.now()
    if (this.#closes(this.#request?.request)) this.close()
  }

  /** A connection that HTTP/1.0 would close stays open: the next request of an encoder comes on it. */
  #keepAlive(request: WmRequest): readonly HeaderLine[] {
    if (this.#closes(request)) return [['Connection', 'close']]
    return request.http11 ? [] : [['Connection', 'Keep-Alive']]
  }

  #closes(request: WmRequest | undefined): boolean {
    const tokens = (request?.headerAll('connection') ?? []).join(',').toLowerCase()
    return tokens.split(',').some((token) => token.trim() === 'close')
  }

  #sayContinue(request: WmRequest): void {
    if (!request.http11 || request.header('expect')?.toLowerCase() !== '100-continue') return
    this.#socket.write(formatResponse({ http11: true, status: 100, headers: [] }))
  }

  #answer(
    status: number,
    answer: { readonly headers: readonly HeaderLine[]; readonly pushId?: string; readonly text?: string },
  ): void {
    const { headers, pushId, text } = answer
    const body = Buffer.from(text === undefined ? '' : `${text}\r\n`, 'utf8')
    const head = formatResponse({
      http11: this.#http11,
      status,
      headers: [
        ['Server', SERVER_NAME],
        ['Cache-Control', 'no-cache'],
        formatPragma(['no-cache', ['timeout', this.#options.pushIdleMs]]),
        ...(pushId === undefined ? [] : [['Set-Cookie', `push-id=${pushId}`] as const]),
        ...(text === undefined ? [] : [['Content-Type', 'text/plain; charset=utf-8'] as const]),
        ...headers,
        ['Content-Length', String(body.byteLength)],
      ],
    })
    if (this.#socket.writableLength > MAX_UNREAD_ANSWERS) this.#socket.destroy()
    else this.#socket.write(Buffer.concat([head, body]))
  }

  #fail(error: unknown): void {
    let told = error
    if (!(error instanceof HeadendError)) {
      this.#context.log.error({ protocol: 'wm-push', error }, 'a fault of our own ends a connection')
      told = new UnavailableError('ERR_WMHTTP_INTERNAL', 'internal error')
    }
    const reason = told as HeadendError
    const push = this.#push
    // What goes wrong in a PushSetup leaves a push that runs alone.
    if (push !== undefined && this.#state === 'media') {
      this.#options.pushes.end(push, { error: reason, answered: true })
    }
    this.refuse(reason)
  }
}

function statusOf(error: HeadendError): number {
  const known = STATUS_OF_CODE[error.code]
  return known ?? (error instanceof PeerError || error instanceof FormatError ? 400 : 503)
}
