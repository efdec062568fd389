/** Plays FLV over HTTP and over WebSocket. */
import { FormatError, UnavailableError } from '../../errors.ts'
import { FlvDemuxer } from '../../media/containers/flv/demuxer.ts'
import { get, pieces, shown } from './http.ts'
import type { Source, SourceContext } from './source.ts'

/** Received and not yet read, bytes: a player that falls this far behind has failed. */
const MAX_QUEUED_BYTES = 64 * 1024 * 1024

export async function* playHttpFlv(url: URL, context: SourceContext): Source {
  const response = await get(context.mark(url, { type: 'av' }), context.signal)
  yield* demux(pieces(response, url, context.signal), context)
}

export async function* playWebSocketFlv(url: URL, context: SourceContext): Source {
  yield* demux(webSocketPieces(context.mark(url, { type: 'av' }), context.signal), context)
}

async function* demux(source: AsyncGenerator<Uint8Array>, context: SourceContext): Source {
  const demuxer = new FlvDemuxer()
  for await (const piece of source) {
    context.onBytes(piece.byteLength)
    demuxer.write(piece)
    for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) yield result
  }
  demuxer.end()
  for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) yield result
}

async function* webSocketPieces(url: URL, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const socket = new WebSocket(url)
  socket.binaryType = 'arraybuffer'
  const queue: Uint8Array[] = []
  let queued = 0
  let opened = false
  let failure: Error | undefined
  let over = false
  let wake = () => undefined as void
  const end = (error?: Error) => {
    failure ??= error
    over = true
    wake()
  }
  socket.onopen = () => {
    opened = true
  }
  socket.onmessage = ({ data }) => {
    if (!(data instanceof ArrayBuffer)) return
    queue.push(new Uint8Array(data))
    queued += data.byteLength
    if (queued > MAX_QUEUED_BYTES)
      end(new FormatError('ERR_PLAY_TOO_LARGE', 'the stream comes faster than it can be read'))
    wake()
  }
  socket.onerror = () => {
    if (!opened) end(new UnavailableError('ERR_PLAY_UNREACHABLE', `${shown(url)} did not accept a WebSocket`))
  }
  socket.onclose = () => end()
  const abort = () => end()
  signal.addEventListener('abort', abort, { once: true })
  try {
    for (;;) {
      for (let piece = queue.shift(); piece !== undefined; piece = queue.shift()) {
        queued -= piece.byteLength
        yield piece
      }
      if (over) break
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    if (failure !== undefined && !signal.aborted) throw failure
  } finally {
    signal.removeEventListener('abort', abort)
    socket.close()
  }
}
