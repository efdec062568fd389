/** One viewer of FLV: from what was found to the last byte. Of a live stream all its bytes but the header are shared with the others. */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type HeadendError, PeerError, UnavailableError } from '../../errors.ts'
import type { AccessGrant } from '../../live/access.ts'
import type { Sessions } from '../../live/sessions.ts'
import { flvFileHeader } from '../../media/containers/flv/muxer.ts'
import { pump } from '../../net/pump.ts'
import type { FlvFraming } from './feeds.ts'
import type { FlvProgramme } from './programme.ts'

export interface Viewer {
  /** For the session registry: `http-flv`, `ws-flv`. */
  readonly protocol: string
  readonly remoteAddress: string
  readonly userAgent: string | undefined
  /** It asks not to be tracked. */
  readonly optedOut: boolean
  readonly grant: AccessGrant | undefined
  readonly framing: FlvFraming
  /** A socket or an HTTP/2 stream. */
  readonly output: Duplex
  /** Ends the connection after what is queued, because of `reason` or the end of the programme. Called at most once. */
  readonly finish: (reason: HeadendError | undefined) => void
}

/** Plays until the programme ends, the viewer leaves, or `signal` says that the server closes; resolves then. Never rejects. */
export async function playFlv(
  programme: FlvProgramme,
  viewer: Viewer,
  options: { readonly sessions: Sessions; readonly signal: AbortSignal },
): Promise<void> {
  const { sessions, signal } = options
  const { output } = viewer
  const { cursor, stallMs } = programme
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
  const session = sessions.open({
    protocol: viewer.protocol,
    role: 'play',
    path: programme.path,
    remoteAddress: viewer.remoteAddress,
    ...(viewer.userAgent !== undefined && { userAgent: viewer.userAgent }),
    optedOut: viewer.optedOut,
    grant: viewer.grant,
    close: finish,
  })
  void gone.then(() => cursor.close())
  const onAbort = () => finish(new UnavailableError('ERR_HUB_CLOSED', 'the server is shutting down'))
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })

  const tracks = await programme.tracks()
  if (!output.destroyed && !finished) {
    output.cork()
    const header = viewer.framing.frameHeader(flvFileHeader(tracks))
    output.write(header)
    session.bytesOut += header.byteLength
    // An HTTP/2 stream has all that the pump uses of a socket.
    const stop = pump(cursor, output as Socket, {
      counters: session,
      onEnd: () => finish(programme.fault()),
      onStall: () => {
        reason ??= new PeerError('ERR_HTTP_STALLED', 'expected the player to read, but it takes nothing any more')
        output.destroy()
      },
      ...(stallMs !== undefined && { stallMs }),
    })
    output.uncork()
    void gone.then(stop)
  }
  await gone
  signal.removeEventListener('abort', onAbort)
  sessions.close(session, reason)
}
