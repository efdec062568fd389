/** HTTP requests of the player: bounded in time and size, with errors that name the address. */
import { FormatError, UnavailableError } from '../../errors.ts'

/** A whole segment, playlist or manifest, bytes. */
const MAX_BODY_BYTES = 64 * 1024 * 1024
/** Until the headers are there, milliseconds. Blocking playlist reloads answer within three target durations. */
const HEADERS_TIMEOUT_MS = 30_000
/** Between two pieces of a body, milliseconds. */
const IDLE_TIMEOUT_MS = 15_000

/** The response of a GET with status 2xx. Throws UnavailableError ERR_PLAY_UNREACHABLE or ERR_PLAY_STATUS. */
export async function get(url: URL, signal: AbortSignal): Promise<Response> {
  // Not AbortSignal.timeout, which would go on and cut the body off, however long that is meant to flow.
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new Error(`no answer in ${HEADERS_TIMEOUT_MS} ms`)), HEADERS_TIMEOUT_MS)
  let response: Response
  try {
    const ends = AbortSignal.any([signal, late.signal])
    response = await fetch(url, { signal: ends, headers: { 'user-agent': 'Headend' } }).finally(() =>
      clearTimeout(timer),
    )
  } catch (cause) {
    signal.throwIfAborted()
    throw new UnavailableError('ERR_PLAY_UNREACHABLE', `${shown(url)} cannot be reached: ${reason(cause)}`, { cause })
  }
  if (!response.ok) {
    await response.body?.cancel()
    throw new UnavailableError('ERR_PLAY_STATUS', `expected ${shown(url)}, the server answered ${response.status}`)
  }
  return response
}

/** The pieces of a body as they come. Throws UnavailableError when nothing comes for 15 s. */
export async function* pieces(response: Response, url: URL, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (response.body === null) return
  const reader = response.body.getReader()
  const stop = () => void reader.cancel().catch(() => undefined)
  signal.addEventListener('abort', stop, { once: true })
  try {
    for (;;) {
      const idle = setTimeout(stop, IDLE_TIMEOUT_MS)
      const started = performance.now()
      const { done, value } = await reader.read()
      clearTimeout(idle)
      if (signal.aborted) return
      if (value !== undefined) yield value
      if (done) {
        if (performance.now() - started < IDLE_TIMEOUT_MS) return
        throw new UnavailableError('ERR_PLAY_IDLE', `${shown(url)} sent nothing for ${IDLE_TIMEOUT_MS / 1000} s`)
      }
    }
  } catch (cause) {
    if (signal.aborted) return
    if (cause instanceof UnavailableError) throw cause
    throw new UnavailableError('ERR_PLAY_UNREACHABLE', `${shown(url)} broke off: ${reason(cause)}`, { cause })
  } finally {
    signal.removeEventListener('abort', stop)
    stop()
  }
}

/** A whole body. Throws FormatError ERR_PLAY_TOO_LARGE above 64 MiB. */
export async function getBytes(url: URL, signal: AbortSignal): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const piece of pieces(await get(url, signal), url, signal)) {
    length += piece.byteLength
    if (length > MAX_BODY_BYTES) {
      throw new FormatError('ERR_PLAY_TOO_LARGE', `expected at most ${MAX_BODY_BYTES} bytes from ${shown(url)}`)
    }
    parts.push(piece)
  }
  return Buffer.concat(parts, length)
}

export async function getText(url: URL, signal: AbortSignal): Promise<string> {
  return new TextDecoder().decode(await getBytes(url, signal))
}

/** An address without what may be secret in it. */
export function shown(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`
}

function reason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  return cause.cause instanceof Error ? cause.cause.message || cause.message : cause.message
}
