/** DASH of files in the library: the static manifest and its media files. */
import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { carriedQuery } from '../../live/access.ts'
import { formatMpd } from '../../media/manifests/dash/format.ts'
import { peerOf } from '../../net/http/client-data.ts'
import { hotAnswer, readHotAnswer, sendHotAnswer } from '../../net/http/hot-answer.ts'
import { originOf } from '../../net/http/origin.ts'
import type { HotAnswer, HttpRequest } from '../../net/http/routes.ts'
import { sendStreamed } from '../../net/http/streamed-answer.ts'
import { onDemandManifest } from '../../packaging/on-demand/dash-manifest.ts'
import { answerMedia } from '../../packaging/on-demand/media-answer.ts'
import { parseOnDemandName } from '../../packaging/on-demand/names.ts'
import type { Presentations } from '../../packaging/on-demand/presentations.ts'
import { credentialsOf, type PlayAccess } from '../../packaging/play-access.ts'
import type { Viewers } from '../../packaging/viewers.ts'
import { onDemandMediaHeaders } from '../../playlog/cmsd/object-headers.ts'
import { withKey, withLicense } from './with-key.ts'

const MANIFEST_TYPE = 'application/dash+xml'
const MANIFEST = 'manifest.mpd'
/** A viewer who asks for nothing is gone: players have a minute at hand at most. */
const IDLE_MS = 90_000

export interface OnDemandDashOptions {
  readonly presentations: Presentations
  readonly access: PlayAccess
  readonly viewers: Viewers
}

export class OnDemandDashRoutes {
  readonly #presentations: Presentations
  readonly #access: PlayAccess
  readonly #viewers: Viewers

  constructor({ presentations, access, viewers }: OnDemandDashOptions) {
    this.#presentations = presentations
    this.#access = access
    this.#viewers = viewers
  }

  /** Returns false for paths that are not DASH of the library. */
  async handle(request: HttpRequest, response: ServerResponse): Promise<boolean> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false
    const [, path, file] = /^\/(vod\/.+)\/([^/]+)$/.exec(request.path) ?? []
    if (path === undefined || file === undefined) return false
    const media = parseOnDemandName(file) !== undefined
    if (!media && file !== MANIFEST) return false

    const { remoteAddress, query, raw } = request
    const access = await this.#access.check(path, remoteAddress, credentialsOf(query, raw.headers.authorization))
    const open = access === 'open'
    this.#viewers.seen(path, peerOf(request), IDLE_MS)
    if (!media) {
      sendHotAnswer(await this.#manifest(request, path, open), raw, response, remoteAddress)
      return true
    }
    const onSent = this.#counter(path)
    const aborted = new AbortController()
    response.once('close', () => aborted.abort())
    const target = raw.url?.split('?')[0] ?? ''
    const asked = { path, file, target, open, signal: aborted.signal }
    await answerMedia(this.#presentations, asked, {
      describe: onDemandMediaHeaders,
      build: (headers, body) => readHotAnswer({ headers, onSent }, body),
      sendReady: (answer) => sendHotAnswer(answer, raw, response, remoteAddress),
      sendStreamed: (answer) => sendStreamed({ ...answer, onSent }, raw, response, remoteAddress),
    })
    return true
  }

  async #manifest(request: HttpRequest, path: string, open: boolean): Promise<HotAnswer> {
    const { presentation, texts, made } = await this.#presentations.find(path)
    const isProtected = presentation.protection !== undefined
    if (!open || isProtected) {
      // The key that opened the manifest opens what it lists; where licences are is told as the player knows this server.
      const carried = open ? undefined : carriedQuery(request.query)
      const mpd = withKey(onDemandManifest(presentation, texts), carried)
      const text = formatMpd(isProtected ? withLicense(mpd, originOf(request), carried) : mpd)
      return this.#answer(path, text, open ? 'no-cache' : 'private, no-cache')
    }
    // Written and compressed once.
    const known = made.get(`dash/${MANIFEST}`) as HotAnswer | undefined
    const answer = known ?? this.#answer(path, formatMpd(onDemandManifest(presentation, texts)), 'no-cache')
    made.set(`dash/${MANIFEST}`, answer)
    return answer
  }

  #answer(path: string, text: string, cacheControl: string): HotAnswer {
    const body = Buffer.from(text)
    return hotAnswer({
      // Weak: the same text goes out in two codings.
      headers: {
        'Content-Type': MANIFEST_TYPE,
        'Cache-Control': cacheControl,
        ETag: `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 16)}"`,
      },
      body,
      gzip: true,
      onSent: this.#counter(path),
    })
  }

  #counter(path: string): (bytes: number, remoteAddress: string) => void {
    return (bytes, remoteAddress) => this.#viewers.sent(path, remoteAddress, bytes, IDLE_MS)
  }
}
