/** Which of the ten WMSP requests an HTTP request is (MS-WMSP 2.2.2.1 to 2.2.2.10, 3.2.5.1). */
import { PeerError } from '../../../errors.ts'
import type { Pragma } from '../pragma.ts'
import type { WmRequest } from '../request-reader.ts'

export type RequestKind =
  | 'describe'
  | 'play'
  | 'play-next-entry'
  | 'select-stream'
  | 'pipeline'
  | 'stop'
  | 'keep-alive'
  | 'log'
  | 'content-info'
  | 'event'

const CONTENT_INFO_TYPE = 'application/x-wms-getcontentinfo'
const LOG_TYPE = 'application/x-wms-logstats'
const EVENT_TYPE = 'application/x-wms-sendevent'

/** Tokens that name a request; a second one beside it says two things at once. */
const MARKS = ['pipeline-request', 'xplaynextentry', 'xplaystrm', 'xkeepaliveinpause', 'xstopstrm'] as const
type Mark = (typeof MARKS)[number]

/** Throws PeerError ERR_WMSP_REQUEST for what is none of them, or two at once. */
export function classify(request: WmRequest, pragma: Pragma): RequestKind {
  const { method } = request
  const kind = method === 'GET' ? ofGet(request, pragma) : method === 'POST' ? ofPost(request, pragma) : undefined
  if (kind !== undefined) return kind
  if (method === 'OPTIONS' && request.target === '*' && request.http11) return 'keep-alive'
  throw new PeerError(
    'ERR_WMSP_REQUEST',
    `expected a request of a Windows Media player, found ${method} with other tokens`,
  )
}

/** Must name a session that exists (3.2.5.1). */
export function needsSession(kind: RequestKind, method: string): boolean {
  switch (kind) {
    case 'content-info':
    case 'describe':
    case 'play':
    case 'event':
      return false
    case 'keep-alive':
      return method !== 'OPTIONS'
    default:
      return true
  }
}

function ofGet({ http11 }: WmRequest, pragma: Pragma): RequestKind | undefined {
  const pipeline = pragma.flag('pipeline-request')
  const next = pragma.flag('xPlayNextEntry')
  const play = pragma.flag('xPlayStrm')
  if (pipeline) return http11 && !next && !play ? 'pipeline' : undefined
  if (next) return http11 && !play ? 'play-next-entry' : undefined
  if (play) return 'play'
  if (!pragma.has('stream-switch-entry')) return 'describe'
  return hasMark(pragma) ? undefined : 'select-stream'
}

function ofPost(request: WmRequest, pragma: Pragma): RequestKind | undefined {
  const type = mediaType(request.header('content-type'))
  const empty = request.contentLength === 0
  if (type === CONTENT_INFO_TYPE) return empty ? undefined : 'content-info'
  if (type === EVENT_TYPE) return 'event'
  if (type === LOG_TYPE || (pragma.has('log-line') && empty && (type === '' || type === 'text/plain'))) {
    return hasMark(pragma) || pragma.has('stream-switch-entry') ? undefined : 'log'
  }
  if (!empty || type !== '') return undefined
  if (pragma.flag('xStopStrm')) return request.http11 && !hasMark(pragma, 'xstopstrm') ? 'stop' : undefined
  if (pragma.flag('xKeepAliveInPause')) return hasMark(pragma, 'xkeepaliveinpause') ? undefined : 'keep-alive'
  if (!pragma.has('stream-switch-entry')) return undefined
  return hasMark(pragma) ? undefined : 'select-stream'
}

function hasMark(pragma: Pragma, except?: Mark): boolean {
  return MARKS.some((mark) => mark !== except && pragma.flag(mark))
}

/** Without parameters, in lower case; empty: none. */
function mediaType(value: string | undefined): string {
  return (value ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}
