/** The server's side of one connection, as a state machine over bytes: RTMP 1.0 section 7.2. The diagram is in README.md. */
import { type HeadendError, PeerError } from '../../errors.ts'
import { type AmfObject, type AmfValue, amfProperties } from '../../media/amf/value.ts'
import type { Machine } from '../../media/machine.ts'
import { commandMessage, dataMessage, ENHANCED_RTMP, type RtmpCommand, readCommand } from './command.ts'
import { ServerHandshake } from './handshake.ts'
import { MESSAGE_TYPE, type RtmpMessage, USER_CONTROL, userControlMessage } from './message.ts'
import { MessageChannel } from './message-channel.ts'
import { statusOf } from './status.ts'
import { checkApp, type NamedStream, nameStream } from './stream-name.ts'

/** What the owner of a session has to do. */
export type ServerEvent =
  /** Answer with `acceptPublish` or `refuse`. Nothing is read until then. */
  | { readonly type: 'publish'; readonly stream: NamedStream }
  /** Answer with `acceptPlay` or `refuse`. Reading goes on. */
  | { readonly type: 'play'; readonly stream: NamedStream }
  /** Audio, video or data of the accepted publisher. */
  | { readonly type: 'media'; readonly message: RtmpMessage }
  /** An accepted player stops and continues at the live edge. */
  | { readonly type: 'pause'; readonly paused: boolean }
  /** An accepted player wants these kinds. */
  | { readonly type: 'receive'; readonly audio: boolean; readonly video: boolean }
  /** The peer ended its publishing or playing in proper form. */
  | { readonly type: 'stop' }

/** Streams a peer may create. Players and publishers use one; some publishers create one and leave it. */
const MAX_STREAMS = 8
/** The message stream that players use, because all viewers share the same bytes. */
export const PLAY_STREAM_ID = 1

interface Role {
  readonly kind: 'publish' | 'play'
  readonly streamId: number
  accepted: boolean
  paused: boolean
  audio: boolean
  video: boolean
}

/**
 * The owner writes what the socket gives, reads events until `undefined`, then sends `takeOutput`. `write` and `read` throw
 * FormatError or PeerError; the owner then calls `refuse` with it, sends the last output and closes.
 */
export class ServerSession implements Machine<Uint8Array, ServerEvent> {
  readonly #handshake = new ServerHandshake()
  readonly #channel = new MessageChannel()
  #connected = false
  #connectTransaction = 0
  #app = ''
  #tcUrl = ''
  #userAgent: string | undefined
  readonly #streams = new Set<number>()
  #role: Role | undefined

  /** The handshake is over. */
  get ready(): boolean {
    return this.#handshake.done
  }

  /** Publishing, playing, or about to. */
  get role(): 'publish' | 'play' | undefined {
    return this.#role?.kind
  }

  /** `flashVer` of connect, which encoders and players use as their name. */
  get userAgent(): string | undefined {
    return this.#userAgent
  }

  /** Messages received. */
  get messages(): number {
    return this.#channel.messages
  }

