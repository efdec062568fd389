/** The client's side of one connection, as a state machine over bytes: RTMP 1.0 section 7.2. Plays or publishes one stream. */

import { PeerError, UnavailableError } from '../../errors.ts'
import { type AmfValue, amfProperties } from '../../media/amf/value.ts'
import type { Machine } from '../../media/machine.ts'
import { commandMessage, ENHANCED_RTMP, type RtmpCommand, readCommand } from './command.ts'
import { ClientHandshake } from './handshake.ts'
import { MESSAGE_TYPE, type RtmpMessage, USER_CONTROL, userControlMessage } from './message.ts'
import { MessageChannel } from './message-channel.ts'

/** What is wanted of the remote server. */
export interface RtmpClientRequest {
  readonly role: 'publish' | 'play'
  readonly app: string
  /** With its query. */
  readonly name: string
  readonly tcUrl: string
  /** Where in a file to begin, milliseconds; default: live, or at the beginning. */
  readonly startMs?: number
  /** Use the digest handshake. Default: the plain one, which every server takes. */
  readonly digest?: boolean
}

export type ClientEvent =
  /** The server has agreed: media may go, or comes. */
  | { readonly type: 'start' }
  /** Audio, video or data. */
  | { readonly type: 'media'; readonly message: RtmpMessage }
  /** `onStatus` of the stream that is neither start, end nor error. */
  | { readonly type: 'status'; readonly code: string; readonly description: string }
  /** The server has ended the stream in proper form. */
  | { readonly type: 'end' }

/** Transaction ids of our calls. */
const CONNECT = 1
const RELEASE_STREAM = 2
const FC_PUBLISH = 3
const CREATE_STREAM = 4
/** Milliseconds of media we tell a server we hold; servers burst at most this much. */
const BUFFER_MS = 3000
/** As the start of what is played: live if it is published, a file if there is one, and otherwise wait for it. */
const LIVE_OR_RECORDED = -2000
/** Name under which encoders and players are known to servers that sort by it. */
const FLASH_VERSION = { publish: 'FMLE/3.0 (compatible; Headend)', play: 'LNX 9,0,124,2' } as const
/** Characters of a server's description that we repeat. */
const MAX_DESCRIPTION = 200
/** Message streams that servers give out are small numbers. */
const MAX_STREAM_ID = 0xffff_ffff

const ENDINGS = new Set(['NetStream.Play.Stop', 'NetStream.Play.Complete', 'NetStream.Play.UnpublishNotify'])

/**
 * The owner writes what the socket gives, reads events until `undefined`, then sends `takeOutput`. `write` and `read` throw
 * FormatError for broken bytes, UnavailableError ERR_RTMP_REMOTE_NOT_FOUND when the stream is not there, and PeerError
 * ERR_RTMP_REMOTE_REFUSED with the server's own words for other refusals.
 */
export class RtmpClientSession implements Machine<Uint8Array, ClientEvent> {
  readonly #request: RtmpClientRequest
  readonly #handshake: ClientHandshake
  readonly #channel = new MessageChannel()
  #state: 'handshake' | 'connect' | 'create' | 'start' | 'started' | 'ended' = 'handshake'
  #streamId = 0
  #serverFourCc: readonly string[] = []

  constructor(request: RtmpClientRequest) {
    this.#request = request
    this.#handshake = new ClientHandshake({ digest: request.digest ?? false })
  }

  /** The handshake is over. */
  get ready(): boolean {
    return this.#handshake.done
  }

  /** The server plays to us, or takes what we publish. */
  get started(): boolean {
    return this.#state === 'started'
  }

  /** Message stream of what is published or played; 0 before the server has given it. */
  get streamId(): number {
    return this.#streamId
  }

  /** Codecs of Enhanced RTMP that the server has named; empty for an older server. */
  get serverFourCc(): readonly string[] {
    return this.#serverFourCc
  }

