/** Answers whose body is read while it is sent: GET or HEAD, whole, a range or "not modified", HTTP/1 or 2. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { lists } from './conditional.ts'
import { MEDIA_CORS_HEADERS } from './cors.ts'
import { DeliveryMeter, type PlaceInAnswer, tellDelivery } from './delivery.ts'
import { formatContentRange, parseRange } from './range.ts'

/** A peer that takes no byte for this long, milliseconds, is dead. */
const STALL_MS = 30_000

export interface StreamedAnswer {
  /** Without Content-Length, Accept-Ranges, ETag and CORS headers: these are added. */
  readonly headers: Readonly<Record<string, string>>
  /** Strong, with its quotes. */
  readonly etag: string
  readonly byteLength: number
  /** The body from `start` to `end`, chunk by chunk. A chunk is used up before the next one is asked for. */
  chunks(start: number, end: number): AsyncIterable<Uint8Array>
  readonly onSent?: (bytes: number, remoteAddress: string) => void
}

/** Resolves when all is sent or the peer is gone. Throws what `chunks` throws before the first of them; later, the connection is cut. */
export async function sendStreamed(
  answer: StreamedAnswer,
  request: IncomingMessage,
  response: ServerResponse,
  remoteAddress: string,
): Promise<void> {
  const { etag, byteLength } = answer
  const headers = { ...MEDIA_CORS_HEADERS, ...answer.headers, ETag: etag, 'Accept-Ranges': 'bytes' }
  tellDelivery(response)
  const known = request.headers['if-none-match']
  if (known !== undefined && lists(known, etag)) {
    response.writeHead(304, headers).end()
    return
  }
  const ifRange = request.headers['if-range']
  const range = ifRange === undefined || ifRange === etag ? parseRange(request.headers.range, byteLength) : undefined
  if (range === 'unsatisfiable') {
    const contentRange = formatContentRange(range, byteLength)
    response.writeHead(416, { ...headers, 'Content-Range': contentRange, 'Content-Length': '0' }).end()
    return
  }
  const { start, end } = range ?? { start: 0, end: byteLength }
  const writeHead = () =>
    response.writeHead(range === undefined ? 200 : 206, {
      ...headers,
      'Content-Length': String(end - start),
      ...(range === undefined ? {} : { 'Content-Range': formatContentRange(range, byteLength) }),
    })
  if (request.method === 'HEAD' || start === end) {
    writeHead().end()
    return
  }
  response.setTimeout(STALL_MS, () => response.destroy())
  let place: PlaceInAnswer = 'begins'
  for await (const chunk of answer.chunks(start, end)) {
    if (response.destroyed) return
    if (!response.headersSent) writeHead()
    answer.onSent?.(chunk.byteLength, remoteAddress)
    if (!(await written(response, chunk, place))) return
    place = 'within'
  }
  response.end()
}

/** Resolves when the system has taken the chunk, so that its memory can be used again; `false`: the peer is gone. */
function written(response: ServerResponse, chunk: Uint8Array, place: PlaceInAnswer): Promise<boolean> {
  return new Promise((resolve) => {
    const gone = () => resolve(false)
    response.once('close', gone)
    response.write(chunk, (error) => {
      response.off('close', gone)
      resolve(!error)
    })
    DeliveryMeter.wrote(response, chunk.byteLength, place)
  })
}
