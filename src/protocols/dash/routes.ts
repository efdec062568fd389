/** DASH over HTTP: the manifest, the server's clock, and segments while they are in production. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { UnavailableError } from '../../errors.ts'
import { carriedQuery } from '../../live/access.ts'
import { formatMpd } from '../../media/manifests/dash/format.ts'
import { peerOf } from '../../net/http/client-data.ts'
import { MEDIA_CORS_HEADERS } from '../../net/http/cors.ts'
import { tellDelivery } from '../../net/http/delivery.ts'
import { hotAnswer, sendHotAnswer } from '../../net/http/hot-answer.ts'
import { originOf } from '../../net/http/origin.ts'
import type { HotAnswer, HttpRequest } from '../../net/http/routes.ts'
import { dashManifest } from '../../packaging/dash.ts'
import { findMedia, IMMUTABLE, type MediaObject, mediaAnswer, mediaType } from '../../packaging/media-objects.ts'
import { parseMediaName } from '../../packaging/names.ts'
import type { Packager } from '../../packaging/packager.ts'
import type { Packagers } from '../../packaging/packagers.ts'
import { credentialsOf, type PlayAccess } from '../../packaging/play-access.ts'
import { waitLimitMs } from '../../packaging/segment-store.ts'
import type { Viewers } from '../../packaging/viewers.ts'
import { liveMediaHeaders } from '../../playlog/cmsd/object-headers.ts'
import { withKey, withLicense } from './with-key.ts'

const MANIFEST_TYPE = 'application/dash+xml'
const MANIFEST = 'manifest.mpd'
const TIME = 'time'

export interface DashRoutesOptions {
  readonly packagers: Packagers
  readonly access: PlayAccess
  readonly viewers: Viewers
}

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

export class DashRoutes {
  readonly #packagers: Packagers
  readonly #access: PlayAccess
  readonly #viewers: Viewers
  readonly #manifests = new WeakMap<Packager, { readonly version: number; readonly answer: HotAnswer }>()

  constructor({ packagers, access, viewers }: DashRoutesOptions) {
    this.#packagers = packagers
    this.#access = access
    this.#viewers = viewers
  }

  /** Returns false for paths that are not DASH. */
  async handle(request: HttpRequest, response: ServerResponse): Promise<boolean> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false
    const [, path, file] = /^\/((?:live|channel)\/.+)\/([^/]+)$/.exec(request.path) ?? []
    if (path === undefined || file === undefined) return false
    const media = parseMediaName(file) !== undefined
    if (!media && file !== MANIFEST && file !== TIME) return false
    if (file === TIME) return sendTime(request, response)

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
    if (media) await this.#serveMedia(asked)
    else await this.#serveManifest(asked)
    return true
  }

  async #serveManifest(asked: Asked): Promise<void> {
    const { request, response, path, packager, open, signal } = asked
    const { store } = packager
    this.#viewers.seen(path, peerOf(request), idleMs(packager))
    if (!(await store.waitForStart({ waitMs: waitLimitMs(undefined), signal }))) {
      throw packager.failure ?? new UnavailableError('ERR_PACKAGING_TIMEOUT', `${path} has no complete segment yet`)
    }
    if (packager.failure !== undefined) throw packager.failure
    // Where licences are is told as the player knows this server.
    const same = open && packager.protection === undefined
    if (same) {
      this.#packagers.hot.add(`/${path}/${MANIFEST}`, {
        packager,
        answer: () => (packager.failure === undefined ? this.#manifest(path, packager) : undefined),
      })
    }
    const answer = same ? this.#manifest(path, packager) : this.#ownManifest(asked)
    sendHotAnswer(answer, request.raw, response, request.remoteAddress)
  }

  /** Written and compressed once for each state of the store. */
  #manifest(path: string, packager: Packager): HotAnswer {
    const { version } = packager.store
    const cached = this.#manifests.get(packager)
    if (cached?.version === version) return cached.answer
    const answer = hotAnswer({
      headers: { 'Content-Type': MANIFEST_TYPE, 'Cache-Control': 'no-cache' },
      body: Buffer.from(formatMpd(dashManifest(sourceOf(packager)))),
      gzip: true,
      onSent: this.#counter(path, packager),
    })
    this.#manifests.set(packager, { version, answer })
    return answer
  }

  /** The key that opened the manifest opens what it lists. */
  #ownManifest({ request, path, packager, open }: Asked): HotAnswer {
    const carried = open ? undefined : carriedQuery(request.query)
    const mpd = withKey(dashManifest(sourceOf(packager)), carried)
    const whole = packager.protection === undefined ? mpd : withLicense(mpd, originOf(request), carried)
    return hotAnswer({
      headers: { 'Content-Type': MANIFEST_TYPE, 'Cache-Control': open ? 'no-cache' : 'private, no-store' },
      body: Buffer.from(formatMpd(whole)),
      gzip: true,
      onSent: this.#counter(path, packager),
    })
  }

  async #serveMedia(asked: Asked): Promise<void> {
    const { request, response, path, file, packager, open, signal } = asked
    const found = await findMedia(packager, file, signal)
    if (found === undefined) throw new UnavailableError('ERR_HTTP_NOT_FOUND', `${file} does not exist (any more)`)
    const onSent = this.#counter(path, packager)
    if (found.type === 'growing') {
      await sendGrowing(found, asked, onSent)
      return
    }
    const answer = mediaAnswer(packager, found, {
      build: ({ object, headers, ...rest }) =>
        hotAnswer({ ...rest, headers: { ...headers, ...liveMediaHeaders(object) } }),
      onSent,
      openAt: open ? `/${path}/${file}` : undefined,
      hot: this.#packagers.hot,
    })
    sendHotAnswer(answer, request.raw, response, request.remoteAddress)
  }

  #counter(path: string, packager: Packager): (bytes: number, remoteAddress: string) => void {
    const idle = idleMs(packager)
    return (bytes, remoteAddress) => this.#viewers.sent(path, remoteAddress, bytes, idle)
  }
}