  write(bytes: Uint8Array): void {
    if (this.#handshake.done) {
      this.#channel.write(bytes)
      return
    }
    this.#handshake.write(bytes)
    if (!this.#handshake.done) return
    this.#connect()
    const rest = this.#handshake.rest()
    if (rest !== undefined) this.#channel.write(rest)
  }

  read(): ClientEvent | undefined {
    for (;;) {
      const message = this.#channel.read()
      if (message === undefined) return undefined
      const { type } = message
      const isCommand = type === MESSAGE_TYPE.COMMAND_AMF0 || type === MESSAGE_TYPE.COMMAND_AMF3
      const event = isCommand ? this.#onCommand(readCommand(message)) : this.#onMedia(message)
      if (event !== undefined) return event
    }
  }

  end(): void {
    this.#channel.end()
  }

  /** Bytes for the server, or `undefined`. */
  takeOutput(): Uint8Array | undefined {
    return this.#handshake.takeOutput() ?? this.#channel.takeOutput()
  }

  /** Sends a command on the stream: pause, seek, receiveAudio. */
  sendCommand(name: string, ...values: AmfValue[]): void {
    this.#channel.send(commandMessage(this.#streamId, { name, transactionId: 0, values: [null, ...values] }))
  }

  /** Sends a media message; its stream id is replaced by the stream's. */
  sendMedia(message: RtmpMessage): void {
    this.#channel.send({ ...message, streamId: this.#streamId })
  }

  /** Ends the stream in proper form. */
  stop(): void {
    if (this.#state !== 'start' && this.#state !== 'started') return
    this.#state = 'ended'
    if (this.#request.role === 'publish') this.#call('FCUnpublish', 0, null, this.#request.name)
    this.#call('deleteStream', 0, null, this.#streamId)
  }

  #connect(): void {
    const { app, tcUrl, role } = this.#request
    this.#state = 'connect'
    this.#channel.open()
    const request = { app, type: 'nonprivate', flashVer: FLASH_VERSION[role], tcUrl, objectEncoding: 0 }
    const play = { fpad: false, capabilities: 15, audioCodecs: 4071, videoCodecs: 252, videoFunction: 1 }
    this.#call('connect', CONNECT, { ...request, ...(role === 'play' ? play : {}), ...ENHANCED_RTMP })
  }

  #onMedia(message: RtmpMessage): ClientEvent | undefined {
    if (this.#state !== 'started' || this.#request.role !== 'play' || isPlayStatus(message)) return undefined
    return { type: 'media', message }
  }

  #onCommand(command: RtmpCommand): ClientEvent | undefined {
    switch (command.name) {
      case '_result':
        return this.#onResult(command)
      case '_error':
        return this.#onError(command)
      case 'onStatus':
        return this.#onStatus(command)
      case 'close':
        throw new UnavailableError('ERR_RTMP_REMOTE_CLOSED', 'the server has closed the connection')
      default:
        return undefined
    }
  }

  #onResult({ transactionId, values }: RtmpCommand): undefined {
    if (transactionId === CONNECT && this.#state === 'connect') {
      this.#serverFourCc = fourCcOf(values[1]) ?? fourCcOf(values[0]) ?? []
      this.#state = 'create'
      if (this.#request.role === 'publish') {
        this.#call('releaseStream', RELEASE_STREAM, null, this.#request.name)
        this.#call('FCPublish', FC_PUBLISH, null, this.#request.name)
      }
      this.#call('createStream', CREATE_STREAM, null)
    } else if (transactionId === CREATE_STREAM && this.#state === 'create') {
      const id = values[1]
      if (typeof id !== 'number' || !(id >= 1 && id <= MAX_STREAM_ID) || !Number.isInteger(id)) {
        throw new PeerError(
          'ERR_RTMP_COMMAND',
          `expected the id of a stream, found ${typeof id === 'number' ? id : typeof id}`,
        )
      }
      this.#state = 'start'
      this.#streamId = id
      this.#start()
    }
  }

