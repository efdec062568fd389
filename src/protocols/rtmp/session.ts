/** The server's side of one connection, as a state machine over bytes: RTMP 1.0 section 7.2. The diagram is in README.md. */
import { type HeadendError, PeerError } from '../../errors.ts'
import { type AmfValue, amfProperties } from '../../media/amf/value.ts'
import type { Machine } from '../../media/machine.ts'
import { Answers, shorten } from './answers.ts'
import { commandMessage, ENHANCED_RTMP, type RtmpCommand, readCommand } from './command.ts'
import { ServerHandshake } from './handshake.ts'
import { MESSAGE_TYPE } from './message.ts'
import { MessageChannel } from './message-channel.ts'
import { PlayRole } from './play-role.ts'
import type { PlayPart, ServerEvent } from './server-event.ts'
import { statusOf } from './status.ts'
import { checkApp, nameStream } from './stream-name.ts'

/** Streams a peer may create. Players and publishers use one; some publishers create one and leave it. */
const MAX_STREAMS = 8
/** The message stream that players use, because all viewers share the same bytes. */
export const PLAY_STREAM_ID = 1

interface PublishRole {
  readonly kind: 'publish'
  readonly streamId: number
  accepted: boolean
}

/**
 * The owner writes what the socket gives, reads events until `undefined`, then sends `takeOutput`. `write` and `read` throw
 * FormatError or PeerError; the owner then calls `refuse` with it, sends the last output and closes.
 */
export class ServerSession implements Machine<Uint8Array, ServerEvent> {
  readonly #handshake = new ServerHandshake()
  readonly #channel = new MessageChannel()
  readonly #answers = new Answers(this.#channel)
  #connected = false
  #connectTransaction = 0
  #app = ''
  #tcUrl = ''
  #userAgent: string | undefined
  readonly #streams = new Set<number>()
  #role: PublishRole | PlayRole | undefined

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

  /** Milliseconds that the peer wants to hold before it shows them; 0: it has not said. */
  get bufferMs(): number {
    return this.#channel.bufferMs
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
    this.#answers.control('STREAM_BEGIN', role.streamId)
    this.#answers.onStatus(role.streamId, 'NetStream.Publish.Start', 'publishing has started')
  }

  /** The player's media comes next. `recorded`: of a file, which it may seek in. */
  acceptPlay(recorded = false): void {
    if (this.#role?.kind === 'play') this.#role.accept(recorded)
  }

  /** What was played has ended, at this time. Who plays a file may still seek back in it. */
  endPlay(timestampMs = 0): void {
    const role = this.#role
    if (role?.kind !== 'play') return
    if (!role.recorded) this.#role = undefined
    role.end(timestampMs)
  }

  /** Says in RTMP's words why the session ends. Before `connect` there are no words. */
  refuse(error: HeadendError): void {
    const role = this.#role
    if (role !== undefined) {
      this.#role = undefined
      this.#answers.status(role.streamId, statusOf(error, role.kind))
    } else if (this.#handshake.done) {
      this.#answers.error(this.#connectTransaction, statusOf(error, 'connect'))
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
        return this.#answers.fail(streamId, 'NetStream.Play.Failed', 'play2 is not supported')
      case 'closeStream':
        return this.#stop(streamId)
      case 'deleteStream':
        return this.#deleteStream(command)
      case 'FCUnpublish':
        return this.#unpublish(command)
      case 'pause':
      case 'pauseRaw':
        return this.#player(streamId, 'pause')?.pause(command)
      case 'seek':
        return this.#player(streamId, 'seek')?.seek(command)
      case 'receiveAudio':
        return this.#player(streamId, 'receiveAudio')?.receive('audio', command)
      case 'receiveVideo':
        return this.#player(streamId, 'receiveVideo')?.receive('video', command)
      case 'FCPublish':
        return this.#acknowledgeWith('onFCPublish', 'NetStream.Publish.Start', transactionId)
      case 'FCSubscribe':
        return this.#acknowledgeWith('onFCSubscribe', 'NetStream.Play.Start', transactionId)
      case 'getStreamLength':
        return this.#answers.acknowledge(transactionId, 0)
      case 'releaseStream':
      case 'FCUnsubscribe':
      case '_checkbw':
      case 'checkBandwidth':
        return this.#answers.acknowledge(transactionId)
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
    this.#answers.error(transactionId, { level: 'error', code: 'NetConnection.Call.Failed', description })
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
    this.#answers.result(
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
      this.#answers.result(transactionId, null, id)
      return
    }
    const description = `expected at most ${MAX_STREAMS} streams on a connection`
    this.#answers.error(transactionId, { level: 'error', code: 'NetConnection.Call.Failed', description })
  }

  #publish({ values }: RtmpCommand, streamId: number): ServerEvent | undefined {
    return this.#start('publish', values, streamId)
  }

