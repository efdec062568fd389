/** Heads of answers to Windows Media clients, byte for byte as given (RFC 9112 section 4). */
import { assert } from '../../errors.ts'
import type { HeaderLine } from './message-head.ts'

const REASONS: Readonly<Record<number, string>> = {
  100: 'Continue',
  200: 'OK',
  204: 'No Content',
  302: 'Found',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  417: 'Expectation Failed',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  505: 'HTTP Version Not Supported',
}

/** What an answer's head is made of. */
export interface ResponseHead {
  /** Status line of HTTP/1.1, or of HTTP/1.0 for clients that asked so. */
  readonly http11: boolean
  readonly status: number
  /** Default: the usual words. */
  readonly reason?: string
  /** In this order and this capitalisation: Windows Media Encoder finds `WWW-Authenticate`, `Set-Cookie` and `Content-Length` only so. */
  readonly headers: readonly HeaderLine[]
}

/** Status line, header lines and blank line. */
export function formatResponse({ http11, status, reason, headers }: ResponseHead): Uint8Array {
  let text = `HTTP/1.${http11 ? 1 : 0} ${status} ${reason ?? REASONS[status] ?? 'Unknown'}\r\n`
  for (const [name, value] of headers) {
    assert(!/[\r\n\0]/.test(name + value), `a header value without line ends, found ${JSON.stringify(value)}`)
    text += `${name}: ${value}\r\n`
  }
  return Buffer.from(`${text}\r\n`, 'latin1')
}