  write(bytes: Uint8Array): void {
    if (this.#handshake.done) {
      this.#channel.write(bytes)
      return
    }
    this.#handshake.write(bytes)
    if (!this.#handshake.done) return
    const rest = this.#handshake.rest()
    if (rest !== undefined) this.#channel.write(rest)
  }

  read(): ServerEvent | undefined {
    for (;;) {
      if (this.#role?.kind === 'publish' && !this.#role.accepted) return undefined
      const message = this.#channel.read()
      if (message === undefined) return undefined
      if (message.type === MESSAGE_TYPE.COMMAND_AMF0 || message.type === MESSAGE_TYPE.COMMAND_AMF3) {
        const event = this.#onCommand(readCommand(message), message.streamId)
        if (event !== undefined) return event
      } else if (this.#role?.kind === 'publish') {
        // The message stream id is not compared: a connection publishes one stream, and some encoders always write 1.
        return { type: 'media', message }
      }
      // Media outside of publishing is what was under way when publishing ended.
    }
  }

  end(): void {
    this.#channel.end()
  }

  /** Bytes for the peer, or `undefined`. */
  takeOutput(): Uint8Array | undefined {
    return this.#handshake.takeOutput() ?? this.#channel.takeOutput()
  }

  /** Asks the peer for a sign of life. */
  ping(timeMs: number): void {
    this.#channel.ping(timeMs)
  }

  /** The publisher may send. */
  acceptPublish(): void {
    const role = this.#role
    if (role?.kind !== 'publish') return
    role.accepted = true
    this.#begin(role.streamId)
    this.#onStatus(role.streamId, 'NetStream.Publish.Start', 'publishing has started')
  }

  /** The player's media comes next. */
  acceptPlay(): void {
    const role = this.#role
    if (role?.kind !== 'play') return
    role.accepted = true
    this.#begin(role.streamId)
    this.#onStatus(role.streamId, 'NetStream.Play.Reset', 'playing starts over')
    this.#onStatus(role.streamId, 'NetStream.Play.Start', 'playing has started')
  }

  /** What was played has ended. */
  endPlay(): void {
    const role = this.#role
    if (role?.kind !== 'play') return
    this.#role = undefined
    const { streamId } = role
    this.#channel.send(userControlMessage({ event: USER_CONTROL.STREAM_EOF, value: streamId }))
    this.#onStatus(streamId, 'NetStream.Play.UnpublishNotify', 'the publisher has ended')
    const complete = { level: 'status', code: 'NetStream.Play.Complete' }
    this.#channel.send(dataMessage(streamId, ['onPlayStatus', complete]))
    this.#onStatus(streamId, 'NetStream.Play.Stop', 'playing has ended')
  }

  /** Says in RTMP's words why the session ends. Before `connect` there are no words. */
  refuse(error: HeadendError): void {
    const role = this.#role
    if (role !== undefined) {
      this.#role = undefined
      this.#sendStatus(role.streamId, statusOf(error, role.kind))
    } else if (this.#handshake.done) {
      this.#error(this.#connectTransaction, statusOf(error, 'connect'))
    }
  }

  #onCommand(command: RtmpCommand, streamId: number): ServerEvent | undefined {
    if (!this.#connected && command.name !== 'connect') {
      throw new PeerError('ERR_RTMP_ORDER', `expected connect first, found ${shorten(command.name)}`)
    }
    const { name, transactionId } = command
    switch (name) {
      case 'connect':
        return this.#connect(command)
      case 'createStream':
        return this.#createStream(command)
      case 'publish':
        return this.#publish(command, streamId)
      case 'play':
        return this.#play(command, streamId)
      case 'play2':
        return this.#fail(streamId, 'NetStream.Play.Failed', 'play2 is not supported')
      case 'closeStream':
        return this.#stop(streamId)
      case 'deleteStream':
        return this.#deleteStream(command)
      case 'FCUnpublish':
        return this.#unpublish(command)
      case 'pause':
      case 'pauseRaw':
        return this.#pause(command, streamId)
      case 'seek':
        return this.#seek(streamId)
      case 'receiveAudio':
        return this.#receive('audio', command, streamId)
      case 'receiveVideo':
        return this.#receive('video', command, streamId)
      case 'FCPublish':
        return this.#acknowledgeWith('onFCPublish', 'NetStream.Publish.Start', transactionId)
      case 'FCSubscribe':
        return this.#acknowledgeWith('onFCSubscribe', 'NetStream.Play.Start', transactionId)
      case 'getStreamLength':
        return this.#acknowledge(transactionId, 0)
      case 'releaseStream':
      case 'FCUnsubscribe':
      case '_checkbw':
      case 'checkBandwidth':
        return this.#acknowledge(transactionId)
      case '_result':
      case '_error':
      case 'onStatus':
      case 'setPeerInfo':
        return undefined
      default:
        return this.#unknown(command)
    }
  }

  #unknown({ name, transactionId }: RtmpCommand): undefined {
    if (transactionId === 0) return
    const description = `unknown command ${shorten(name)}`
    this.#error(transactionId, { level: 'error', code: 'NetConnection.Call.Failed', description })
  }

