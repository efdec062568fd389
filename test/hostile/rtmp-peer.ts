/** An RTMP peer that says anything in any order, over a real socket. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type AmfValue, amfProperties } from '../../src/media/amf/value.ts'
import { commandMessage, readCommand } from '../../src/protocols/rtmp/command.ts'
import { ClientHandshake } from '../../src/protocols/rtmp/handshake.ts'
import { MESSAGE_TYPE, type RtmpMessage } from '../../src/protocols/rtmp/message.ts'
import { MessageChannel } from '../../src/protocols/rtmp/message-channel.ts'

export class RtmpPeer {
  readonly socket: Socket
  /** Codes of statuses, and names of other answers, in order. */
  readonly heard: string[] = []
  closed = false
  readonly #channel = new MessageChannel()
  readonly #handshake = new ClientHandshake()
  #waiting: (() => void)[] = []

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
      this.#wake()
    })
  }

  /** After the handshake, or after the bare connect. */
  static async open(port: number, options: { readonly handshake?: boolean } = {}): Promise<RtmpPeer> {
    const socket = connect(port, '127.0.0.1')
    const peer = new RtmpPeer(socket)
    await once(socket, 'connect')
    if (options.handshake === false) return peer
    socket.write(peer.#handshake.takeOutput() ?? new Uint8Array(0))
    socket.on('data', (bytes: Buffer) => peer.#onData(bytes))
    await peer.#until(() => peer.#handshake.done)
    return peer
  }

  command(name: string, streamId: number, ...values: AmfValue[]): void {
    this.send(commandMessage(streamId, { name, transactionId: streamId === 0 ? 7 : 0, values }))
  }

  send(message: RtmpMessage): void {
    this.#channel.send(message)
    for (let bytes = this.#channel.takeOutput(); bytes !== undefined; bytes = this.#channel.takeOutput())
      this.socket.write(bytes)
  }

  /** Resolves when `code` was heard; false when the connection ended without it. */
  async hears(code: string): Promise<boolean> {
    await this.#until(() => this.heard.includes(code) || this.closed)
    return this.heard.includes(code)
  }

  /** Resolves with all that was heard when the server has ended the connection. */
  async end(): Promise<readonly string[]> {
    await this.#until(() => this.closed)
    return this.heard
  }

  /** As far as `createStream`. */
  async connect(fields: Record<string, AmfValue> = { app: 'live', tcUrl: 'rtmp://localhost/live' }): Promise<this> {
    this.command('connect', 0, fields)
    await this.hears('NetConnection.Connect.Success')
    this.command('createStream', 0, null)
    return this
  }

  leave(): void {
    this.socket.destroy()
  }

  #onData(bytes: Buffer): void {
    if (this.#handshake.done) this.#channel.write(bytes)
    else {
      this.#handshake.write(bytes)
      const answer = this.#handshake.takeOutput()
      if (answer !== undefined) this.socket.write(answer)
      const rest = this.#handshake.done ? this.#handshake.rest() : undefined
      if (rest !== undefined) this.#channel.write(rest)
    }
    for (let message = this.#channel.read(); message !== undefined; message = this.#channel.read()) this.#hear(message)
    this.#wake()
  }

  #hear(message: RtmpMessage): void {
    if (message.type !== MESSAGE_TYPE.COMMAND_AMF0) return
    const { name, values } = readCommand(message)
    const info = values.map(amfProperties).findLast((value) => value?.['code'] !== undefined)
    this.heard.push(typeof info?.['code'] === 'string' ? info['code'] : name)
  }

  async #until(test: () => boolean): Promise<void> {
    while (!test()) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