  #play({ values }: RtmpCommand, streamId: number): ServerEvent | undefined {
    if (this.#streams.has(streamId) && streamId !== PLAY_STREAM_ID) {
      const description = `expected play on message stream ${PLAY_STREAM_ID}, found ${streamId}: a connection plays one stream`
      return this.#answers.fail(streamId, 'NetStream.Play.Failed', description)
    }
    return this.#start('play', values, streamId)
  }

  /** `record` and `append` publish live, too: the third argument is not looked at. */
  #start(kind: 'publish' | 'play', values: readonly AmfValue[], streamId: number): ServerEvent | undefined {
    let error: PeerError | undefined
    if (!this.#streams.has(streamId)) {
      error = new PeerError('ERR_RTMP_ORDER', `expected createStream before ${kind}`)
    } else if (this.#role !== undefined) {
      error = new PeerError('ERR_RTMP_ORDER', `expected one ${this.#role.kind} on a connection, found ${kind}`)
    } else {
      // Before the name is checked, so that `refuse` knows what to answer.
      this.#role = kind === 'play' ? new PlayRole(streamId, this.#answers) : { kind, streamId, accepted: false }
      const stream = nameStream(this.#app, values[1], this.#tcUrl)
      if (kind === 'play') return { type: 'play', stream, part: partOf(values) }
      if (stream.files === undefined) return { type: 'publish', stream }
      throw new PeerError('ERR_PATH_INVALID', 'expected live/NAME to publish to, found a file of the library')
    }
    this.#answers.status(streamId, statusOf(error, kind))
    return undefined
  }

  /** The whole stream, or what is published or played on it, is over. */
  #stop(streamId: number): ServerEvent | undefined {
    const role = this.#role
    if (role === undefined || role.streamId !== streamId) return undefined
    this.#role = undefined
    if (role.kind === 'play') role.stop()
    else this.#answers.onStatus(streamId, 'NetStream.Unpublish.Success', 'publishing has ended')
    return { type: 'stop' }
  }

  #deleteStream({ values }: RtmpCommand): ServerEvent | undefined {
    const id = values[1]
    if (typeof id !== 'number' || !this.#streams.delete(id)) return undefined
    return this.#stop(id)
  }

  #unpublish({ transactionId, values }: RtmpCommand): ServerEvent | undefined {
    const description = typeof values[1] === 'string' ? shorten(values[1]) : ''
    this.#answers.acknowledge(transactionId)
    this.#answers.notify('onFCUnpublish', { level: 'status', code: 'NetStream.Unpublish.Success', description })
    return this.#role?.kind === 'publish' ? this.#stop(this.#role.streamId) : undefined
  }

  /** The playing role of a stream; others are told. */
  #player(streamId: number, command: string): PlayRole | undefined {
    const role = this.#role
    if (role?.kind === 'play' && role.accepted && role.streamId === streamId) return role
    return this.#answers.fail(streamId, 'NetStream.Failed', `expected ${command} on a stream that plays`)
  }

  #acknowledgeWith(name: string, code: string, transactionId: number): undefined {
    this.#answers.acknowledge(transactionId)
    this.#answers.notify(name, { level: 'status', code, description: '' })
  }
}

const MAX_TC_URL = 2048
const MAX_USER_AGENT = 200

/** Start and length as players write them: below zero for "live, or from the beginning", and "all of it". */
function partOf([, , start, duration]: readonly AmfValue[]): PlayPart {
  return {
    startMs: typeof start === 'number' && start > 0 ? start : 0,
    durationMs: typeof duration === 'number' && duration > 0 ? duration : undefined,
  }
}
