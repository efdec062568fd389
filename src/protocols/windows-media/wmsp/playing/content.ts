/** What lies behind a path and can be played as ASF: a live stream or a file of the library. */
import { UnavailableError } from '../../../../errors.ts'
import { readable } from '../../../../library/open-playback.ts'
import { timeOffset } from '../../../../library/time-offset.ts'
import type { Stream } from '../../../../live/stream.ts'
import type { AsfInit } from '../../../../media/containers/asf/model.ts'
import { isAsfTrack } from '../../../../media/containers/asf/track-format.ts'
import { formatOf } from '../../../../media/open-reader.ts'
import type { Track } from '../../../../media/track.ts'
import type { ServerContext } from '../../../protocol.ts'
import { asfUnits } from '../../asf-units.ts'
import type { PlayableAsf } from '../../playable-asf.ts'

const LIBRARY_ROOT = 'vod/'
/** Of a file's beginning, enough to tell whether it is ASF. */
const HEAD_BYTES = 16

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
  readonly asf: PlayableAsf
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

type Context = Pick<ServerContext, 'hub' | 'library' | 'mediaFiles'>

/**
 * Opens what a path names: `vod/…` or `live/…`. Throws UnavailableError ERR_STREAM_NOT_FOUND, ERR_LIBRARY_NOT_FOUND, ERR_STREAM_NO_TRACK for
 * what has no track that ASF carries, ERR_LIBRARY_UNREADABLE for a file that cannot be read, or PeerError ERR_PATH_INVALID.
 */
export function openContent(context: Context, path: string, options: OpenOptions): Promise<Content> {
  return path.startsWith(LIBRARY_ROOT)
    ? readable(path, () => openFile(context, path))
    : openLive(context, path, options)
}

/** An ASF file goes out as it is, packet for packet; of others one is made. */
async function openFile(context: Context, path: string): Promise<FileContent> {
  const file = await context.library.open(path)
  let closed = false
  const close = () => {
    if (!closed) file.close().catch(() => {})
    closed = true
  }
  try {
    if (formatOf(await file.read(0, HEAD_BYTES)) !== 'asf') {
      close()
      return await openMade(context, path)
    }
    // Files are not played by every server: their reader is loaded with the first.
    const { AsfFile } = await import('../../../../media/containers/asf/file.ts')
    const asf = await AsfFile.open(file)
    return { kind: 'file', path, asf, init: asf.init, size: file.size, modified: file.modified, close }
  } catch (error) {
    close()
    throw error
  }
}

async function openMade({ mediaFiles }: Context, path: string): Promise<FileContent> {
  const { MadeAsfFile } = await import('../../made-asf-file.ts')
  const { makeHeader } = await import('../../made-asf-header.ts')
  const { file, reader, close } = await mediaFiles.open(path)
  try {
    checkTracks(path, reader.tracks)
    const offset = await timeOffset(reader)
    const asf = new MadeAsfFile(reader, makeHeader(reader, file.size, offset), offset)
    const { init } = asf
    const size = init.bytes.byteLength + init.packetCount * init.packetSize
    let closed = false
    const closeAll = () => {
      if (!closed) asf.close().then(close, close)
      closed = true
    }
    return { kind: 'file', path, asf, init, size, modified: file.modified, close: closeAll }
  } catch (error) {
    close()
    throw error
  }
}

function checkTracks(path: string, tracks: readonly Track[]): void {
  if (tracks.some(isAsfTrack)) return
  const codecs = tracks.map(({ codec }) => codec).join(', ')
  throw new UnavailableError('ERR_STREAM_NO_TRACK', `expected a track that ASF carries in ${path}, found ${codecs}`)
}

async function openLive({ hub }: Pick<ServerContext, 'hub'>, path: string, options: OpenOptions): Promise<LiveContent> {
  const stream = await hub.findOrWait(path, options)
  if (stream.tracks.length > 0) checkTracks(path, stream.tracks)
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
