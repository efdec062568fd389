/** HLS over HTTP: which URL is which playlist or media file, who may have it, and when it is answered. */
import type { ServerResponse } from 'node:http'
import { PeerError, UnavailableError } from '../../errors.ts'
import { carriedQuery } from '../../live/access.ts'
import { formatMultivariantPlaylist } from '../../media/manifests/hls/multivariant-playlist.ts'
import { peerOf } from '../../net/http/client-data.ts'
import { hotAnswer, sendHotAnswer } from '../../net/http/hot-answer.ts'
import type { HotAnswer, HttpRequest } from '../../net/http/routes.ts'
import { multivariantPlaylist } from '../../packaging/hls.ts'
import { findMedia, mediaAnswer } from '../../packaging/media-objects.ts'
import { parseMediaName } from '../../packaging/names.ts'
import type { Packager } from '../../packaging/packager.ts'
import type { Packagers } from '../../packaging/packagers.ts'
import { credentialsOf, type PlayAccess } from '../../packaging/play-access.ts'
import type { KeyLines } from '../../packaging/protection/signalling.ts'
import { playlistText } from '../../packaging/rewind-playlist.ts'
import { waitLimitMs } from '../../packaging/segment-store.ts'
import type { StoredRendition } from '../../packaging/stored-segment.ts'
import type { Viewers } from '../../packaging/viewers.ts'
import { liveMediaHeaders } from '../../playlog/cmsd/object-headers.ts'
import { writeCmsdStatic } from '../../playlog/cmsd/write.ts'
import { keyLinesOf, withKeyLines } from './key-lines.ts'
import { type Directives, readDirectives } from './playlist-query.ts'
import { waitForRoomToStart } from './room-to-start.ts'
import { withQuery } from './with-query.ts'

const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl'
/** A playlist that was waited for is the same for all who ask for it; shared caches may join their requests. */
const BLOCKING_CACHE = 'public, max-age=6'
const LIVE_CACHE = 'no-cache'
const PRIVATE_CACHE = 'private, no-store'
/** A request further ahead than this, in segments, is a mistake (RFC 8216bis section 6.2.5.2). */
const MAX_AHEAD = 2
/** About ten minutes of segments. */
const LONG_PLAYLIST_BYTES = 64 * 1024

export interface HlsRoutesOptions {
  readonly packagers: Packagers
  readonly access: PlayAccess
  readonly viewers: Viewers
}

/** What a request is about, after the checks. */
interface Asked {
  readonly request: HttpRequest
  readonly response: ServerResponse
  readonly path: string
  readonly file: string
  readonly packager: Packager
  /** Everybody may play the path. */
  readonly open: boolean
  readonly signal: AbortSignal
}

export class HlsRoutes {
  readonly #packagers: Packagers
  readonly #access: PlayAccess
  readonly #viewers: Viewers
  readonly #playlists = new WeakMap<StoredRendition, CachedPlaylist>()

  constructor({ packagers, access, viewers }: HlsRoutesOptions) {
    this.#packagers = packagers
    this.#access = access
    this.#viewers = viewers
  }

  /** Returns false for paths that are not HLS. */
  async handle(request: HttpRequest, response: ServerResponse): Promise<boolean> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false
    const [, path, file] = /^\/((?:live|channel)\/.+)\/([^/]+)$/.exec(request.path) ?? []
    if (path === undefined || file === undefined) return false
    const media = parseMediaName(file) !== undefined
    if (!media && file !== 'index.m3u8' && !RENDITION_PLAYLIST.test(file)) return false

