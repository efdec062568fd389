/** What a server says: results, errors and statuses (RTMP 1.0 sections 7.2.1 and 7.2.2). */
import type { AmfObject, AmfValue } from '../../media/amf/value.ts'
import { commandMessage, dataMessage } from './command.ts'
import { USER_CONTROL, userControlMessage } from './message.ts'
import type { MessageChannel } from './message-channel.ts'

export class Answers {
  readonly #channel: MessageChannel

  constructor(channel: MessageChannel) {
    this.#channel = channel
  }

  result(transactionId: number, ...values: AmfValue[]): void {
    this.#channel.send(commandMessage(0, { name: '_result', transactionId, values }))
  }

  /** An empty result, if one is wanted. */
  acknowledge(transactionId: number, value?: AmfValue): undefined {
    if (transactionId !== 0) this.result(transactionId, null, value)
  }

  error(transactionId: number, info: AmfObject): void {
    this.#channel.send(commandMessage(0, { name: '_error', transactionId, values: [null, info] }))
  }

  /** A call on the connection that wants no answer. */
  notify(name: string, info: AmfObject): void {
    this.#channel.send(commandMessage(0, { name, transactionId: 0, values: [null, info] }))
  }

  status(streamId: number, info: AmfObject): void {
    this.#channel.send(commandMessage(streamId, { name: 'onStatus', transactionId: 0, values: [null, info] }))
  }

  onStatus(streamId: number, code: string, description: string): void {
    this.status(streamId, { level: 'status', code, description })
  }

  fail(streamId: number, code: string, description: string): undefined {
    this.status(streamId, { level: 'error', code, description })
  }

  /** `onPlayStatus`, which goes as data at its place in the stream. */
  playStatus(streamId: number, code: string, timestampMs: number): void {
    this.#channel.send({ ...dataMessage(streamId, ['onPlayStatus', { level: 'status', code }]), timestampMs })
  }

  /** A user control event of a stream. */
  control(event: keyof typeof USER_CONTROL, streamId: number): void {
    this.#channel.send(userControlMessage({ event: USER_CONTROL[event], value: streamId }))
  }
}

const MAX_QUOTED = 60

/** Text of a peer, for a message. */
export function shorten(text: string): string {
  return JSON.stringify(text.slice(0, MAX_QUOTED))
}
