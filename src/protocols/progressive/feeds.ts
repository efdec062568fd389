/** The wire formats of progressive playback: FLV tags as they are, and the same tags as WebSocket messages. */
import type { FeedFormat, FeedMuxer } from '../../live/feed.ts'
import { ByteWriter } from '../../media/bytes/byte-writer.ts'
import { FlvTagMuxer } from '../../media/containers/flv/muxer.ts'
import type { Packet } from '../../media/packet.ts'
import type { Track } from '../../media/track.ts'
import { binaryFrameHeader } from '../../net/http/websocket.ts'

export const flvFeed: FeedFormat = { name: 'flv', createMuxer: () => new FlvTagMuxer() }

/** Each tag is one message, so that a merged buffer is whole messages and goes to every socket as it is. */
export const flvMessageFeed: FeedFormat = { name: 'ws-flv', createMuxer: () => new FlvMessageFeedMuxer() }

class FlvMessageFeedMuxer implements FeedMuxer {
  readonly #muxer = new FlvTagMuxer()
  readonly #tag = new ByteWriter(4096)

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
export function binaryMessage(body: Uint8Array): Uint8Array {
  return Buffer.concat([binaryFrameHeader(body.byteLength), body])
}
