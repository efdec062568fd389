/** Messages, their types, and the bodies of protocol control and user control messages: RTMP 1.0, sections 5.4, 6 and 7.1. */
import { FormatError } from '../../errors.ts'
import { ByteReader } from '../../media/bytes/byte-reader.ts'
import { ByteWriter } from '../../media/bytes/byte-writer.ts'

/** Message type ids. */
export const MESSAGE_TYPE = {
  SET_CHUNK_SIZE: 1,
  ABORT: 2,
  ACKNOWLEDGEMENT: 3,
  USER_CONTROL: 4,
  WINDOW_ACK_SIZE: 5,
  SET_PEER_BANDWIDTH: 6,
  AUDIO: 8,
  VIDEO: 9,
  DATA_AMF3: 15,
  SHARED_OBJECT_AMF3: 16,
  COMMAND_AMF3: 17,
  DATA_AMF0: 18,
  SHARED_OBJECT_AMF0: 19,
  COMMAND_AMF0: 20,
  AGGREGATE: 22,
} as const

/** Event types of a user control message. */
export const USER_CONTROL = {
  STREAM_BEGIN: 0,
  STREAM_EOF: 1,
  STREAM_DRY: 2,
  SET_BUFFER_LENGTH: 3,
  STREAM_IS_RECORDED: 4,
  PING_REQUEST: 6,
  PING_RESPONSE: 7,
} as const

/** One whole message. The payload is the receiver's own: nobody writes into it any more. */
export interface RtmpMessage {
  readonly type: number
  /** Message stream id: 0 is the connection itself. */
  readonly streamId: number
  /** Milliseconds, modulo 2^32. */
  readonly timestampMs: number
  readonly payload: Uint8Array
}

/** Chunk stream ids that we write with; readers accept any. */
export const CHUNK_STREAM = { CONTROL: 2, COMMAND: 3, AUDIO: 4, DATA: 5, VIDEO: 6 } as const

/** Bytes of a message, by what it carries. */
export const MAX_MEDIA_MESSAGE = 8 * 1024 * 1024
export const MAX_DATA_MESSAGE = 256 * 1024
export const MAX_COMMAND_MESSAGE = 64 * 1024
export const MAX_CONTROL_MESSAGE = 1024
/** Messages inside one aggregate. */
export const MAX_AGGREGATED_MESSAGES = 4096

const AGGREGATE_HEADER = 11
const BACK_POINTER = 4

/** The largest payload accepted for a message type, bytes. */
export function maxPayload(type: number): number {
  switch (type) {
    case MESSAGE_TYPE.AUDIO:
    case MESSAGE_TYPE.VIDEO:
    case MESSAGE_TYPE.AGGREGATE:
      return MAX_MEDIA_MESSAGE
    case MESSAGE_TYPE.DATA_AMF0:
    case MESSAGE_TYPE.DATA_AMF3:
      return MAX_DATA_MESSAGE
    default:
      return type <= MESSAGE_TYPE.SET_PEER_BANDWIDTH ? MAX_CONTROL_MESSAGE : MAX_COMMAND_MESSAGE
  }
}

/** The chunk stream a message of this type is written on. */
export function chunkStreamOf(type: number): number {
  switch (type) {
    case MESSAGE_TYPE.AUDIO:
      return CHUNK_STREAM.AUDIO
    case MESSAGE_TYPE.VIDEO:
      return CHUNK_STREAM.VIDEO
    case MESSAGE_TYPE.DATA_AMF0:
    case MESSAGE_TYPE.DATA_AMF3:
      return CHUNK_STREAM.DATA
    default:
      return type <= MESSAGE_TYPE.SET_PEER_BANDWIDTH ? CHUNK_STREAM.CONTROL : CHUNK_STREAM.COMMAND
  }
}

/** The 32-bit number that is the whole body of types 1, 2, 3 and 5 (and the first part of 6). Throws FormatError when short. */
export function readControlNumber(payload: Uint8Array): number {
  return new ByteReader(payload).u32()
}

/** A control message of one 32-bit number. */
export function controlMessage(type: number, value: number): RtmpMessage {
  return { type, streamId: 0, timestampMs: 0, payload: new ByteWriter(4).u32(value).view() }
}

/** How a peer bandwidth is meant: replace the window, keep the smaller, or as the last. */
export const BANDWIDTH_LIMIT = { HARD: 0, SOFT: 1, DYNAMIC: 2 } as const

/** Set Peer Bandwidth, bytes. */
export function peerBandwidthMessage(windowBytes: number, limit: number): RtmpMessage {
  const payload = new ByteWriter(5).u32(windowBytes).u8(limit).view()
  return { type: MESSAGE_TYPE.SET_PEER_BANDWIDTH, streamId: 0, timestampMs: 0, payload }
}

/** A user control event. `value` is the stream id or the ping's time; `extra` the buffer length, milliseconds. */
export interface UserControl {
  readonly event: number
  readonly value: number
  readonly extra?: number
}

/** Reads a user control message; missing fields of unknown events are zero. Throws FormatError when a known one is short. */
export function readUserControl(payload: Uint8Array): UserControl {
  const reader = new ByteReader(payload)
  const event = reader.u16()
  if (event > USER_CONTROL.PING_RESPONSE) return { event, value: 0 }
  const value = reader.u32()
  return event === USER_CONTROL.SET_BUFFER_LENGTH ? { event, value, extra: reader.u32() } : { event, value }
}

export function userControlMessage(control: UserControl): RtmpMessage {
  const writer = new ByteWriter(10).u16(control.event).u32(control.value)
  if (control.extra !== undefined) writer.u32(control.extra)
  return { type: MESSAGE_TYPE.USER_CONTROL, streamId: 0, timestampMs: 0, payload: writer.view() }
}

/**
 * The messages inside an aggregate (section 7.1.6): FLV tags with back pointers. Their times are moved so that the first has the
 * aggregate's. Payloads are views. Throws FormatError for a part that leaves the message.
 */
export function readAggregate(message: RtmpMessage): RtmpMessage[] {
  const reader = new ByteReader(message.payload)
  const parts: RtmpMessage[] = []
  let shift: number | undefined
  while (reader.remaining >= AGGREGATE_HEADER) {
    if (parts.length >= MAX_AGGREGATED_MESSAGES) {
      const text = `expected at most ${MAX_AGGREGATED_MESSAGES} messages in an aggregate`
      throw new FormatError('ERR_RTMP_AGGREGATE', text, reader.offset)
    }
    const type = reader.u8()
    const length = reader.u24()
    const low = reader.u24()
    const time = reader.u8() * 0x100_0000 + low
    reader.skip(3) // The stream id of the aggregate overrides it.
    shift ??= message.timestampMs - time
    const payload = reader.view(length)
    // Some servers leave the last back pointer out.
    reader.skip(Math.min(BACK_POINTER, reader.remaining))
    parts.push({ type, streamId: message.streamId, timestampMs: (time + shift) >>> 0, payload })
  }
  return parts
}