    const { remoteAddress, query, raw } = request
    const access = await this.#access.check(path, remoteAddress, credentialsOf(query, raw.headers.authorization))
    const packager = this.#packagers.find(path)
    if (packager === undefined) throw new UnavailableError('ERR_STREAM_NOT_FOUND', `${path} is not published`)
    if (packager.failure !== undefined) throw packager.failure
    const open = access === 'open'
    if (open) this.#packagers.hot.open(packager)
    const aborted = new AbortController()
    response.once('close', () => aborted.abort())
    const asked: Asked = { request, response, path, file, packager, open, signal: aborted.signal }
    return media ? this.#serveMedia(asked) : this.#servePlaylist(asked)
  }

  async #serveMedia({ request, response, path, file, packager, open, signal }: Asked): Promise<boolean> {
    const found = await findMedia(packager, file, signal)
    if (found === undefined) throw new UnavailableError('ERR_HTTP_NOT_FOUND', `${file} does not exist (any more)`)
    // Segments in production are for DASH.
    if (found.type === 'growing') return false
    const answer = mediaAnswer(packager, found, {
      build: ({ object, headers, ...rest }) =>
        hotAnswer({ ...rest, headers: { ...headers, ...liveMediaHeaders(object) } }),
      onSent: this.#counter(path, packager),
      openAt: open ? `/${path}/${file}` : undefined,
      hot: this.#packagers.hot,
    })
    sendHotAnswer(answer, request.raw, response, request.remoteAddress)
    return true
  }

  async #servePlaylist(asked: Asked): Promise<boolean> {
    const { request, response, path, file, packager, signal } = asked
    const { store } = packager
    const directives = readDirectives(request.raw.url?.split('?')[1] ?? '')
    this.#viewers.seen(path, peerOf(request), idleMs(packager))
    if (!(await store.waitForStart({ waitMs: waitLimitMs(undefined), signal }))) {
      throw packager.failure ?? new UnavailableError('ERR_PACKAGING_TIMEOUT', `${path} has no complete segment yet`)
    }
    if (packager.failure !== undefined) throw packager.failure
    if (directives.wait === undefined) await waitForRoomToStart(packager, signal)
    if (file === 'index.m3u8') {
      this.#sendMultivariant(asked)
      return true
    }
    const rendition = store.rendition(file.slice(0, -'.m3u8'.length))
    if (rendition === undefined) throw new UnavailableError('ERR_HTTP_NOT_FOUND', `${path} has no ${file}`)
    const asking = performance.now()
    await waitForPosition(packager, rendition, directives, signal)
    // Players tell the time that was waited for media from the time that the network took.
    if (directives.wait !== undefined) {
      const held = performance.now() - asking
      const cmsd = writeCmsdStatic({ objectType: 'm', format: 'h', streamType: 'l', held })
      response.setHeader('CMSD-Static', cmsd)
    }
    if (asked.open) this.#keepHot(asked, rendition)
    const answer = asked.open
      ? this.#playlist(path, packager, rendition, { ...directives, lines: keyLinesOf(request.query) })
      : this.#privateAnswer(
          asked,
          playlistText(packager, rendition, { delta: directives.skip, lines: keyLinesOf(request.query) }),
        )
    sendHotAnswer(answer, request.raw, response, request.remoteAddress)
    return true
  }

  #sendMultivariant(asked: Asked): void {
    const { request, response, path, packager, open } = asked
    const text = withKeyLines(
      formatMultivariantPlaylist(multivariantPlaylist(packager)),
      packager.protection === undefined ? 'all' : keyLinesOf(request.query),
    )
    const answer = open
      ? hotAnswer({
          headers: { 'Content-Type': PLAYLIST_TYPE, 'Cache-Control': LIVE_CACHE },
          body: Buffer.from(text),
          onSent: this.#counter(path, packager),
        })
      : this.#privateAnswer(asked, text)
    sendHotAnswer(answer, request.raw, response, request.remoteAddress)
  }

  /** The key or token that opened the playlist opens what it lists. */
  #privateAnswer({ request, path, packager }: Asked, text: string): HotAnswer {
    const carried = carriedQuery(request.query)
    const body = carried === undefined ? text : withQuery(text, carried)
    return hotAnswer({
      headers: { 'Content-Type': PLAYLIST_TYPE, 'Cache-Control': PRIVATE_CACHE },
      body: Buffer.from(body),
      gzip: true,
      onSent: this.#counter(path, packager),
    })
  }

  /** Lets the listener answer this playlist without us, as long as nothing has to be waited for. */
  #keepHot({ path, file, packager }: Asked, rendition: StoredRendition): void {
    this.#packagers.hot.add(`/${path}/${file}`, {
      packager,
      answer: (query) => {
        if (packager.store.rendition(rendition.name) !== rendition || packager.failure !== undefined) return undefined
        const directives = directivesOrNone(query)
        if (directives === undefined) return undefined
        const { wait } = directives
        if (wait !== undefined && !packager.store.reached(rendition, wait)) return undefined
        const lines = keyLinesOf(new URLSearchParams(query))
        return this.#playlist(path, packager, rendition, { ...directives, lines })
      },
    })
  }

  /** Written and compressed once for each state of the rendition. */
  #playlist(
    path: string,
    packager: Packager,
    rendition: StoredRendition,
    { wait, skip, lines }: Directives & { readonly lines: KeyLines },
  ): HotAnswer {
    let cached = this.#playlists.get(rendition)
    if (cached === undefined || cached.version !== rendition.version) {
      cached = { version: rendition.version, answers: new Map() }
      this.#playlists.set(rendition, cached)
    }
    const form = packager.protection === undefined ? 'all' : lines
    const variant = `${wait === undefined ? 'live' : 'blocking'}${skip ? '-delta' : ''} ${form}`
    let answer = cached.answers.get(variant)
    if (answer === undefined) {
      const body = Buffer.from(playlistText(packager, rendition, { delta: skip, lines: form }))
      answer = hotAnswer({
        headers: { 'Content-Type': PLAYLIST_TYPE, 'Cache-Control': wait === undefined ? LIVE_CACHE : BLOCKING_CACHE },
        body,
        gzip: true,
        // Hours of segments are packed as fast as can be: they are packed again with the next segment.
        gzipLevel: body.byteLength > LONG_PLAYLIST_BYTES ? 1 : 6,
        onSent: this.#counter(path, packager),
      })
      cached.answers.set(variant, answer)
    }
    return answer
  }

  #counter(path: string, packager: Packager): (bytes: number, remoteAddress: string) => void {
    const idle = idleMs(packager)
    return (bytes, remoteAddress) => this.#viewers.sent(path, remoteAddress, bytes, idle)
  }
}

