/** The wire formats of progressive playback: FLV tags as they are, and the same tags as WebSocket messages. */
import type { FeedFormat, FeedMuxer } from '../../live/feed.ts'
import { ByteWriter } from '../../media/bytes/byte-writer.ts'
import { type FlvFile, FlvTagMuxer } from '../../media/containers/flv/muxer.ts'
import type { Packet } from '../../media/packet.ts'
import type { Track } from '../../media/track.ts'
import { binaryFrameHeader } from '../../net/http/websocket.ts'

export const flvFeed: FeedFormat = { name: 'flv', createMuxer: () => new FlvTagMuxer() }

/** Each tag is one message, so that a merged buffer is whole messages and goes to every socket as it is. */
export const flvMessageFeed: FeedFormat = { name: 'ws-flv', createMuxer: () => new FlvMessageFeedMuxer() }

/** How FLV goes over a connection. */
export interface FlvFraming {
  /** Of live streams. */
  readonly feed: FeedFormat
  /** Of a file for one viewer. */
  readonly createFileMuxer: (file: FlvFile) => FeedMuxer
  /** The FLV file header, which is each viewer's own. */
  readonly frameHeader: (header: Uint8Array) => Uint8Array
}

export const plainFlv: FlvFraming = {
  feed: flvFeed,
  createFileMuxer: (file) => new FlvTagMuxer(file),
  frameHeader: (header) => header,
}

export const flvMessages: FlvFraming = {
  feed: flvMessageFeed,
  createFileMuxer: (file) => new FlvMessageFeedMuxer(file),
  frameHeader: binaryMessage,
}

class FlvMessageFeedMuxer implements FeedMuxer {
  readonly #muxer: FlvTagMuxer
  readonly #tag = new ByteWriter(4096)

  constructor(file?: FlvFile) {
    this.#muxer = new FlvTagMuxer(file)
  }

  init(tracks: readonly Track[], metadata: Readonly<Record<string, unknown>>): Uint8Array {
    return binaryMessage(this.#muxer.init(tracks, metadata))
  }

  write(packet: Packet, out: ByteWriter): void {
    this.#tag.clear()
    this.#muxer.write(packet, this.#tag)
    if (this.#tag.length === 0) return
    const tag = this.#tag.view()
    out.bytes(binaryFrameHeader(tag.byteLength)).bytes(tag)
  }
}

/** One whole WebSocket message. */
function binaryMessage(body: Uint8Array): Uint8Array {
  return Buffer.concat([binaryFrameHeader(body.byteLength), body])
}
