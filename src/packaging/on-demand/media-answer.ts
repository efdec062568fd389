/** How a media file goes out: from memory when several ask for it, else from the file, piece by piece. */
import { UnavailableError } from '../../errors.ts'
import type { ReadyAnswer } from '../hot-objects.ts'
import type { AnsweredObject } from '../media-objects.ts'
import { findOnDemandMedia, onDemandHeaders } from './media-object.ts'
import type { Presentations } from './presentations.ts'
import { readChunks, readWhole } from './segment-bytes.ts'

/** Who asks for what, after the checks. */
export interface AskedMedia {
  readonly path: string
  readonly file: string
  /** URL path as it came. */
  readonly target: string
  /** Everybody may play the path. */
  readonly open: boolean
  readonly signal: AbortSignal
}

/** An answer whose body is read while it is sent, in the form of the HTTP server. */
export interface StreamedMedia {
  readonly headers: Readonly<Record<string, string>>
  readonly etag: string
  readonly byteLength: number
  chunks(start: number, end: number): AsyncIterable<Uint8Array>
}

/** What the HTTP server does for it. */
export interface MediaSender {
  /** More headers for an answer, of what it holds. */
  describe(object: AnsweredObject): Readonly<Record<string, string>>
  /** A complete answer; `read` gives the body behind so many free bytes. */
  build(
    headers: Readonly<Record<string, string>>,
    body: { readonly byteLength: number; read(reserve: number): Promise<Uint8Array> },
  ): Promise<ReadyAnswer>
  sendReady(answer: ReadyAnswer): void
  sendStreamed(answer: StreamedMedia): Promise<void>
}

/**
 * Resolves when it is sent. Throws what `findOnDemandMedia` throws; an answer in the clear breaks off with UnavailableError ERR_PROTECTION_CHANGED
 * when its path is protected meanwhile.
 */
export async function answerMedia(presentations: Presentations, asked: AskedMedia, sender: MediaSender): Promise<void> {
  const { path, target, open } = asked
  const media = await findOnDemandMedia(presentations, asked)
  const { item, etag, body } = media
  const release = presentations.hold(item)
  const checkCurrent = () => {
    if (presentations.isCurrent(item)) return
    throw new UnavailableError('ERR_PROTECTION_CHANGED', `${path} is encrypted in another way by now`)
  }
  try {
    const { hot } = presentations
    const headers = { ...onDemandHeaders(media, open), ...sender.describe(media.object) }
    if (open) hot.open(path)
    if (open && hot.wants(target, body.byteLength)) {
      const { byteLength } = body
      const read = (reserve: number) => readWhole(body, reserve)
      const build = () => sender.build({ ...headers, ETag: etag }, { byteLength, read })
      const answer = await hot.make({ path, form: item.form, target }, build)
      checkCurrent()
      sender.sendReady(answer)
      return
    }
    const chunks = (start: number, end: number) => whileCurrent(readChunks(body, start, end), checkCurrent)
    await sender.sendStreamed({ headers, etag, byteLength: body.byteLength, chunks })
  } finally {
    release()
  }
}

async function* whileCurrent(chunks: AsyncIterable<Uint8Array>, check: () => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    check()
    yield chunk
  }
}
