/** A file of the library as it is, whole or in parts (RFC 9110 sections 8.8, 13 and 14). */
import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { type HeadendError, PeerError, UnavailableError } from '../../errors.ts'
import { fileVersion } from '../../library/file-version.ts'
import type { LibraryFile } from '../../library/library.ts'
import { MEDIA_TYPE_HEAD, mediaTypeOf } from '../../library/media-type.ts'
import type { Sessions } from '../../live/sessions.ts'
import { optsOut } from '../../net/http/client-data.ts'
import { conditionOf, rangeApplies, type Validators } from '../../net/http/conditional.ts'
import { MEDIA_CORS_HEADERS } from '../../net/http/cors.ts'
import { sendProblem } from '../../net/http/problem.ts'
import { type ByteRange, formatContentRange, parseRanges } from '../../net/http/range.ts'
import type { HttpRequest } from '../../net/http/routes.ts'

/** Read at once; one block more may wait for the socket. All that a slow viewer costs. */
const BLOCK_BYTES = 256 * 1024
/** A viewer that takes nothing for this long has to come back, milliseconds. Browsers do, with a range, when somebody plays on. */
const STALL_MS = 60_000
/** Characters kept of what a viewer calls itself. */
const MAX_USER_AGENT = 200

export interface DownloadOptions {
  readonly sessions: Sessions
  /** The server closes. */
  readonly signal: AbortSignal
  /** Anybody may have it, so that caches may keep it. */
  readonly open: boolean
}

/** Answers GET or HEAD and resolves when the answer is over. The file is not closed. Rejects only before anything was answered. */
export async function download(
  file: LibraryFile,
  request: HttpRequest,
  response: ServerResponse,
  options: DownloadOptions,
): Promise<void> {
  const version = await fileVersion(file)
  const type = mediaTypeOf(await file.read(0, MEDIA_TYPE_HEAD), file.path)
  const validators = { etag: `"${version}"`, modified: file.modified }
  const headers = {
    'Accept-Ranges': 'bytes',
    // Kept, but asked for again each time: the file may be replaced.
    'Cache-Control': options.open ? 'public, no-cache' : 'private, no-cache',
    ETag: validators.etag,
    'Last-Modified': validators.modified.toUTCString(),
    'X-Content-Type-Options': 'nosniff',
    ...MEDIA_CORS_HEADERS,
    ...(request.query.has('download') && { 'Content-Disposition': attachment(file.path) }),
  }
  const condition = conditionOf(request.raw.headers, validators)
  if (condition !== undefined) {
    response.writeHead(condition, headers).end()
    return
  }
  const ranges = rangesOf(request, validators, file.size)
  if (ranges === 'unsatisfiable') {
    const error = new PeerError('ERR_HTTP_RANGE_UNSATISFIABLE', `expected a range within ${file.size} bytes`)
    sendProblem(response, error, { 'Content-Range': formatContentRange(ranges, file.size) })
    return
  }
  const { status, more, pieces, length } = answerOf(ranges, file.size, type)
  response.writeHead(status, { ...headers, ...more, 'Content-Length': String(length) })
  if (request.method === 'HEAD') {
    response.end()
    return
  }
  await send(file, { version, pieces }, request, response, options)
}

/** Text, or a part of the file. */
type Piece = string | ByteRange

interface Body {
  readonly status: number
  readonly more: Readonly<Record<string, string>>
  readonly pieces: readonly Piece[]
  /** Bytes. */
  readonly length: number
}

function answerOf(ranges: readonly ByteRange[] | undefined, size: number, type: string): Body {
  const [range = { start: 0, end: size }, ...others] = ranges ?? []
  if (others.length === 0) {
    const { start, end } = range
    const more = { 'Content-Type': type, ...(ranges && { 'Content-Range': formatContentRange(range, size) }) }
    return { status: ranges === undefined ? 200 : 206, more, pieces: [range], length: end - start }
  }
  const boundary = randomUUID()
  const pieces: Piece[] = []
  for (const part of [range, ...others]) {
    const head = `Content-Type: ${type}\r\nContent-Range: ${formatContentRange(part, size)}`
    pieces.push(`\r\n--${boundary}\r\n${head}\r\n\r\n`, part)
  }
  pieces.push(`\r\n--${boundary}--\r\n`)
  return {
    status: 206,
    more: { 'Content-Type': `multipart/byteranges; boundary=${boundary}` },
    pieces,
    length: pieces.reduce(
      (sum, piece) => sum + (typeof piece === 'string' ? piece.length : piece.end - piece.start),
      0,
    ),
  }
}

function rangesOf({ method, raw }: HttpRequest, validators: Validators, size: number) {
  if (method !== 'GET' || !rangeApplies(raw.headers, validators)) return undefined
  return parseRanges(raw.headers.range, size)
}

/** Sends the pieces, or breaks the connection off: no byte of another version of the file ever follows one of this. */
async function send(
  file: LibraryFile,
  { version, pieces }: { readonly version: string; readonly pieces: readonly Piece[] },
  request: HttpRequest,
  response: ServerResponse,
  { sessions, signal }: DownloadOptions,
): Promise<void> {
  const userAgent = request.raw.headers['user-agent']?.slice(0, MAX_USER_AGENT)
  let reason: HeadendError | undefined
  const stop = (why: HeadendError) => {
    reason ??= why
    response.destroy()
  }
  const onAbort = () => stop(new UnavailableError('ERR_HUB_CLOSED', 'the server is shutting down'))
  const { remoteAddress } = request
  const optedOut = optsOut(request.raw.headers)
  const peer = { remoteAddress, optedOut, ...(userAgent !== undefined && { userAgent }) }
  const session = sessions.open({ protocol: 'download', role: 'play', path: file.path, ...peer, close: stop })
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  response.setTimeout(STALL_MS, () => response.destroy())
  try {
    for await (const bytes of readPieces(file, version, pieces)) {
      if (response.destroyed) break
      session.bytesOut += bytes.byteLength
      if (!response.write(bytes)) await drained(response)
    }
    response.end()
  } catch (cause) {
    stop(new UnavailableError('ERR_LIBRARY_BROKEN_OFF', `${file.path} changed while it was sent`, { cause }))
  } finally {
    signal.removeEventListener('abort', onAbort)
    sessions.close(session, reason)
  }
}

/** Throws when the file is not the one any more that it was. */
async function* readPieces(
  file: LibraryFile,
  version: string,
  pieces: readonly Piece[],
): AsyncGenerator<Uint8Array, void> {
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      yield Buffer.from(piece, 'latin1')
      continue
    }
    for (let at = piece.start; at < piece.end; ) {
      const wanted = Math.min(BLOCK_BYTES, piece.end - at)
      const bytes = await file.read(at, wanted)
      if (bytes.byteLength < wanted || (await fileVersion(file)) !== version) {
        throw new UnavailableError('ERR_LIBRARY_BROKEN_OFF', `${file.path} is another file now`)
      }
      yield bytes
      at += bytes.byteLength
    }
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}

/** RFC 6266, with the name in UTF-8 for who understands it (RFC 8187). */
function attachment(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const plain = name.replace(/[^ -~]|["\\%]/g, '_')
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`)
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`
}
