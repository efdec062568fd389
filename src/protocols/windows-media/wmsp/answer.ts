/** Answers to WMSP requests: heads with what every one must say (MS-WMSP 2.2.1, 3.2.5.2). */
import { type HeadendError, HeadendError as HeadendErrorClass } from '../../../errors.ts'
import { problemOf } from '../../../net/http/problem.ts'
import type { HeaderLine } from '../message-head.ts'
import { formatPragma, type PragmaToken } from '../pragma.ts'
import { formatResponse } from '../response-head.ts'
import type { ActivePlay } from './playing/active-play.ts'
import type { Content } from './playing/content.ts'
import { ANNOUNCED_IDLE_MS, type WmspSession } from './session.ts'

/** Name and version in `Server`: the last server and the last encoder that players were made for. */
export const SERVER_NAMES = { Cougar: 'Cougar/9.6.7600.16385', Rex: 'Rex/12.0.7600.16385' } as const
export type ServerName = keyof typeof SERVER_NAMES

const SUPPORTED =
  'com.microsoft.wm.srvppair, com.microsoft.wm.sswitch, com.microsoft.wm.predstrm, com.microsoft.wm.fastcache, com.microsoft.wm.startupprofile'
/** Seconds that a file may be kept by a cache before it asks again. */
const FILE_MAX_AGE = 3600
const EVENTS = 'x-wms-event-subscription="remote-log"'

/** What goes out for one request. */
export interface Answer {
  readonly status: number
  readonly headers: readonly HeaderLine[]
  /** The session it is for; the connection belongs to it from then on. */
  readonly session: WmspSession | undefined
  /** Each piece is written on its own; the first together with the head. */
  readonly body: readonly Uint8Array[]
  /** `whole`: the body has an end; `open`: a chunked answer goes on until it is ended; `play`: so does one with the packets of `play`. */
  readonly form: 'whole' | 'open' | 'play'
  /** Of `open`: ended after so many milliseconds, if nothing else ends it before. */
  readonly endsAfterMs?: number
  /** Of `play`. */
  readonly play?: ActivePlay
  /** The answer that runs on this connection is ended first, instead of letting this one wait behind it. */
  readonly interrupts: boolean
  /** The connection is closed behind it. */
  readonly close: boolean
}

/** The head as bytes. */
export function answerHead({ status, headers }: Pick<Answer, 'status' | 'headers'>, http11: boolean): Uint8Array {
  return formatResponse({ http11, status, headers })
}

export interface HeadOptions {
  readonly server: ServerName
  /** Knows `Supported`: from version 9 on. */
  readonly modern: boolean
  readonly session: WmspSession | undefined
  readonly cacheControl: string
  /** Tokens behind `no-cache` and the session's own. */
  readonly tokens?: readonly PragmaToken[]
  readonly contentType?: string
  /** `undefined`: the body has no length. */
  readonly length: number | undefined
  readonly chunked?: boolean
  /** How the connection goes on is said in HTTP/1.0 when it stays, in HTTP/1.1 when it does not. */
  readonly connection: 'close' | 'keep-alive' | undefined
  readonly more?: readonly HeaderLine[]
}

export function headersOf(options: HeadOptions): HeaderLine[] {
  const { server, modern, session, cacheControl, tokens = [], contentType, length, chunked, connection } = options
  const headers: HeaderLine[] = [['Server', SERVER_NAMES[server]]]
  if (contentType !== undefined) headers.push(['Content-Type', contentType])
  headers.push(['Cache-Control', cacheControl], formatPragma(['no-cache', ...sessionTokens(session), ...tokens]))
  if (modern) headers.push(['Supported', SUPPORTED])
  if (length !== undefined) headers.push(['Content-Length', String(length)])
  if (chunked === true) headers.push(['Transfer-Encoding', 'chunked'])
  if (connection !== undefined) headers.push(['Connection', connection])
  if (options.more !== undefined) headers.push(...options.more)
  return headers
}

function sessionTokens(session: WmspSession | undefined): PragmaToken[] {
  if (session === undefined) return []
  const tokens: PragmaToken[] = [
    ['client-id', session.clientId],
    ['timeout', ANNOUNCED_IDLE_MS],
  ]
  const { current } = session.entries
  if (current !== 0) tokens.push(['playlist-gen-id', current])
  return tokens
}

/** For answers that say nothing of a content. */
export const NOT_CACHED = 'no-cache'

/** `shown`: the client had to show who it is, so nobody else may have its copy. */
export function cacheControlOf(content: Content, playlist: boolean, shown: boolean): string {
  const types = [...(content.kind === 'live' ? ['broadcast'] : []), ...(playlist ? ['playlist'] : [])]
  const words = ['no-cache']
  if (content.kind === 'file' && !playlist) words.push(`x-wms-content-size=${content.size}`)
  if (types.length > 0) words.push(`x-wms-stream-type="${types.join(',')}"`)
  words.push(EVENTS)
  if (shown) words.push('no-store')
  else if (content.kind === 'live') {
    words.push('max-age=0', 'user-public', 'must-revalidate', 'proxy-public', 'proxy-revalidate', 'x-wms-proxy-split')
  } else {
    words.push(`max-age=${FILE_MAX_AGE}`, 'user-public', 'must-revalidate', 'proxy-public', 'proxy-revalidate')
  }
  return words.join(', ')
}

/** By which a cache knows whether its copy is still the same. */
export function validatorsOf(content: Content): HeaderLine[] {
  if (content.kind === 'live') return []
  const { size, modified } = content
  return [
    ['Last-Modified', modified.toUTCString()],
    ['Etag', `"${size.toString(16)}-${modified.getTime().toString(16)}"`],
  ]
}

export interface ErrorAnswerOptions {
  readonly server: ServerName
  readonly session: WmspSession | undefined
  /** `WWW-Authenticate` and the like, for an error of permission. */
  readonly challenge: readonly HeaderLine[]
  readonly close: boolean
  readonly http11: boolean
}

/** A status and one line of text. */
export function errorAnswer(error: unknown, options: ErrorAnswerOptions): Answer {
  const { server, session, challenge, close, http11 } = options
  const { status, title, detail } = problemOf(error)
  const body = Buffer.from(`${detail ?? title}\r\n`, 'utf8')
  const headers: HeaderLine[] = [
    ['Server', SERVER_NAMES[server]],
    ['Content-Type', 'text/plain; charset=utf-8'],
    ['Cache-Control', NOT_CACHED],
    formatPragma(['no-cache', ...sessionTokens(session)]),
    ['Content-Length', String(body.byteLength)],
    ...(status === 401 ? challenge : []),
  ]
  if (close) headers.push(['Connection', 'close'])
  else if (!http11) headers.push(['Connection', 'keep-alive'])
  return { status, headers, session, body: [body], form: 'whole', interrupts: false, close }
}

/** Errors that a peer causes, in contrast to faults of our own. */
export function isExpected(error: unknown): error is HeadendError {
  return error instanceof HeadendErrorClass
}
