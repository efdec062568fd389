/** Recordings of a running server, by its API. */
import { FormatError, type HeadendError, UnavailableError } from '../../errors.ts'
import type { Recording } from './recordings.ts'

/** Where the server is, and the token of its API. */
export interface RemoteServer {
  readonly url: string
  readonly token: string
  readonly signal?: AbortSignal
}

/** Recordings a request. */
const PAGE_SIZE = 100
const MAX_PAGES = 1000

/** The oldest first. Throws UnavailableError ERR_RECORDING_SERVER with what the server says. */
export async function listRemoteRecordings(server: RemoteServer, path?: string): Promise<Recording[]> {
  const recordings: Recording[] = []
  for (let page = 1; page <= MAX_PAGES; page++) {
    const query = { page: String(page), limit: String(PAGE_SIZE), ...(path === undefined ? {} : { path }) }
    const answer = (await (await ask(server, 'recordings', query)).json()) as { items?: unknown; total?: unknown }
    if (!Array.isArray(answer.items) || typeof answer.total !== 'number') throw unexpected()
    for (const item of answer.items) recordings.push(readRecording(item))
    if (recordings.length >= answer.total || answer.items.length === 0) break
  }
  return recordings.toReversed()
}

/** A cut as the server sends it. */
export interface RemoteExport {
  readonly byteLength: number
  readonly pieces: AsyncIterable<Uint8Array>
}

/** `from` and `to`: milliseconds since 1970. Throws as `listRemoteRecordings` does. */
export async function exportRemote(
  server: RemoteServer,
  { path, from, to }: { readonly path: string; readonly from: number; readonly to: number },
): Promise<RemoteExport> {
  const query = { path, from: new Date(from).toISOString(), to: new Date(to).toISOString() }
  const response = await ask(server, 'recordings/export', query)
  if (response.body === null) throw unexpected()
  return { byteLength: Number(response.headers.get('content-length') ?? 0), pieces: response.body }
}

async function ask(server: RemoteServer, resource: string, query: Readonly<Record<string, string>>): Promise<Response> {
  const { token, signal } = server
  const url = new URL(`/api/v1/${resource}?${new URLSearchParams(query).toString()}`, server.url)
  let response: Response
  try {
    response = await fetch(url, {
      headers: { Authorization: `Bearer ${token}` },
      redirect: 'error',
      ...(signal === undefined ? {} : { signal }),
    })
  } catch (cause) {
    throw new UnavailableError('ERR_RECORDING_SERVER', `${url.host} cannot be asked`, { cause })
  }
  if (response.ok) return response
  const problem = (await response.json().catch(() => ({}))) as { code?: unknown; detail?: unknown; title?: unknown }
  const told = [problem.code, problem.detail ?? problem.title].filter((part) => typeof part === 'string').join(': ')
  throw new UnavailableError(
    'ERR_RECORDING_SERVER',
    `${url.host} says ${told === '' ? response.status : told.slice(0, 400)}`,
  )
}

function readRecording(value: unknown): Recording {
  const { path, name, file, startedAt, bytes, durationMs } = (value ?? {}) as Record<string, unknown>
  const time = new Date(String(startedAt))
  if (typeof path !== 'string' || typeof name !== 'string' || typeof file !== 'string') throw unexpected()
  if (typeof bytes !== 'number' || Number.isNaN(time.getTime())) throw unexpected()
  const duration = typeof durationMs === 'number' ? durationMs : undefined
  return { path, name, file, startedAt: time, bytes, durationMs: duration }
}

function unexpected(): HeadendError {
  return new FormatError('ERR_RECORDING_SERVER', 'expected recordings as the API gives them, found something else')
}
