/** What lies behind a path and can be played as ASF: a live stream or a file of the library. */
import { FormatError, PeerError, UnavailableError } from '../../../../errors.ts'
import type { LibraryFile } from '../../../../library/library.ts'
import type { Stream } from '../../../../live/stream.ts'
import type { AsfFile } from '../../../../media/containers/asf/file.ts'
import type { AsfInit } from '../../../../media/containers/asf/model.ts'
import { isAsfTrack } from '../../../../media/containers/asf/track-format.ts'
import type { ServerContext } from '../../../protocol.ts'
import { asfUnits } from '../../asf-units.ts'

const LIBRARY_ROOT = 'vod/'

export interface LiveContent {
  readonly kind: 'live'
  readonly path: string
  readonly stream: Stream
  /** The header of the newest key packet. */
  readonly init: AsfInit
  close(): void
}

export interface FileContent {
  readonly kind: 'file'
  readonly path: string
  readonly asf: AsfFile
  readonly init: AsfInit
  readonly size: number
  readonly modified: Date
  close(): void
}

/** Closed by whoever opened it, or handed to a source that closes it. Closing twice does nothing. */
export type Content = LiveContent | FileContent

export interface OpenOptions {
  /** Milliseconds to wait for a stream that is not published, or has no packet yet. */
  readonly waitMs: number
  readonly signal: AbortSignal
}

/**
 * Opens what a path names: `vod/…` or `live/…`. Throws UnavailableError ERR_STREAM_NOT_FOUND, ERR_LIBRARY_NOT_FOUND, PeerError
 * ERR_PATH_INVALID, or ERR_WMSP_NOT_ASF for a file that is no ASF file.
 */
export function openContent(
  context: Pick<ServerContext, 'hub' | 'library'>,
  path: string,
  options: OpenOptions,
): Promise<Content> {
  return path.startsWith(LIBRARY_ROOT) ? openFile(context, path) : openLive(context, path, options)
}

async function openFile({ library }: Pick<ServerContext, 'library'>, path: string): Promise<FileContent> {
  const file = await library.open(path)
  let closed = false
  const close = () => {
    if (!closed) file.close().catch(() => {})
    closed = true
  }
  try {
    const asf = await openAsf(file)
    return { kind: 'file', path, asf, init: asf.init, size: file.size, modified: file.modified, close }
  } catch (error) {
    close()
    throw error
  }
}

async function openAsf(file: LibraryFile): Promise<AsfFile> {
  // Files are not played by every server: their reader is loaded with the first.
  const { AsfFile } = await import('../../../../media/containers/asf/file.ts')
  try {
    return await AsfFile.open(file)
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new PeerError('ERR_WMSP_NOT_ASF', `expected an ASF file, found another in ${file.path}`, { cause })
  }
}

async function openLive({ hub }: Pick<ServerContext, 'hub'>, path: string, options: OpenOptions): Promise<LiveContent> {
  const stream = await hub.findOrWait(path, options)
  if (stream.tracks.length > 0 && !stream.tracks.some(isAsfTrack)) {
    const codecs = stream.tracks.map(({ codec }) => codec).join(', ')
    throw new UnavailableError('ERR_STREAM_NO_TRACK', `expected a track that ASF carries in ${path}, found ${codecs}`)
  }
  const init = await headerOf(stream, options)
  if (init === undefined) throw new UnavailableError('ERR_STREAM_NOT_FOUND', `${path} has sent nothing yet`)
  return { kind: 'live', path, stream, init, close: () => {} }
}

/** The header of the newest key packet; `undefined`: none came in time. */
async function headerOf(stream: Stream, { waitMs, signal }: OpenOptions): Promise<AsfInit | undefined> {
  let cursor = stream.units(asfUnits).open()
  let waited = waitMs <= 0
  // Closing the cursor is what ends the waiting.
  const giveUp = () => {
    waited = true
    cursor.close()
  }
  const timer = setTimeout(giveUp, waitMs)
  const isOver = () => signal.aborted || waited || stream.state === 'closed'
  signal.addEventListener('abort', giveUp, { once: true })
  try {
    for (;;) {
      const unit = cursor.take()
      if (unit !== undefined) return unit.init
      if (isOver()) return undefined
      if (await cursor.ready()) continue
      if (isOver()) return undefined
      // The publisher has just said that it brings packets of its own.
      cursor.close()
      cursor = stream.units(asfUnits).open()
    }
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', giveUp)
    cursor.close()
  }
}
