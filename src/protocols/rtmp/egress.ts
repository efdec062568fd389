/** Packets of the hub as RTMP chunks: made once per stream and shared by all its viewers. */
import type { FeedFormat, FeedMuxer } from '../../live/feed.ts'
import { writeAmf0 } from '../../media/amf/amf0.ts'
import { ByteWriter } from '../../media/bytes/byte-writer.ts'
import { isFlvTrack } from '../../media/containers/flv/codec-id.ts'
import type { FlvMessage } from '../../media/containers/flv/message.ts'
import { FlvMessageMuxer, flvMessageHead } from '../../media/containers/flv/message-muxer.ts'
import type { FlvFile } from '../../media/containers/flv/muxer.ts'
import type { Packet } from '../../media/packet.ts'
import { MICROS_PER_MS } from '../../media/time.ts'
import type { Track, TrackKind } from '../../media/track.ts'
import { OUTGOING_CHUNK_SIZE, writeMessage } from './chunk-writer.ts'
import { MESSAGE_TYPE } from './message.ts'
import { PLAY_STREAM_ID } from './session.ts'

/** What every viewer gets: whole chunks on message stream 1, in the chunk size that every session announces. */
export const rtmpFeed: FeedFormat = playFormat('rtmp', ['audio', 'video', 'data'])
const audioFeed: FeedFormat = playFormat('rtmp-audio', ['audio', 'data'])
const videoFeed: FeedFormat = playFormat('rtmp-video', ['video', 'data'])

/** The feed for what a viewer wants to receive; `undefined` for nothing. */
export function playFeed(wanted: {
  readonly audio: boolean
  readonly video: boolean
  readonly paused?: boolean
}): FeedFormat | undefined {
  if (wanted.paused === true) return undefined
  if (wanted.audio) return wanted.video ? rtmpFeed : audioFeed
  return wanted.video ? videoFeed : undefined
}

/** The feed for publishing to a server that has given this message stream id: metadata as servers want it to keep. */
export function publishFeed(streamId: number): FeedFormat {
  const options = { streamId, kinds: ['audio', 'video', 'data'], setDataFrame: true } as const
  return { name: 'rtmp-push', createMuxer: () => new RtmpFeedMuxer(options) }
}

/** A muxer for one viewer of a file, on message stream 1. */
export function filePlayMuxer(file: FlvFile): FeedMuxer {
  const kinds = ['audio', 'video', 'data'] as const
  return new RtmpFeedMuxer({ streamId: PLAY_STREAM_ID, kinds, setDataFrame: false, file })
}

interface MuxerOptions {
  readonly streamId: number
  readonly kinds: readonly TrackKind[]
  /** Put `@setDataFrame` before onMetaData. */
  readonly setDataFrame: boolean
  readonly file?: FlvFile
}

const EMPTY = new Uint8Array(0)
const TYPE_OF = {
  audio: MESSAGE_TYPE.AUDIO,
  video: MESSAGE_TYPE.VIDEO,
  data: MESSAGE_TYPE.DATA_AMF0,
} as const satisfies Record<FlvMessage['type'], number>

function playFormat(name: string, kinds: readonly TrackKind[]): FeedFormat {
  const options = { streamId: PLAY_STREAM_ID, kinds, setDataFrame: false }
  return { name, createMuxer: () => new RtmpFeedMuxer(options) }
}

class RtmpFeedMuxer implements FeedMuxer {
  readonly #messages: FlvMessageMuxer
  readonly #options: MuxerOptions
  #lastMs: number

  constructor(options: MuxerOptions) {
    this.#options = options
    this.#messages = new FlvMessageMuxer(options.file?.duration)
    this.#lastMs = Math.round((options.file?.from ?? 0) / MICROS_PER_MS)
  }

  init(tracks: readonly Track[], metadata: Readonly<Record<string, unknown>>): Uint8Array {
    const { streamId, kinds, setDataFrame } = this.#options
    const wanted = tracks.filter((track) => kinds.includes(track.kind))
    const out = new ByteWriter(1024)
    for (const { type, timestampMs, body } of this.#messages.start(wanted, metadata, this.#lastMs)) {
      const head = { type: TYPE_OF[type], streamId, timestampMs: timestampMs >>> 0 }
      const prefix = setDataFrame && type === 'data' ? SET_DATA_FRAME : EMPTY
      writeMessage(out, head, prefix, body, OUTGOING_CHUNK_SIZE)
    }
    return out.detach()
  }

  write(packet: Packet, out: ByteWriter): void {
    if (!this.#options.kinds.includes(packet.track.kind) || !isFlvTrack(packet.track)) return
    const { type, timestampMs } = flvMessageHead(packet)
    this.#lastMs = timestampMs
    const head = { type: TYPE_OF[type], streamId: this.#options.streamId, timestampMs: timestampMs >>> 0 }
    writeMessage(out, head, this.#messages.bodyHeader(packet), packet.data, OUTGOING_CHUNK_SIZE)
  }
}

const SET_DATA_FRAME = amf('@setDataFrame')

function amf(text: string): Uint8Array {
  const writer = new ByteWriter()
  writeAmf0(writer, text)
  return writer.toBytes()
}
