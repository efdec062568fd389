/** Error answers: problem details (RFC 9457) made from the codes of our errors. */
import type { ServerResponse } from 'node:http'
import { HeadendError } from '../../errors.ts'
import { MEDIA_CORS_HEADERS } from './cors.ts'

/** The one table from error code to HTTP status. A code that is not here is answered with 500 and without details. */
export const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  ERR_ACCESS_DENIED: 401,
  ERR_ACCESS_BUSY: 503,
  ERR_API_FOREIGN_ORIGIN: 403,
  ERR_API_INVALID: 400,
  ERR_API_MEDIA_TYPE: 415,
  ERR_AUDIENCE_BATCH: 413,
  ERR_AUDIENCE_MEDIA_TYPE: 415,
  ERR_AUDIENCE_RATE: 429,
  ERR_AUDIENCE_REPORT: 400,
  ERR_AUDIENCE_SPOOL_FULL: 503,
  ERR_AUDIENCE_SPOOL_WRITE: 503,
  ERR_AUDIENCE_STORE: 503,
  ERR_CATALOGUE_BUSY: 503,
  ERR_CATALOGUE_NO_PICTURE: 404,
  ERR_CPIX_ALGORITHM: 400,
  ERR_CPIX_DECRYPT: 400,
  ERR_CPIX_KEY_ID: 400,
  ERR_CPIX_MAC: 400,
  ERR_CPIX_RECIPIENT: 400,
  ERR_CPIX_REFERENCE: 400,
  ERR_CPIX_RULES: 400,
  ERR_CPIX_SCHEME: 400,
  ERR_CPIX_SIGNED: 400,
  ERR_CPIX_SYNTAX: 400,
  ERR_CPIX_TOO_LARGE: 400,
  ERR_CPIX_VERSION: 400,
  ERR_HTTP_BODY_TOO_LARGE: 413,
  ERR_HTTP_HEADERS_TOO_MANY: 431,
  ERR_HTTP_HOST_DUPLICATE: 400,
  ERR_HTTP_HOST_UNKNOWN: 421,
  ERR_HTTP_METHOD_UNKNOWN: 405,
  ERR_HTTP_NOT_FOUND: 404,
  ERR_HTTP_QUERY_INVALID: 400,
  ERR_HTTP_RANGE_UNSATISFIABLE: 416,
  ERR_HTTP_TARGET_INVALID: 400,
  ERR_HTTP_UPGRADE_INVALID: 400,
  ERR_HUB_CLOSED: 503,
  ERR_HUB_FULL: 503,
  ERR_KEYS_CONFLICT: 409,
  ERR_KEYS_NAME: 400,
  ERR_KEYS_UNKNOWN: 404,
  ERR_LIBRARY_NOT_FOUND: 404,
  ERR_LIBRARY_UNREADABLE: 415,
  ERR_LICENSE_EXPIRED: 403,
  ERR_LICENSE_INSECURE: 403,
  ERR_LICENSE_NEEDED: 403,
  ERR_LICENSE_RATE: 429,
  ERR_LICENSE_REFUSED: 403,
  ERR_LICENSE_REQUEST: 400,
  ERR_PACKAGING_BUSY: 503,
  ERR_PACKAGING_FAILED: 503,
  ERR_PACKAGING_TIMEOUT: 503,
  ERR_PACKAGING_UNREADABLE: 422,
  ERR_PATH_INVALID: 400,
  ERR_PLAYLOG_FILE_NOT_FOUND: 404,
  ERR_PROTECTION_CHANGED: 503,
  ERR_PROTECTION_CLEAR: 403,
  ERR_PROTECTION_CODEC: 415,
  ERR_RECORDING_NOT_FOUND: 404,
  ERR_RECORDING_OPEN: 409,
  ERR_RECORDING_TRACKS_CHANGED: 409,
  ERR_SESSION_NOT_FOUND: 404,
  ERR_STREAM_BUSY: 409,
  ERR_STREAM_NOT_FOUND: 404,
  ERR_STREAM_NO_TRACK: 406,
  ERR_STREAM_PROTECTED: 406,
  ERR_TOKEN_INVALID: 400,
  ERR_TOKEN_STORE_FULL: 503,
  ERR_TRANSCODE_BUSY: 503,
  ERR_TRANSCODE_ENDED: 404,
  ERR_TRANSCODE_FAILED: 503,
  ERR_TRANSCODE_NO_FFMPEG: 501,
  ERR_TRANSCODE_NO_MEDIA: 415,
  ERR_TRANSCODE_OFF_GRID: 503,
  ERR_TRANSCODE_TOO_LONG: 415,
  ERR_WMHTTP_AGENT: 400,
  ERR_WMHTTP_BODY_CUT: 400,
  ERR_WMHTTP_BUSY: 409,
  ERR_WMHTTP_IDLE: 408,
  ERR_WMHTTP_ORDER: 400,
  ERR_WMHTTP_PACKET_SIZE: 400,
  ERR_WMHTTP_REQUEST: 400,
  ERR_WMHTTP_SESSION: 404,
  ERR_WMHTTP_SESSIONS: 503,
  ERR_WMSP_AGENT: 400,
  ERR_WMSP_LOG: 400,
  ERR_WMSP_REQUEST: 400,
  ERR_WMSP_SELECTIONS: 503,
  ERR_WMSP_SESSION: 400,
  ERR_WMSP_SESSIONS: 503,
  ERR_WMSP_STATE: 409,
  ERR_WMS_BODY_LENGTH: 400,
  ERR_WMS_CDL_INVALID: 400,
  ERR_WMS_CDL_LIMIT: 400,
  ERR_WMS_EVENT_INVALID: 400,
  ERR_WMS_FRAME_LENGTH: 400,
  ERR_WMS_FRAME_TYPE: 400,
  ERR_WMS_HEAD_INVALID: 400,
  ERR_WMS_HEAD_TOO_LARGE: 400,
  ERR_WMS_PRAGMA_INVALID: 400,
  ERR_WMS_PRAGMA_LIMIT: 400,
  ERR_WMS_SWITCH_INVALID: 400,
  ERR_WMS_SWITCH_LIMIT: 400,
  ERR_XML_SYNTAX: 400,
  ERR_XML_TOO_LARGE: 400,
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  416: 'Range Not Satisfiable',
  421: 'Misdirected Request',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
}

