/** Requests in, answers out: the server side of WMSP without its sockets (MS-WMSP 3.2.5). */
import { describeError, HeadendError, PeerError } from '../../../errors.ts'
import { type Clock, systemClock } from '../../../library/clock.ts'
import type { AccessGrant } from '../../../live/access.ts'
import type { ServerContext } from '../../protocol.ts'
import { challengesFor, shownBy } from '../authorization.ts'
import { REASON, testPacket } from '../framing.ts'
import { parsePragma } from '../pragma.ts'
import { parseProduct } from '../product.ts'
import type { WmRequest } from '../request-reader.ts'
import { type Answer, errorAnswer, headersOf, NOT_CACHED, type ServerName } from './answer.ts'
import type { Call, RequestConnection, WmspOptions, WmspService } from './call.ts'
import { playNextEntry, selectStream, stop } from './control.ts'
import { contentInfo, describe, emptyAnswer, headOf } from './describe.ts'
import { play } from './play.ts'
import type { ActivePlay } from './playing/active-play.ts'
import { FramedFeeds } from './playing/live-feed.ts'
import { takeEvent, takeLog } from './reports.ts'
import { classify, needsSession } from './request.ts'
import { PIPELINE_TEST_MS, type WmspSession } from './session.ts'
import { SessionRegistry } from './session-registry.ts'
import { featuresOf, rulesOf } from './viewer-rules.ts'

const NO_CONTENT = 204

interface Running {
  readonly play: ActivePlay
  readonly connection: RequestConnection
  /** Why the server ends it. */
  reason: HeadendError | undefined
}

/** One server's sessions, and what is done for each request. */
export class Exchange implements WmspService {
  readonly context: ServerContext
  readonly options: WmspOptions
  readonly server: ServerName
  readonly clock: Clock
  readonly sessions: SessionRegistry
  readonly feeds: FramedFeeds
  readonly #plays = new Map<WmspSession, Running>()
  readonly #grants = new WeakMap<Call, AccessGrant>()

  constructor(context: ServerContext, options: WmspOptions) {
    this.context = context
    this.options = options
    this.server = options.product ?? 'Cougar'
    this.clock = options.clock ?? systemClock
    this.sessions = new SessionRegistry(options.maxSessions)
    this.feeds = new FramedFeeds()
  }

  /** Never rejects: what goes wrong is an answer too. */
  async answer(request: WmRequest, body: Uint8Array, connection: RequestConnection): Promise<Answer> {
    let session: WmspSession | undefined
    try {
      const call = this.#read(request, body, connection)
      session = call.session
      session?.accept(call.kind)
      const answer = await this.#dispatch(call)
      this.#answered(answer.session)
      return answer
    } catch (error) {
      this.#answered(session)
      return this.refuse(error, request, connection, session)
    }
  }

  /** The answer to a request that is refused, or that cannot even be read. */
  refuse(error: unknown, request: WmRequest | undefined, connection: RequestConnection, session?: WmspSession): Answer {
    const fields = { protocol: 'wmsp', remoteAddress: connection.remoteAddress, path: request?.path }
    if (error instanceof HeadendError) {
      this.context.log.counted(error.code, { ...fields, error: describeError(error) }, 'request refused')
    } else {
      this.context.log.error({ ...fields, error }, 'a fault of our own ends a request')
    }
    return errorAnswer(error, {
      server: this.server,
      session,
      challenge: request === undefined ? [] : challengesFor(request, shownBy(request).stale),
      close: request === undefined || !keepsAlive(request),
      http11: request?.http11 ?? true,
    })
  }

  async authorize(call: Call): Promise<boolean> {
    const { request, connection, path } = call
    const { credentials } = shownBy(request)
    const { remoteAddress } = connection
    const grant = await this.context.authorize({ action: 'play', path, protocol: 'wmsp', remoteAddress, credentials })
    if (grant !== undefined) this.#grants.set(call, grant)
    return Object.keys(credentials).length > 0
  }

  grantOf(call: Call): AccessGrant | undefined {
    return this.#grants.get(call)
  }

  playOf(session: WmspSession): ActivePlay | undefined {
    return this.#plays.get(session)?.play
  }