type Growing = Extract<MediaObject, { type: 'growing' }>

/** Chunked transfer: each part goes out when it is complete. A peer that does not read holds back nothing but its own answer. */
async function sendGrowing(
  { rendition, parts, whole }: Growing,
  { request, response, open }: Asked,
  onSent: (bytes: number, remoteAddress: string) => void,
): Promise<void> {
  tellDelivery(response)
  response.writeHead(200, {
    ...liveMediaHeaders({ kind: rendition.track.kind }),
    'Content-Type': mediaType(rendition),
    'Cache-Control': open ? IMMUTABLE : 'private, no-store',
    ...MEDIA_CORS_HEADERS,
  })
  if (request.method === 'HEAD') {
    response.end()
    return
  }
  for await (const bytes of parts) {
    if (response.destroyed) return
    onSent(bytes.byteLength, request.remoteAddress)
    if (!response.write(bytes)) await Promise.race([once(response, 'drain'), once(response, 'close')])
  }
  // An answer that breaks off is kept by no cache.
  if (whole()) response.end()
  else response.destroy()
}

/** http-iso of the manifest's UTCTiming. */
function sendTime({ method }: HttpRequest, response: ServerResponse): true {
  const now = new Date().toISOString()
  response.writeHead(200, {
    'Content-Type': 'text/plain',
    'Content-Length': String(now.length),
    'Cache-Control': 'no-store',
    ...MEDIA_CORS_HEADERS,
  })
  response.end(method === 'HEAD' ? undefined : now)
  return true
}

function sourceOf(packager: Packager) {
  const { store, token, epochMs, oldestEpochMs, partTarget, archive, protection } = packager
  return { store, token, epochMs, oldestEpochMs, partTarget, archive, protection, nowMs: Date.now() }
}

/** Three target durations without a request end a viewer's session. */
function idleMs(packager: Packager): number {
  return waitLimitMs(packager.store.targetDuration)
}
