/** Complete answers in memory: made once, written as they are to every plain client, taken apart for the others (HEAD, ranges, HTTP/2). */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { acceptsGzip, gzipBody } from './compress.ts'
import { lists } from './conditional.ts'
import { MEDIA_CORS_HEADERS } from './cors.ts'
import { DeliveryMeter, tellDelivery } from './delivery.ts'
import { STATUS_CODES } from './node-http.ts'
import { headerValue } from './problem.ts'
import { formatContentRange, parseRange } from './range.ts'
import type { HotAnswer } from './routes.ts'

export interface HotAnswerOptions {
  /** Default 200. */
  readonly status?: number
  /** Without Content-Length, Content-Encoding, Date and CORS headers: these are added. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** Also keep a gzip variant when that is smaller. For text. */
  readonly gzip?: boolean
  /** 1 to 9, default 6. */
  readonly gzipLevel?: number
  readonly onSent?: (bytes: number, remoteAddress: string) => void
}

/** Copies the body. Header values are filtered to visible ASCII. */
export function hotAnswer(options: HotAnswerOptions): HotAnswer {
  const { status = 200, headers, body, onSent } = options
  const packed = options.gzip === true ? gzipBody(body, options.gzipLevel) : undefined
  const lines = headLines(status, headers)
  if (packed !== undefined) lines.push('Vary: Accept-Encoding')
  const bytes = join([...lines, `Content-Length: ${body.byteLength}`], body)
  if (packed === undefined) return { bytes, ...(onSent && { onSent }) }
  const gzipBytes = join([...lines, 'Content-Encoding: gzip', `Content-Length: ${packed.byteLength}`], packed)
  return { bytes, gzipBytes, ...(onSent && { onSent }) }
}

/** A whole answer without a body, status 204. */
export function emptyAnswer(headers: Readonly<Record<string, string>>): Buffer {
  return join(headLines(204, headers))
}

/** A body that is read from elsewhere into the answer. */
export interface ReadBody {
  readonly byteLength: number
  /** The body behind so many free bytes in one piece of memory. */
  read(reserve: number): Promise<Uint8Array>
}

/** As `hotAnswer`, without a copy of the body. */
export async function readHotAnswer(
  { status = 200, headers, onSent }: Pick<HotAnswerOptions, 'status' | 'headers' | 'onSent'>,
  body: ReadBody,
): Promise<HotAnswer> {
  const head = join([...headLines(status, headers), `Content-Length: ${body.byteLength}`])
  const bytes = await body.read(head.byteLength)
  bytes.set(head)
  return { bytes, ...(onSent && { onSent }) }
}

/** Sends a hot answer through the full server: GET or HEAD, whole, a range or "not modified", HTTP/1 or 2. */
export function sendHotAnswer(
  answer: HotAnswer,
  request: IncomingMessage,
  response: ServerResponse,
  remoteAddress: string,
): void {
  const rangeHeader = request.headers.range
  const gzip =
    answer.gzipBytes !== undefined &&
    rangeHeader === undefined &&
    acceptsGzip(textOf(request.headers['accept-encoding']))
  const { status, headers, body } = partsOf(gzip ? (answer.gzipBytes ?? answer.bytes) : answer.bytes)
  const etag = headers['etag']
  const send = (code: number, extra: Readonly<Record<string, string>>, content: Uint8Array | undefined) => {
    tellDelivery(response)
    response.writeHead(code, { ...headers, ...extra })
    if (content === undefined || request.method === 'HEAD') response.end()
    else {
      response.end(content)
      DeliveryMeter.wrote(response, content.byteLength, 'begins')
    }
    answer.onSent?.(content?.byteLength ?? 0, remoteAddress)
  }

  const known = request.headers['if-none-match']
  if (etag !== undefined && known !== undefined && lists(known, etag)) return send(304, {}, undefined)
  const ifRange = textOf(request.headers['if-range'])
  const range =
    status === 200 && (ifRange === undefined || ifRange === etag) ? parseRange(rangeHeader, body.byteLength) : undefined
  if (range === 'unsatisfiable') {
    return send(416, { 'content-range': formatContentRange(range, body.byteLength), 'content-length': '0' }, undefined)
  }
  if (range !== undefined) {
    const content = body.subarray(range.start, range.end)
    const contentRange = formatContentRange(range, body.byteLength)
    return send(206, { 'content-range': contentRange, 'content-length': String(content.byteLength) }, content)
  }
  send(status, { 'content-length': String(body.byteLength) }, body)
}

interface AnswerParts {
  readonly status: number
  /** Names in lower case; without Content-Length. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** Answers taken apart already; they are immutable. */
const parts = new WeakMap<Uint8Array, AnswerParts>()

function partsOf(bytes: Uint8Array): AnswerParts {
  const known = parts.get(bytes)
  if (known !== undefined) return known
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = buffer.indexOf('\r\n\r\n')
  const [statusLine = '', ...lines] = buffer.toString('latin1', 0, end).split('\r\n')
  const headers: Record<string, string> = { 'accept-ranges': 'bytes' }
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    // The connection is the other server's business.
    if (name !== 'content-length' && name !== 'connection' && name !== 'keep-alive') {
      headers[name] = line.slice(colon + 1).trim()
    }
  }
  const made = { status: Number(statusLine.slice(9, 12)), headers, body: buffer.subarray(end + 4) }
  parts.set(bytes, made)
  return made
}

function headLines(status: number, headers: Readonly<Record<string, string>>): string[] {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'OK'}`, `Date: ${new Date().toUTCString()}`]
  for (const [name, value] of Object.entries({ ...MEDIA_CORS_HEADERS, ...headers })) {
    lines.push(`${headerName(name)}: ${headerValue(value)}`)
  }
  return lines
}

function join(lines: readonly string[], ...body: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), ...body])
}

function headerName(name: string): string {
  return name.replace(/[^A-Za-z0-9-]/g, '')
}

function textOf(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.join(', ')
}