/** The body of a problem answer. */
export interface Problem {
  readonly title: string
  readonly status: number
  readonly code: string
  readonly detail?: string
}

/** What a peer is told of an error: nothing but "500" unless it is one of ours that has a status. */
export function problemOf(error: unknown): Problem {
  const status = error instanceof HeadendError ? STATUS_OF_CODE[error.code] : undefined
  if (status === undefined || !(error instanceof HeadendError)) {
    return { title: titleOf(500), status: 500, code: 'ERR_INTERNAL' }
  }
  return { title: titleOf(status), status, code: error.code, detail: error.message }
}

/** Answers with a problem; when the head of another answer is out already, cuts the connection instead. */
export function sendProblem(
  response: ServerResponse,
  error: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const problem = problemOf(error)
  const body = Buffer.from(JSON.stringify(problem))
  response.writeHead(problem.status, {
    'Content-Type': 'application/problem+json',
    'Content-Length': String(body.byteLength),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(problem.status === 401 ? { 'WWW-Authenticate': 'Bearer realm="headend"' } : {}),
    ...MEDIA_CORS_HEADERS,
    ...headers,
  })
  response.end(body)
}

/** The answer as bytes for a raw socket, which is closed right after it unless `headers` say otherwise. */
export function problemBytes(
  error: unknown,
  headers: Readonly<Record<string, string>> = { Connection: 'close' },
): Buffer {
  const problem = problemOf(error)
  const body = JSON.stringify(problem)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(
    `HTTP/1.1 ${problem.status} ${problem.title}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n${lines.join('')}\r\n${body}`,
  )
}

/** A value that is safe in a response header: everything but visible ASCII and spaces between is left out. */
export function headerValue(text: string): string {
  return text.replace(/[^ -~]/g, '').trim()
}

function titleOf(status: number): string {
  return TITLES[status] ?? 'Error'
}