  #connect({ transactionId, values }: RtmpCommand): undefined {
    if (this.#connected) throw new PeerError('ERR_RTMP_ORDER', 'expected one connect on a connection, found another')
    const request = amfProperties(values[0]) ?? {}
    this.#connectTransaction = transactionId
    this.#app = checkApp(request['app'])
    this.#tcUrl = typeof request['tcUrl'] === 'string' ? request['tcUrl'].slice(0, MAX_TC_URL) : ''
    if (typeof request['flashVer'] === 'string') this.#userAgent = request['flashVer'].slice(0, MAX_USER_AGENT)
    this.#connected = true
    const objectEncoding = request['objectEncoding'] === 3 ? 3 : 0
    this.#channel.open()
    this.#result(
      transactionId,
      { fmsVer: 'FMS/3,5,1,1', capabilities: 31, mode: 1, ...ENHANCED_RTMP },
      {
        level: 'status',
        code: 'NetConnection.Connect.Success',
        description: 'connected',
        objectEncoding,
        ...ENHANCED_RTMP,
      },
    )
    this.#channel.send(commandMessage(0, { name: 'onBWDone', transactionId: 0, values: [null] }))
  }

  #createStream({ transactionId }: RtmpCommand): undefined {
    for (let id = PLAY_STREAM_ID; id <= MAX_STREAMS; id++) {
      if (this.#streams.has(id)) continue
      this.#streams.add(id)
      this.#result(transactionId, null, id)
      return
    }
    const description = `expected at most ${MAX_STREAMS} streams on a connection`
    this.#error(transactionId, { level: 'error', code: 'NetConnection.Call.Failed', description })
  }

  #publish({ values }: RtmpCommand, streamId: number): ServerEvent | undefined {
    return this.#start('publish', values[1], streamId)
  }

  #play({ values }: RtmpCommand, streamId: number): ServerEvent | undefined {
    if (this.#streams.has(streamId) && streamId !== PLAY_STREAM_ID) {
      const description = `expected play on message stream ${PLAY_STREAM_ID}, found ${streamId}: a connection plays one stream`
      return this.#fail(streamId, 'NetStream.Play.Failed', description)
    }
    return this.#start('play', values[1], streamId)
  }

  /** `record` and `append` publish live, too: the third argument is not looked at. */
  #start(kind: 'publish' | 'play', name: AmfValue, streamId: number): ServerEvent | undefined {
    let error: PeerError | undefined
    if (!this.#streams.has(streamId)) {
      error = new PeerError('ERR_RTMP_ORDER', `expected createStream before ${kind}`)
    } else if (this.#role !== undefined) {
      error = new PeerError('ERR_RTMP_ORDER', `expected one ${this.#role.kind} on a connection, found ${kind}`)
    } else {
      // Before the name is checked, so that `refuse` knows what to answer.
      this.#role = { kind, streamId, accepted: false, paused: false, audio: true, video: true }
      return { type: kind, stream: nameStream(this.#app, name, this.#tcUrl) }
    }
    this.#sendStatus(streamId, statusOf(error, kind))
    return undefined
  }

  /** The whole stream, or what is published or played on it, is over. */
  #stop(streamId: number): ServerEvent | undefined {
    const role = this.#role
    if (role === undefined || role.streamId !== streamId) return undefined
    this.#role = undefined
    if (role.kind === 'publish') this.#onStatus(streamId, 'NetStream.Unpublish.Success', 'publishing has ended')
    else this.#onStatus(streamId, 'NetStream.Play.Stop', 'playing has ended')
    return { type: 'stop' }
  }

  #deleteStream({ values }: RtmpCommand): ServerEvent | undefined {
    const id = values[1]
    if (typeof id !== 'number' || !this.#streams.delete(id)) return undefined
    return this.#stop(id)
  }

  #unpublish({ transactionId, values }: RtmpCommand): ServerEvent | undefined {
    const description = typeof values[1] === 'string' ? shorten(values[1]) : ''
    this.#acknowledge(transactionId)
    this.#notify('onFCUnpublish', { level: 'status', code: 'NetStream.Unpublish.Success', description })
    return this.#role?.kind === 'publish' ? this.#stop(this.#role.streamId) : undefined
  }

  #pause({ values }: RtmpCommand, streamId: number): ServerEvent | undefined {
    const role = this.#player(streamId, 'pause')
    if (role === undefined) return undefined
    const paused = values[1] === true
    this.#onStatus(
      streamId,
      paused ? 'NetStream.Pause.Notify' : 'NetStream.Unpause.Notify',
      paused ? 'paused' : 'continued at the live edge',
    )
    if (paused === role.paused) return undefined
    role.paused = paused
    return { type: 'pause', paused }
  }

  #seek(streamId: number): undefined {
    if (this.#player(streamId, 'seek') === undefined) return
    this.#fail(streamId, 'NetStream.Seek.Failed', 'a live stream has nothing to seek to')
  }

  #receive(kind: 'audio' | 'video', { values }: RtmpCommand, streamId: number): ServerEvent | undefined {
    const role = this.#player(streamId, kind === 'audio' ? 'receiveAudio' : 'receiveVideo')
    if (role === undefined) return undefined
    const wanted = values[1] !== false
    if (wanted) {
      this.#onStatus(streamId, 'NetStream.Seek.Notify', `${kind} continues`)
      this.#onStatus(streamId, 'NetStream.Play.Start', `${kind} continues`)
    }
    if (role[kind] === wanted) return undefined
    role[kind] = wanted
    return { type: 'receive', audio: role.audio, video: role.video }
  }

  /** The playing role of a stream; others are told. */
  #player(streamId: number, command: string): Role | undefined {
    const role = this.#role
    if (role?.kind === 'play' && role.accepted && role.streamId === streamId) return role
    return this.#fail(streamId, 'NetStream.Failed', `expected ${command} on a stream that plays`)
  }

  #begin(streamId: number): void {
    this.#channel.send(userControlMessage({ event: USER_CONTROL.STREAM_BEGIN, value: streamId }))
  }

  #result(transactionId: number, ...values: AmfValue[]): void {
    this.#channel.send(commandMessage(0, { name: '_result', transactionId, values }))
  }

  /** An empty result, if one is wanted. */
  #acknowledge(transactionId: number, value?: AmfValue): undefined {
    if (transactionId !== 0) this.#result(transactionId, null, value)
  }

  #error(transactionId: number, info: AmfObject): void {
    this.#channel.send(commandMessage(0, { name: '_error', transactionId, values: [null, info] }))
  }

  #acknowledgeWith(name: string, code: string, transactionId: number): undefined {
    this.#acknowledge(transactionId)
    this.#notify(name, { level: 'status', code, description: '' })
  }

  #notify(name: string, info: AmfObject): void {
    this.#channel.send(commandMessage(0, { name, transactionId: 0, values: [null, info] }))
  }

  #fail(streamId: number, code: string, description: string): undefined {
    this.#sendStatus(streamId, { level: 'error', code, description })
  }

  #onStatus(streamId: number, code: string, description: string): void {
    this.#sendStatus(streamId, { level: 'status', code, description })
  }

  #sendStatus(streamId: number, info: AmfObject): void {
    this.#channel.send(commandMessage(streamId, { name: 'onStatus', transactionId: 0, values: [null, info] }))
  }
}

const MAX_TC_URL = 2048
const MAX_USER_AGENT = 200
const MAX_QUOTED = 60

function shorten(text: string): string {
  return JSON.stringify(text.slice(0, MAX_QUOTED))
}
