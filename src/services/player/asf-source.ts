/** Plays ASF over plain HTTP: a file, or a stream without an end. */
import { FormatError } from '../../errors.ts'
import { AsfReader } from '../../media/containers/asf/demuxer.ts'
import { AsfPacketDemuxer } from '../../media/containers/asf/packet-demuxer.ts'
import { MAX_ASX_LENGTH } from '../../media/manifests/asx/parse.ts'
import { type OpenAddress, playAsxText } from './asx-source.ts'
import { get, pieces, shown } from './http.ts'
import type { NativeSource, SourceContext } from './source.ts'

/** First byte of an ASF file; no text of an ASX file has it there. */
const ASF_START = 0x30

/**
 * Data packets come as they are, each before the packets within. Windows Media servers answer who is no player of theirs with an ASX
 * file: with `open` it is followed.
 */
export async function* playHttpAsf(url: URL, context: SourceContext, open?: OpenAddress): NativeSource {
  const response = await get(context.mark(url, { type: 'av' }), context.signal)
  const body = pieces(response, url, context.signal)
  const { value: first } = await body.next()
  if (first === undefined) return
  if (open !== undefined && first[0] !== ASF_START) {
    const text = await textOf(first, body, url)
    yield* playAsxText(text, url, context, open)
    return
  }
  yield* readAsf(first, body, context)
}

async function* readAsf(first: Uint8Array, body: AsyncGenerator<Uint8Array>, context: SourceContext): NativeSource {
  const reader = new AsfReader()
  let demuxer: AsfPacketDemuxer | undefined
  const results = function* () {
    for (let read = reader.read(); read !== undefined; read = reader.read()) {
      if (read.type === 'init') {
        yield* endOf(demuxer)
        demuxer = new AsfPacketDemuxer(read.init)
        continue
      }
      yield { type: 'asf', packet: read.packet } as const
      demuxer?.write(read.packet.bytes)
      for (let result = demuxer?.read(); result !== undefined; result = demuxer?.read()) yield result
    }
  }
  let piece: Uint8Array | undefined = first
  while (piece !== undefined) {
    context.onBytes(piece.byteLength)
    reader.write(piece)
    yield* results()
    piece = (await body.next()).value as Uint8Array | undefined
  }
  reader.end()
  yield* results()
  yield* endOf(demuxer)
}

function* endOf(demuxer: AsfPacketDemuxer | undefined) {
  demuxer?.end()
  for (let result = demuxer?.read(); result !== undefined; result = demuxer?.read()) yield result
}

async function textOf(first: Uint8Array, body: AsyncGenerator<Uint8Array>, url: URL): Promise<string> {
  const parts = [first]
  let length = first.byteLength
  for await (const piece of body) {
    length += piece.byteLength
    if (length > MAX_ASX_LENGTH) {
      throw new FormatError(
        'ERR_PLAY_ASX',
        `expected ASF, or an ASX file of at most ${MAX_ASX_LENGTH} bytes, in ${shown(url)}`,
      )
    }
    parts.push(piece)
  }
  return new TextDecoder().decode(Buffer.concat(parts, length))
}