const RENDITION_PLAYLIST = /^(?:video|audio)-\d{1,10}\.m3u8$/

interface CachedPlaylist {
  readonly version: number
  readonly answers: Map<string, HotAnswer>
}

/** Waits for what the directives ask for; without any, for the rendition's first complete segment. */
async function waitForPosition(
  packager: Packager,
  rendition: StoredRendition,
  { wait }: Directives,
  signal: AbortSignal,
): Promise<void> {
  const { store } = packager
  const newest = Math.max(...store.renditions.map(({ segments }) => segments.at(-1)?.number ?? 0))
  if (wait !== undefined && !store.ended && wait.number > newest + MAX_AHEAD) {
    throw new PeerError(
      'ERR_HTTP_QUERY_INVALID',
      `expected _HLS_msn up to ${newest + MAX_AHEAD}, found ${wait.number}: more than ${MAX_AHEAD} segments ahead`,
    )
  }
  const position = wait ?? { number: rendition.segments[0]?.number ?? 0 }
  const waitMs = waitLimitMs(store.targetDuration)
  if (!(await store.waitFor(rendition, position, { waitMs, signal }))) {
    throw new UnavailableError('ERR_PACKAGING_TIMEOUT', `segment ${position.number} did not come in ${waitMs} ms`)
  }
}

function directivesOrNone(query: string): Directives | undefined {
  try {
    return readDirectives(query)
  } catch {
    return undefined
  }
}

/** Three target durations without a request end a viewer's session. */
function idleMs(packager: Packager): number {
  return waitLimitMs(packager.store.targetDuration)
}