  #start(): void {
    const { role, name, startMs = LIVE_OR_RECORDED } = this.#request
    if (role === 'publish') {
      this.sendCommand('publish', name, 'live')
      return
    }
    const control = { event: USER_CONTROL.SET_BUFFER_LENGTH, value: this.#streamId, extra: BUFFER_MS }
    this.#channel.send(userControlMessage(control))
    this.sendCommand('play', name, startMs)
  }

  #onError({ transactionId, values }: RtmpCommand): undefined {
    // releaseStream and FCPublish are courtesy; servers may not know them.
    if (transactionId === RELEASE_STREAM || transactionId === FC_PUBLISH) return
    throw refusal(statusFields(values))
  }

  #onStatus({ values }: RtmpCommand): ClientEvent | undefined {
    const status = statusFields(values)
    const { code, description } = status
    if (status.level === 'error') throw refusal(status)
    if (this.#state === 'start' && code === (this.#request.role === 'publish' ? PUBLISH_START : PLAY_START)) {
      this.#state = 'started'
      return { type: 'start' }
    }
    if (this.#request.role === 'play' && ENDINGS.has(code) && this.#state === 'started') {
      this.#state = 'ended'
      return { type: 'end' }
    }
    return { type: 'status', code, description }
  }

  #call(name: string, transactionId: number, ...values: AmfValue[]): void {
    this.#channel.send(commandMessage(0, { name, transactionId, values }))
  }
}

/** What the server says of playing goes as data, and is none of the stream's. */
function isPlayStatus({ type, payload }: RtmpMessage): boolean {
  if (type !== MESSAGE_TYPE.DATA_AMF0 && type !== MESSAGE_TYPE.DATA_AMF3) return false
  const at = type === MESSAGE_TYPE.DATA_AMF3 && payload[0] === 0 ? 1 : 0
  return PLAY_STATUS.every((byte, index) => payload[at + index] === byte)
}

/** `onPlayStatus` in AMF 0: marker, length, text. */
const PLAY_STATUS = Uint8Array.of(2, 0, 12, ...new TextEncoder().encode('onPlayStatus'))

const PUBLISH_START = 'NetStream.Publish.Start'
const PLAY_START = 'NetStream.Play.Start'

interface Status {
  readonly level: string
  readonly code: string
  readonly description: string
}

/** The information object, wherever it is among the values: some servers leave the null before it out. */
function statusFields(values: readonly AmfValue[]): Status {
  for (const value of values) {
    const fields = amfProperties(value)
    if (fields === undefined || typeof fields['code'] !== 'string') continue
    const text = (name: string): string => {
      const field = fields[name]
      return typeof field === 'string' ? field.slice(0, MAX_DESCRIPTION) : ''
    }
    return { level: text('level'), code: text('code'), description: text('description') }
  }
  return { level: 'error', code: '', description: '' }
}

function refusal({ code, description }: Status): PeerError | UnavailableError {
  const text = `${code === '' ? 'no code' : redact(code)}${description === '' ? '' : `: ${redact(description)}`}`
  if (code === 'NetStream.Play.StreamNotFound') {
    return new UnavailableError('ERR_RTMP_REMOTE_NOT_FOUND', `the server does not have the stream: ${text}`)
  }
  return new PeerError('ERR_RTMP_REMOTE_REFUSED', `the server refused: ${text}`)
}

/** A server may repeat the name with its key. */
function redact(text: string): string {
  return text.replace(/([?&](?:key|token|auth|sign|secret|password)=)[^&\s"']+/gi, '$1…')
}

function fourCcOf(value: AmfValue): readonly string[] | undefined {
  const fields = amfProperties(value)
  const list = fields?.['fourCcList']
  if (Array.isArray(list)) return list.filter((item) => typeof item === 'string')
  const video = amfProperties(fields?.['videoFourCcInfoMap'])
  const audio = amfProperties(fields?.['audioFourCcInfoMap'])
  return video === undefined && audio === undefined ? undefined : [...Object.keys({ ...video, ...audio })]
}
