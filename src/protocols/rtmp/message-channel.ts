/** The part of a connection that both ends share: messages over chunks, acknowledgements, pings (RTMP 1.0 sections 5.4, 6.2, 7.1). */
import type { Machine } from '../../media/machine.ts'
import { ChunkReader } from './chunk-reader.ts'
import { ChunkWriter, OUTGOING_CHUNK_SIZE } from './chunk-writer.ts'
import {
  BANDWIDTH_LIMIT,
  controlMessage,
  MESSAGE_TYPE,
  peerBandwidthMessage,
  type RtmpMessage,
  readAggregate,
  readControlNumber,
  readUserControl,
  USER_CONTROL,
  userControlMessage,
} from './message.ts'

/** Bytes we let a peer send before it acknowledges, and what we propose to it. */
const WINDOW_BYTES = 2_500_000
/** A peer that asks for acknowledgements more often than this does not get them more often, bytes. */
const MIN_ACK_WINDOW = 4096

/** Bytes behind the handshake in, commands and media out. Control messages are answered here; aggregates come out taken apart. */
export class MessageChannel implements Machine<Uint8Array, RtmpMessage> {
  readonly #reader = new ChunkReader()
  readonly #writer = new ChunkWriter()
  #received = 0
  #acknowledged = 0
  #ackWindow = WINDOW_BYTES
  #aggregate: RtmpMessage[] | undefined
  #messages = 0
  #streamEnded = false
  #bufferMs = 0

  /** Messages received, control messages and the parts of aggregates included. */
  get messages(): number {
    return this.#messages
  }

  /** The peer has said that the stream it sends is over. */
  get streamEnded(): boolean {
    return this.#streamEnded
  }

  /** Milliseconds that the peer wants to hold before it shows them; 0: it has not said. */
  get bufferMs(): number {
    return this.#bufferMs
  }

  write(bytes: Uint8Array): void {
    this.#received += bytes.byteLength
    this.#reader.write(bytes)
    if (this.#received - this.#acknowledged >= this.#ackWindow) {
      this.#acknowledged = this.#received
      this.send(controlMessage(MESSAGE_TYPE.ACKNOWLEDGEMENT, this.#received % 2 ** 32))
    }
  }

  /** The next command, data, audio or video message. */
  read(): RtmpMessage | undefined {
    for (;;) {
      const message = this.#aggregate === undefined ? this.#reader.read() : this.#nextPart()
      if (message === undefined) {
        if (this.#aggregate === undefined) return undefined
        this.#aggregate = undefined
        continue
      }
      this.#messages++
      switch (message.type) {
        case MESSAGE_TYPE.AUDIO:
        case MESSAGE_TYPE.VIDEO:
        case MESSAGE_TYPE.DATA_AMF0:
        case MESSAGE_TYPE.DATA_AMF3:
        case MESSAGE_TYPE.COMMAND_AMF0:
        case MESSAGE_TYPE.COMMAND_AMF3:
          return message
        case MESSAGE_TYPE.AGGREGATE:
          // An aggregate in an aggregate is not a thing; it would only multiply work.
          this.#aggregate ??= readAggregate(message).reverse()
          break
        case MESSAGE_TYPE.WINDOW_ACK_SIZE:
          this.#ackWindow = Math.max(MIN_ACK_WINDOW, readControlNumber(message.payload))
          break
        case MESSAGE_TYPE.USER_CONTROL:
          this.#onUserControl(message.payload)
          break
        default:
          // Acknowledgements and bandwidth need no answer; shared objects and unknown types are passed over.
          break
      }
    }
  }

  end(): void {
    this.#reader.end()
  }

  /** What both ends say first: window, bandwidth and the large chunk size. */
  open(): void {
    this.send(controlMessage(MESSAGE_TYPE.WINDOW_ACK_SIZE, WINDOW_BYTES))
    this.send(peerBandwidthMessage(WINDOW_BYTES, BANDWIDTH_LIMIT.DYNAMIC))
    this.#writer.setChunkSize(OUTGOING_CHUNK_SIZE)
  }

  send(message: RtmpMessage): void {
    this.#writer.write(message)
  }

  /** Asks the peer for a sign of life. `timeMs` comes back in its answer. */
  ping(timeMs: number): void {
    this.send(userControlMessage({ event: USER_CONTROL.PING_REQUEST, value: timeMs }))
  }

  /** Bytes for the peer, or `undefined`. */
  takeOutput(): Uint8Array | undefined {
    return this.#writer.read()
  }

  #nextPart(): RtmpMessage | undefined {
    return this.#aggregate?.pop()
  }

  #onUserControl(payload: Uint8Array): void {
    const control = readUserControl(payload)
    if (control.event === USER_CONTROL.PING_REQUEST) {
      this.send(userControlMessage({ event: USER_CONTROL.PING_RESPONSE, value: control.value }))
    } else if (control.event === USER_CONTROL.SET_BUFFER_LENGTH) {
      this.#bufferMs = control.extra ?? 0
    } else if (control.event === USER_CONTROL.STREAM_EOF) {
      this.#streamEnded = true
    } else if (control.event === USER_CONTROL.STREAM_BEGIN) {
      this.#streamEnded = false
    }
  }
}
