/** Judges the head of a plain request, byte for byte strict: what is odd in any way is left to the full parser (RFC 9112 sections 3 and 5). */
import { isClientDataHeader, isOptOut } from './client-data.ts'
import { acceptsGzip } from './compress.ts'

/** Bytes of a request head, blank line included. The full parser has the same limit. */
export const MAX_HEAD_BYTES = 16 * 1024
/** Header lines of one request. */
export const MAX_HEADER_COUNT = 64

/** What the header lines of a plain request say. */
export interface PlainHeaders {
  readonly gzip: boolean
  /** `X-Forwarded-For`, unchecked. */
  readonly forwardedFor: string | undefined
  readonly userAgent: string | undefined
  /** Headers of client data as one text; `undefined`: there is none. */
  readonly clientData: string | undefined
  /** It asks not to be tracked. */
  readonly optedOut: boolean
  /** Bytes of the body; `undefined`: there is none. */
  readonly bodyBytes: number | undefined
  readonly contentType: string | undefined
}

/** Headers whose meaning goes beyond "give me this": they change the answer, the framing or the connection. */
const NOT_PLAIN = new Set([
  'content-encoding',
  'transfer-encoding',
  'expect',
  'upgrade',
  'http2-settings',
  'te',
  'trailer',
  'range',
  'if-range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'proxy-connection',
])

const HEADER_LINE = /^([A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}):[ \t]*([\t -~]*)$/
const PLAIN_TARGET = /^\/[!-~]*$/
const BODY_BYTES = /^\d{1,10}$/
const ENDING = ' HTTP/1.1'

/** The target of the request line in `text` from `start` to `end` (without its line end), when it is `GET /… HTTP/1.1` exactly, or the same for POST. */
export function plainTarget(
  text: string,
  start = 0,
  end: number = text.length,
  method: 'GET' | 'POST' = 'GET',
): string | undefined {
  const at = start + method.length + 1
  if (!text.startsWith(method, start) || !text.startsWith(' /', at - 1)) return undefined
  if (!text.startsWith(ENDING, end - ENDING.length)) return undefined
  const target = text.slice(at, end - ENDING.length)
  return PLAIN_TARGET.test(target) ? target : undefined
}

/** `lines`: the header lines, each with its CR LF, without the blank line. `undefined`: not plain. */
export function plainHeaders(lines: string): PlainHeaders | undefined {
  if (!lines.endsWith('\r\n')) return undefined
  const list = lines.slice(0, -2).split('\r\n')
  if (list.length > MAX_HEADER_COUNT) return undefined
  let hosts = 0
  let gzip: boolean | undefined
  let forwardedFor: string | undefined
  let userAgent: string | undefined
  let clientData: string | undefined
  let optedOut = false
  let bodyBytes: number | undefined
  let contentType: string | undefined
  for (const line of list) {
    const match = HEADER_LINE.exec(line)
    if (match === null) return undefined
    const name = (match[1] as string).toLowerCase()
    const value = (match[2] as string).trimEnd()
    if (NOT_PLAIN.has(name)) return undefined
    if (name === 'host') hosts++
    else if (name === 'connection') {
      if (value.toLowerCase() !== 'keep-alive') return undefined
    } else if (name === 'accept-encoding') {
      if (gzip !== undefined) return undefined
      gzip = acceptsGzip(value)
    } else if (name === 'x-forwarded-for') {
      if (forwardedFor !== undefined) return undefined
      forwardedFor = value
    } else if (name === 'content-length') {
      if (bodyBytes !== undefined || !BODY_BYTES.test(value)) return undefined
      bodyBytes = Number(value)
    } else if (name === 'content-type') {
      if (contentType !== undefined) return undefined
      contentType = value
    } else if (name === 'user-agent') userAgent ??= value
    else if (isClientDataHeader(name)) clientData = clientData === undefined ? value : `${clientData},${value}`
    else if (isOptOut(name, value)) optedOut = true
  }
  if (hosts !== 1) return undefined
  return { gzip: gzip ?? false, forwardedFor, userAgent, clientData, optedOut, bodyBytes, contentType }
}

/** Without the end of the head in sight: can these bytes still become a request, or is it time that the full parser refuses them? */
export function mayBecomeHead(bytes: Buffer): boolean {
  const first = bytes[0]
  if (first === undefined) return true
  if (first < 0x41 || first > 0x5a) return false
  if (bytes.length > MAX_HEAD_BYTES) return false
  // A line feed without its carriage return never ends a head.
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) {
    if (bytes[at - 1] !== 0x0d) return false
  }
  return true
}
