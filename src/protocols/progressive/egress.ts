/** One viewer of a progressive stream: from the found stream to the last byte. All its bytes but the header are shared with the others. */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type HeadendError, UnavailableError } from '../../errors.ts'
import type { FeedFormat } from '../../live/feed.ts'
import type { Sessions } from '../../live/sessions.ts'
import type { Stream } from '../../live/stream.ts'
import { flvFileHeader } from '../../media/containers/flv/muxer.ts'
import { pump } from '../../net/pump.ts'

export interface Viewer {
  /** For the session registry: `http-flv`, `ws-flv`. */
  readonly protocol: string
  readonly remoteAddress: string
  readonly userAgent: string | undefined
  readonly format: FeedFormat
  /** A socket or an HTTP/2 stream. */
  readonly output: Duplex
  /** The FLV file header in this viewer's framing. */
  readonly frameHeader: (header: Uint8Array) => Uint8Array
  /** Ends the connection after what is queued, because of `reason` or the end of the stream. Called at most once. */
  readonly finish: (reason: HeadendError | undefined) => void
}

/** Plays until the stream ends, the viewer leaves, or `signal` says that the server closes; resolves then. Never rejects. */
export async function playFlv(
  stream: Stream,
  viewer: Viewer,
  options: { readonly sessions: Sessions; readonly signal: AbortSignal },
): Promise<void> {
  const { sessions, signal } = options
  const { output } = viewer
  const gone = new Promise<void>((resolve) => {
    if (output.destroyed) resolve()
    else output.once('close', resolve)
  })
  let reason: HeadendError | undefined
  let finished = false
  const finish = (why: HeadendError | undefined) => {
    if (finished) return
    finished = true
    reason = why
    cursor.close()
    viewer.finish(why)
  }
  const cursor = stream.feed(viewer.format).open()
  const session = sessions.open({
    protocol: viewer.protocol,
    role: 'play',
    path: stream.path,
    remoteAddress: viewer.remoteAddress,
    ...(viewer.userAgent !== undefined && { userAgent: viewer.userAgent }),
    close: finish,
  })
  void gone.then(() => cursor.close())
  const onAbort = () => finish(new UnavailableError('ERR_HUB_CLOSED', 'the server is shutting down'))
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })

  // The header tells which kinds of tracks come, so it waits until the publisher has said so.
  if (stream.tracks.length === 0) await cursor.ready()
  if (!output.destroyed && !finished) {
    output.cork()
    const header = viewer.frameHeader(flvFileHeader(stream.tracks))
    output.write(header)
    session.bytesOut += header.byteLength
    // An HTTP/2 stream has all that the pump uses of a socket.
    const stop = pump(cursor, output as Socket, {
      counters: session,
      onEnd: () => finish(undefined),
      onStall: () => output.destroy(),
    })
    output.uncork()
    void gone.then(stop)
  }
  await gone
  signal.removeEventListener('abort', onAbort)
  sessions.close(session, reason)
}
