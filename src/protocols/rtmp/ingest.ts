/** Messages of a publisher to packets in the hub. */

import type { Publisher } from '../../live/publisher.ts'
import { FlvMessageDemuxer } from '../../media/containers/flv/message-demuxer.ts'
import { amf0Body } from './command.ts'
import { MESSAGE_TYPE, type RtmpMessage } from './message.ts'

const TYPES: Readonly<Record<number, 'audio' | 'video' | 'data'>> = {
  [MESSAGE_TYPE.AUDIO]: 'audio',
  [MESSAGE_TYPE.VIDEO]: 'video',
  [MESSAGE_TYPE.DATA_AMF0]: 'data',
  [MESSAGE_TYPE.DATA_AMF3]: 'data',
}

export class RtmpIngest {
  readonly #demuxer = new FlvMessageDemuxer()
  readonly #publisher: Publisher

  constructor(publisher: Publisher) {
    this.#publisher = publisher
  }

  /** Throws FormatError for media that breaks its format, and UnavailableError when the publisher was closed. */
  write(message: RtmpMessage): void {
    const type = TYPES[message.type]
    if (type === undefined) return
    const body = type === 'data' ? amf0Body(message) : message.payload
    this.#demuxer.write({ type, timestampMs: message.timestampMs, body })
    this.#forward()
  }

  /** Hands over what is held back, and leaves the path; `final` ends the stream at once. */
  close(options: { readonly final: boolean }): void {
    if (!this.#publisher.closed) {
      this.#demuxer.end()
      this.#forward()
    }
    this.#publisher.close(options)
  }

  #forward(): void {
    for (let result = this.#demuxer.read(); result !== undefined; result = this.#demuxer.read()) {
      if (result.type === 'packet') this.#publisher.write(result.packet)
      else this.#publisher.announce(result.tracks, result.metadata)
    }
  }
}
