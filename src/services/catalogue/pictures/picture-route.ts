/** Posters and previews over HTTP: `/vod/PATH/poster.jpg`, `/vod/PATH/thumbnails.vtt` and the pictures that it lists. */
import type { ServerResponse } from 'node:http'
import { FormatError } from '../../../errors.ts'
import type { Library } from '../../../library/library.ts'
import type { MediaFile, MediaFiles } from '../../../library/media-files.ts'
import { carriedQuery } from '../../../live/access.ts'
import { hotAnswer, sendHotAnswer } from '../../../net/http/hot-answer.ts'
import type { HttpHandler, HttpRequest } from '../../../net/http/routes.ts'
import { findMediaSet } from '../../../packaging/on-demand/media-set.ts'
import { credentialsOf, type PlayAccess } from '../../../packaging/play-access.ts'
import type { FileIdentity } from '../facts-store.ts'
import { bestFirst } from '../qualities.ts'
import { fileToken } from '../token.ts'
import type { PictureName, Pictures } from './pictures.ts'
import { thumbnailList, thumbnailsOf } from './thumbnails.ts'

const ROUTE = /^\/(vod\/.+)\/(?:poster\.jpg|thumbnails\.vtt|thumbnails-(\d{1,5})\.jpg)$/
/** Seconds: a year, as long as caches keep anything. */
const FOR_EVER = 31_536_000

export interface PictureRouteOptions {
  readonly library: Library
  readonly mediaFiles: Pick<MediaFiles, 'open'>
  readonly pictures: Pictures
  readonly access: PlayAccess
}

interface Asked {
  readonly request: HttpRequest
  readonly response: ServerResponse
  readonly file: FileIdentity
  /** Everybody may see it. */
  readonly open: boolean
}

/** Answers for files of the library; what lies in a folder of that name is not its own. */
export function pictureRoute(options: PictureRouteOptions): HttpHandler {
  return async (request, response) => {
    const [, path, index] = ROUTE.exec(request.path) ?? []
    if (path === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) return false
    const { remoteAddress, query, raw } = request
    const access = await options.access.check(path, remoteAddress, credentialsOf(query, raw.headers.authorization))
    const file = await identify(options.library, path)
    if (file === undefined) return false
    const asked = { request, response, file, open: access === 'open' }
    if (request.path.endsWith('.vtt')) await sendList(asked, options)
    else await sendPicture(asked, index === undefined ? 'poster' : Number(index), options.pictures)
    return true
  }
}

async function sendPicture(asked: Asked, picture: PictureName, pictures: Pictures): Promise<void> {
  const gone = new AbortController()
  asked.response.once('close', () => gone.abort())
  try {
    send(asked, 'image/jpeg', await pictures.get(asked.file, picture, gone.signal))
  } catch (error) {
    // Who has gone hears no answer.
    if (!gone.signal.aborted) throw error
  }
}

/** Empty where no pictures can be made: a player that asks has done nothing wrong. */
async function sendList(asked: Asked, { mediaFiles, pictures }: PictureRouteOptions): Promise<void> {
  let text = 'WEBVTT\n'
  const media = (await pictures.available()) ? await openMedia(mediaFiles, asked.file.path) : undefined
  if (media !== undefined) {
    const { reader, close } = media
    const carried = carriedQuery(asked.request.query)
    const query = `?v=${fileToken(asked.file)}${carried === undefined ? '' : `&${carried}`}`
    const hasPicture = [...reader.tracks, ...reader.foreign].some(({ kind }) => kind === 'video')
    if (hasPicture) text = thumbnailList(thumbnailsOf(reader.duration), reader.duration, query)
    close()
  }
  send(asked, 'text/vtt; charset=utf-8', Buffer.from(text), true)
}

/** `undefined` for a file that cannot be read. */
async function openMedia(mediaFiles: Pick<MediaFiles, 'open'>, path: string): Promise<MediaFile | undefined> {
  try {
    return await mediaFiles.open(path)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/** An address with the token of the file as it is now stands for these bytes for ever. */
function send({ request, response, file, open }: Asked, type: string, body: Uint8Array, isList = false): void {
  const token = fileToken(file)
  const lasting = !isList && request.query.get('v') === token
  const scope = open ? 'public' : 'private'
  const answer = hotAnswer({
    headers: {
      'Content-Type': type,
      'Cache-Control': lasting ? `${scope}, max-age=${FOR_EVER}, immutable` : `${scope}, no-cache`,
      ...(!isList && { ETag: `"${token}"` }),
      'X-Content-Type-Options': 'nosniff',
    },
    body,
  })
  sendHotAnswer(answer, request.raw, response, request.remoteAddress)
}

/** The file that stands for a path: of several qualities the best. `undefined`: the library has no such film. */
async function identify(library: Library, path: string): Promise<FileIdentity | undefined> {
  const set = await findMediaSet(library, path).catch(() => undefined)
  return set === undefined ? undefined : bestFirst(set.files)[0]
}
