/** HLS of files in the library: which URL is which playlist or media file, and who may have it. */
import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { UnavailableError } from '../../errors.ts'
import { carriedQuery } from '../../live/access.ts'
import { formatMediaPlaylist } from '../../media/manifests/hls/media-playlist.ts'
import { formatMultivariantPlaylist } from '../../media/manifests/hls/multivariant-playlist.ts'
import { peerOf } from '../../net/http/client-data.ts'
import { hotAnswer, readHotAnswer, sendHotAnswer } from '../../net/http/hot-answer.ts'
import type { HotAnswer, HttpRequest } from '../../net/http/routes.ts'
import { sendStreamed } from '../../net/http/streamed-answer.ts'
import {
  keyPicturePlaylist,
  onDemandMultivariant,
  onDemandPlaylist,
  textPlaylist,
} from '../../packaging/on-demand/hls-playlists.ts'
import { answerMedia } from '../../packaging/on-demand/media-answer.ts'
import { parseOnDemandName, parsePlaylistName } from '../../packaging/on-demand/names.ts'
import type { OnDemandItem, Presentations } from '../../packaging/on-demand/presentations.ts'
import { credentialsOf, type PlayAccess } from '../../packaging/play-access.ts'
import type { KeyLines } from '../../packaging/protection/signalling.ts'
import type { Viewers } from '../../packaging/viewers.ts'
import { onDemandMediaHeaders } from '../../playlog/cmsd/object-headers.ts'
import { keyLinesOf, withKeyLines } from './key-lines.ts'
import { withQuery } from './with-query.ts'

const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl'
const INDEX = 'index.m3u8'
/** A viewer who asks for nothing is gone: players have a minute at hand at most. */
const IDLE_MS = 90_000

export interface OnDemandHlsOptions {
  readonly presentations: Presentations
  readonly access: PlayAccess
  readonly viewers: Viewers
}

export class OnDemandHlsRoutes {
  readonly #presentations: Presentations
  readonly #access: PlayAccess
  readonly #viewers: Viewers

  constructor({ presentations, access, viewers }: OnDemandHlsOptions) {
    this.#presentations = presentations
    this.#access = access
    this.#viewers = viewers
  }

  /** Returns false for paths that are not HLS of the library. */
  async handle(request: HttpRequest, response: ServerResponse): Promise<boolean> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false
    const [, path, file] = /^\/(vod\/.+)\/([^/]+)$/.exec(request.path) ?? []
    if (path === undefined || file === undefined) return false
    const media = parseOnDemandName(file) !== undefined
    if (!media && file !== INDEX && parsePlaylistName(file) === undefined) return false

    const { remoteAddress, query, raw } = request
    const access = await this.#access.check(path, remoteAddress, credentialsOf(query, raw.headers.authorization))
    const open = access === 'open'
    this.#viewers.seen(path, peerOf(request), IDLE_MS)
    if (media) await this.#sendMedia({ request, response, path, file, open })
    else await this.#sendPlaylist({ request, response, path, file, open })
    return true
  }

  async #sendMedia({ request, response, path, file, open }: Asked): Promise<void> {
    const { raw, remoteAddress } = request
    const onSent = (bytes: number, address: string) => this.#viewers.sent(path, address, bytes, IDLE_MS)
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
  }

  async #sendPlaylist({ request, response, path, file, open }: Asked): Promise<void> {
    const item = await this.#presentations.find(path)
    const carried = carriedQuery(request.query)
    const lines = keyLinesOf(request.query)
    let answer: HotAnswer
    if (open) {
      // Written and compressed once.
      const name = `hls/${file} ${lines}`
      const known = item.made.get(name) as HotAnswer | undefined
      answer = known ?? this.#answer(path, playlistText(item, file, lines), 'no-cache')
      item.made.set(name, answer)
    } else {
      const text = playlistText(item, file, lines)
      // The key or token that opened the playlist opens what it lists.
      const keyed = carried === undefined ? text : withQuery(text, carried)
      answer = this.#answer(path, keyed, 'private, no-cache')
    }
    sendHotAnswer(answer, request.raw, response, request.remoteAddress)
  }

  #answer(path: string, text: string, cacheControl: string): HotAnswer {
    const body = Buffer.from(text)
    return hotAnswer({
      headers: { 'Content-Type': PLAYLIST_TYPE, 'Cache-Control': cacheControl, ETag: weakTag(body) },
      body,
      gzip: true,
      onSent: (bytes, remoteAddress) => this.#viewers.sent(path, remoteAddress, bytes, IDLE_MS),
    })
  }
}

/** A request after the checks. */
interface Asked {
  readonly request: HttpRequest
  readonly response: ServerResponse
  readonly path: string
  readonly file: string
  /** Everybody may play the path. */
  readonly open: boolean
}

function playlistText({ presentation, texts }: OnDemandItem, file: string, lines: KeyLines): string {
  if (file === INDEX) return withKeyLines(formatMultivariantPlaylist(onDemandMultivariant(presentation, texts)), lines)
  const name = parsePlaylistName(file)
  const text = texts.find((one) => one.name === name?.rendition)
  if (text !== undefined && !name?.keyPictures) return formatMediaPlaylist(textPlaylist(presentation, text))
  const rendition = presentation.renditions.find((one) => one.name === name?.rendition)
  if (rendition === undefined || (name?.keyPictures && rendition.keyPictures.length === 0)) {
    throw new UnavailableError('ERR_HTTP_NOT_FOUND', `${presentation.path} has no ${file}`)
  }
  return formatMediaPlaylist(
    name?.keyPictures
      ? keyPicturePlaylist(presentation, rendition, lines)
      : onDemandPlaylist(presentation, rendition, lines),
  )
}

/** Weak: the same text goes out in two codings. */
function weakTag(body: Uint8Array): string {
  return `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 16)}"`
}