  /** Everything that is played now. */
  playing(): readonly ActivePlay[] {
    return [...this.#plays.values()].map(({ play: active }) => active)
  }

  startPlay(active: ActivePlay, connection: RequestConnection): void {
    this.#plays.set(active.session, { play: active, connection, reason: undefined })
  }

  stopPlay(active: ActivePlay, reason?: HeadendError): void {
    const running = this.#plays.get(active.session)
    if (running?.play !== active) return
    if (reason === undefined) {
      running.connection.stopPlaying()
      this.endPlay(active)
    } else {
      // The viewer is told, and what ends then is this play.
      running.reason = reason
      active.playback.finish(REASON.PUBLISHING_POINT_STOPPED)
    }
  }

  /** `reason`: why, when it is not its own end. */
  endPlay(active: ActivePlay, reason?: HeadendError): void {
    const { session, playback, registered } = active
    const running = this.#plays.get(session)
    if (running?.play !== active) return
    this.#plays.delete(session)
    registered.skipped = playback.skipped
    playback.close()
    this.context.sessions.close(registered, reason ?? running.reason)
    session.stop(this.clock.now())
    this.sessions.touch(session)
  }

  /** Once a second or so: forgets sessions whose time is over. */
  tick(): void {
    this.sessions.expire(this.clock.now())
  }

  #answered(session: WmspSession | undefined): void {
    if (session === undefined) return
    session.answered(this.clock.now())
    this.sessions.touch(session)
  }

  #read(request: WmRequest, body: Uint8Array, connection: RequestConnection): Call {
    const product = parseProduct(request.header('user-agent'))
    if (product === undefined || product.token === 'WMEncoder') {
      throw new PeerError('ERR_WMSP_AGENT', 'expected a Windows Media player, server or cache as User-Agent')
    }
    const pragma = parsePragma(request.headerAll('pragma'))
    const kind = classify(request, pragma)
    const clientId = pragma.u32('client-id')
    const path = request.target === '*' ? '*' : (this.options.path ?? pathOf(request))
    const found = clientId === undefined ? undefined : this.sessions.get(clientId)
    // An id is good for what it was given for.
    const session = found !== undefined && (path === '*' || found.path === path) ? found : undefined
    if (session === undefined && needsSession(kind, request.method)) {
      const text = clientId === undefined ? 'found none' : 'found one that is not known'
      throw new PeerError('ERR_WMSP_SESSION', `expected the client-id of a session, ${text}`)
    }
    if (session !== undefined) session.features = featuresOf(request.headerAll('supported')) ?? session.features
    return {
      kind,
      request,
      body,
      pragma,
      product,
      rules: rulesOf(product),
      connection,
      path,
      session,
      unknownSession: clientId !== undefined && session === undefined,
      keepAlive: keepsAlive(request),
    }
  }

  async #dispatch(call: Call): Promise<Answer> {
    switch (call.kind) {
      case 'describe':
        return describe(this, call)
      case 'content-info':
        return contentInfo(this, call)
      case 'play':
        return play(this, call)
      case 'play-next-entry':
        return playNextEntry(this, call)
      case 'select-stream':
        return selectStream(this, call)
      case 'stop':
        return stop(this, call)
      case 'log':
        return takeLog(this, call)
      case 'event':
        return takeEvent(this, call)
      case 'pipeline':
        return this.#pipeline(call)
      default:
        return this.#keepAlive(call)
    }
  }

  /** In the pipelined mode it comes between others; else it has a connection to itself. */
  #keepAlive(call: Call): Answer {
    if (call.request.method === 'OPTIONS') {
      const answer = emptyAnswer(this, call)
      return { ...answer, headers: [...answer.headers, ['Public', 'GET, POST, OPTIONS'], ['Allow', 'OPTIONS']] }
    }
    return emptyAnswer(this, call, { keepAlive: call.keepAlive && call.session?.pipelined === true })
  }

  #pipeline(call: Call): Answer {
    const { session } = call
    const result = session?.pipelineTest(this.clock.now()) ?? false
    if (result !== 'first') {
      const answer = emptyAnswer(this, call, { status: NO_CONTENT, tokens: [['pipeline-result', result ? 1 : 0]] })
      return { ...answer, interrupts: true }
    }
    const headers = headersOf({
      ...headOf(this, call, session),
      cacheControl: NOT_CACHED,
      length: undefined,
      chunked: true,
    })
    const body = [PIPELINE_TEST_CHUNK]
    return {
      status: 200,
      headers,
      session,
      body,
      form: 'open',
      endsAfterMs: PIPELINE_TEST_MS,
      interrupts: false,
      close: false,
    }
  }
}

/** `$T` as the one chunk of an answer. */
const PIPELINE_TEST_CHUNK = Buffer.concat([Buffer.from('4\r\n', 'latin1'), testPacket(), Buffer.from('\r\n', 'latin1')])

/** HTTP/1.1 stays unless it says otherwise, HTTP/1.0 goes unless it says otherwise. */
export function keepsAlive(request: WmRequest): boolean {
  const words = request.headerAll('connection').join(',').toLowerCase()
  return request.http11 ? !words.includes('close') : words.includes('keep-alive')
}

/** `/live/studio` to `live/studio`. */
function pathOf({ path }: WmRequest): string {
  return path.startsWith('/') ? path.slice(1) : path
}
