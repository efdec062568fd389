/** What a viewer of FLV may have of what it asks for: a live stream, or a file of the library. */
import { PeerError, UnavailableError } from '../../errors.ts'
import type { Library, LibraryFile } from '../../library/library.ts'
import { type OpenPlayback, openPlayback } from '../../library/open-playback.ts'
import type { AccessGrant } from '../../live/access.ts'
import { checkPath } from '../../live/path.ts'
import type { Stream } from '../../live/stream.ts'
import { checkFlvTracks, isFlvTrack } from '../../media/containers/flv/codec-id.ts'
import { checkReadable } from '../../media/source-protection.ts'
import { credentialsOf } from '../../net/http/credentials.ts'
import type { HttpRequest } from '../../net/http/routes.ts'
import type { LiveTranscode } from '../../packaging/transcoder.ts'
import type { ServerContext } from '../protocol.ts'

const MAX_WAIT_SECONDS = 30
/** Milliseconds of a file that a viewer gets at once: players over HTTP hold much, and it costs nothing until they read it. */
const AHEAD_MS = 30_000

export interface FindOptions {
  readonly context: ServerContext
  /** Name of the module. */
  readonly protocol: string
  readonly request: HttpRequest
  /** Of what is asked for, without the ending. */
  readonly path: string
  /** The viewer is gone, or the server closes. */
  readonly signal: AbortSignal
}

/**
 * Throws what `authorize`, `Hub.findOrWait` and `Transcoder.openLive` throw, and for a stream without a track that FLV can carry where there is
 * nobody to encode it.
 */
export async function findStream(
  options: FindOptions,
  waitMs: number,
): Promise<{ readonly stream: Stream } | { readonly transcode: LiveTranscode }> {
  const { context, request, path, signal } = options
  checkPath(path)
  await authorize(options)
  const stream = await context.hub.findOrWait(path, { waitMs: waitOf(request, waitMs), signal })
  checkReadable(path, stream)
  if (context.transcoder === undefined || !needsEncoding(stream)) {
    checkFlvTracks(stream.tracks)
    return { stream }
  }
  const transcode = await context.transcoder.openLive(stream)
  if (!signal.aborted) return { transcode }
  transcode.release()
  throw new UnavailableError('ERR_HUB_CLOSED', 'the viewer or the server is going')
}

/** There is picture or sound, and none of it that FLV can carry. */
function needsEncoding({ tracks }: Pick<Stream, 'tracks'>): boolean {
  return (['video', 'audio'] as const).some((kind) => {
    const those = tracks.filter((track) => track.kind === kind)
    return those.length > 0 && !those.some(isFlvTrack)
  })
}

/** The file at `path`, from `?start=SECONDS` on. Throws what `authorize` and `openPlayback` throw. */
export async function findFile(options: FindOptions): Promise<OpenPlayback> {
  const { context, request, path, signal } = options
  const startMs = startOf(request)
  await authorize(options)
  const file = await openPlayback(context.mediaFiles, path, { accepts: isFlvTrack, startMs, aheadMs: AHEAD_MS })
  if (!signal.aborted) return file
  file.playback.close()
  throw new UnavailableError('ERR_HUB_CLOSED', 'the server is shutting down')
}

/** `undefined` when there is no such file: the address is somebody else's. */
export async function openLibraryFile(library: Library, path: string): Promise<LibraryFile | undefined> {
  try {
    return await library.open(path)
  } catch (error) {
    if (error instanceof UnavailableError || error instanceof PeerError) return undefined
    throw error
  }
}

/** What let a request in, when that has an end. */
export function grantOf(request: HttpRequest): AccessGrant | undefined {
  return grants.get(request)
}

const grants = new WeakMap<HttpRequest, AccessGrant>()

async function authorize({ context, protocol, request, path }: FindOptions): Promise<void> {
  const { remoteAddress } = request
  const credentials = credentialsOf(request)
  const grant = await context.authorize({ action: 'play', path, protocol, remoteAddress, credentials })
  if (grant !== undefined) grants.set(request, grant)
}

function waitOf({ query }: HttpRequest, waitMs: number): number {
  const wait = query.get('wait')
  if (wait === null) return waitMs
  if (!/^\d{1,2}$/.test(wait) || Number(wait) > MAX_WAIT_SECONDS) {
    throw new PeerError('ERR_HTTP_QUERY_INVALID', `expected wait=0 to ${MAX_WAIT_SECONDS} (seconds)`)
  }
  return Number(wait) * 1000
}

function startOf({ query }: HttpRequest): number {
  const start = query.get('start')
  if (start === null) return 0
  if (!/^\d{1,6}(\.\d{1,6})?$/.test(start)) {
    throw new PeerError('ERR_HTTP_QUERY_INVALID', 'expected start= and seconds')
  }
  return Number(start) * 1000
}
