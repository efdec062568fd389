/** The encoder's side of a push: requests, answers, and bodies filled to their last byte (MS-WMHTTP 3.1, figures 8 and 9). No sockets. */
import { FormatError, type HeadendError, PeerError, UnavailableError } from '../../../errors.ts'
import type { AsfInit } from '../../../media/containers/asf/model.ts'
import {
  endPacket,
  FRAME_HEADER_LENGTH,
  fillerPackets,
  MAX_PUSH_PAYLOAD,
  PACKET,
  pushChangeHeader,
  pushPacketHeader,
  REASON,
} from '../framing.ts'
import type { HeaderLine } from '../message-head.ts'
import { parseServer } from '../product.ts'
import { type WmResponse, WmResponseReader } from '../response-reader.ts'
import { MAX_PUSH_ID, NO_PUSH_ID, PUSH_SETUP_TYPE, PUSH_START_TYPE } from './request.ts'

/** Bytes of a body that no proxy stands in the way of: media without end (3.1.4.2.1). */
export const ENDLESS_BODY = 2_147_483_647
/** Seconds of media in one body where a proxy does. */
const PROXY_SECONDS = 60
const USER_AGENT = 'WMEncoder/12.0.7600.16385'
/** Bytes of cookies that a server may set. */
const MAX_COOKIES_LENGTH = 4096

/** Where the requests go. */
export interface PushTarget {
  /** What stands in the request lines, the query with its key as it is; the whole URL for a proxy. */
  readonly target: string
  /** Value of `Host`. */
  readonly host: string
}

export interface PushClientOptions extends PushTarget {
  /** The connection leads to a proxy (after a 305). */
  readonly proxy?: boolean
  readonly setupBody?: Uint8Array
  /** Headers that answer a challenge. */
  readonly authorize?: Authorizer
}

/** `Authorization`, `Proxy-Authorization` or both for one request: each has another, because digests are counted. */
export type Authorizer = (method: string, target: string) => readonly HeaderLine[]

/** What the server's answers lead to. */
export type PushClientEvent =
  /** The PushSetup is accepted: `begin` may be called. */
  | { readonly type: 'ready' }
  /** Start again there, on a new connection; `proxy`: the URL stays, the connection goes there. */
  | { readonly type: 'redirect'; readonly location: string; readonly proxy: boolean }
  /** Start again with credentials; on this connection when `keeps`. The values are those of the challenge headers. */
  | { readonly type: 'challenge'; readonly values: readonly string[]; readonly proxy: boolean; readonly keeps: boolean }
  /** A body was filled and accepted, and the next has begun: `ready` tells. */
  | { readonly type: 'continued' }

type State = 'new' | 'setup' | 'set-up' | 'body' | 'full' | 'ended'

export class PushClientSession {
  readonly #options: PushClientOptions
  #authorize: Authorizer | undefined
  #reader = new WmResponseReader()
  #state: State = 'new'
  #output: Uint8Array[] = []
  #pushId = NO_PUSH_ID
  #cookies: readonly string[] = []
  #usingProxy: boolean
  /** Bytes of the body still to be written (Length-Remaining). */
  #remaining = 0
  /** For bodies through a proxy. */
  #bodyLength = ENDLESS_BODY
  #init: AsfInit | undefined
  /** Packets that wait for the next body. */
  #held: Uint8Array[] = []
  #finishing = false
  /** Bodies that the server has taken whole. */
  #bodies = 0

  constructor(options: PushClientOptions) {
    this.#options = options
    this.#authorize = options.authorize
    this.#usingProxy = options.proxy ?? false
  }

  /** Packets may be sent. */
  get ready(): boolean {
    return this.#state === 'body' && this.#held.length === 0
  }

  /** The last packet is written: the connection may be closed. */
  get finished(): boolean {
    return this.#state === 'ended'
  }

  /** The header in force. */
  get init(): AsfInit | undefined {
    return this.#init
  }

  /** Requests the push; also again, after a challenge, with other credentials. */
  setUp(authorize = this.#authorize): void {
    this.#authorize = authorize
    this.#state = 'setup'
    const { setupBody = new Uint8Array(0) } = this.#options
    this.#request(PUSH_SETUP_TYPE, setupBody.byteLength)
    if (setupBody.byteLength > 0) this.#output.push(setupBody)
  }

  /** Starts the stream with its header. Throws FormatError ERR_WMHTTP_HEADER_SIZE. */
  begin(init: AsfInit): void {
    if (init.bytes.byteLength > MAX_PUSH_PAYLOAD) throw headerTooLong(init)
    this.#init = init
    this.#measureBody(init)
    this.#startBody()
    this.#send(pushPacketHeader('H', init.bytes.byteLength), init.bytes)
  }

  /** On a new connection: sends the PushStart again that was answered by a challenge. What its body held is lost, but for the header. */
  restart(authorize: Authorizer): void {
    this.#authorize = authorize
    this.#reader = new WmResponseReader()
    this.#output = []
    this.#held = []
    if (this.#bodies === 0 && this.#init !== undefined) this.begin(this.#init)
    else this.#startBody()
    if (this.#finishing) this.#send(endPacket(REASON.FINISHED))
  }

  /** Sends one data packet; only while `ready`. Nothing is copied. Throws FormatError ERR_WMHTTP_PACKET_SIZE. */
  packet(bytes: Uint8Array): void {
    if (bytes.byteLength > MAX_PUSH_PAYLOAD) {
      const found = `${bytes.byteLength} bytes`
      throw new FormatError(
        'ERR_WMHTTP_PACKET_SIZE',
        `expected a packet of at most ${MAX_PUSH_PAYLOAD} bytes, found ${found}`,
      )
    }
    this.#send(pushPacketHeader('D', bytes.byteLength), bytes)
  }

  /** Another header takes the place of the one before; only while `ready`. Throws FormatError ERR_WMHTTP_HEADER_SIZE. */
  change(init: AsfInit): void {
    if (init.bytes.byteLength > MAX_PUSH_PAYLOAD - 4) throw headerTooLong(init)
    this.#init = init
    this.#measureBody(init)
    this.#send(endPacket(REASON.NEXT_ENTRY))
    this.#send(pushChangeHeader(init.bytes.byteLength), init.bytes)
  }

  /** All is sent. Then `finished`, at once or when the next body has begun. */
  finish(): void {
    if (this.#finishing) return
    this.#finishing = true
    if (this.#state !== 'body' && this.#state !== 'full') this.#state = 'ended'
    else this.#send(endPacket(REASON.FINISHED))
  }

  /** Bytes for the socket, in order. */
  takeOutput(): readonly Uint8Array[] {
    const output = this.#output
    this.#output = []
    return output
  }

  /** Bytes of the server. */
  write(bytes: Uint8Array): void {
    this.#reader.write(bytes)
  }

  /** Throws PeerError ERR_WMHTTP_SERVER, ERR_WMHTTP_DENIED or ERR_WMHTTP_REJECTED, UnavailableError ERR_WMHTTP_REFUSED, and what the reader throws. */
  read(): PushClientEvent | undefined {
    for (;;) {
      const event = this.#reader.read()
      if (event === undefined) return undefined
      // Bodies of answers are for people.
      if (event.type !== 'response') continue
      const result = this.#take(event.response)
      if (result !== undefined) return result
    }
  }

  #take(response: WmResponse): PushClientEvent | undefined {
    const { status } = response
    // What a server still says when all is sent changes nothing.
    if (this.#state === 'ended') return undefined
    if (status >= 300 && status <= 305 && this.#state === 'setup') {
      const location = response.header('location')
      if (location === undefined)
        throw new PeerError('ERR_WMHTTP_REJECTED', `expected a Location with ${status}, found none`)
      return { type: 'redirect', location, proxy: status === 305 }
    }
    if (status === 401 || status === 407) {
      const proxy = status === 407
      const values = response.headerAll(proxy ? 'proxy-authenticate' : 'www-authenticate')
      // With bytes of the body outstanding nothing else can be said on this connection.
      const keeps = this.#state === 'setup' && !response.closes
      return { type: 'challenge', values, proxy, keeps }
    }
    if (status !== 200 && status !== 204) throw refusal(response)
    const server = response.header('server')
    if (parseServer(server) === undefined) {
      const found = JSON.stringify(server?.slice(0, 60) ?? 'none')
      throw new PeerError('ERR_WMHTTP_SERVER', `expected a Windows Media server, Cougar or Rex, found ${found}`)
    }
    this.#keepCookies(response)
    if (response.header('via') !== undefined) this.#usingProxy = true
    return this.#advance()
  }

  #advance(): PushClientEvent | undefined {
    if (this.#state === 'setup') {
      this.#state = 'set-up'
      return { type: 'ready' }
    }
    if (this.#state !== 'full') {
      throw new UnavailableError(
        'ERR_WMHTTP_REMOTE_CLOSED',
        'expected the server to take the whole body, found its answer',
      )
    }
    this.#bodies++
    this.#startBody()
    const held = this.#held
    this.#held = []
    // Each is sent whole, or fills this body and waits for the one behind.
    for (const packet of held) this.#send(packet)
    return { type: 'continued' }
  }

  #startBody(): void {
    this.#state = 'body'
    this.#remaining = this.#usingProxy ? this.#bodyLength : ENDLESS_BODY
    this.#request(PUSH_START_TYPE, this.#remaining)
  }

  /** One packet in pieces, or none of it: then the body is filled, and the packet waits for the next. */
  #send(...pieces: readonly Uint8Array[]): void {
    let length = 0
    for (const piece of pieces) length += piece.byteLength
    if (this.#state !== 'body') {
      this.#held.push(pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces))
      return
    }
    const rest = this.#remaining - length
    if (rest === 0 || rest >= FRAME_HEADER_LENGTH) {
      this.#output.push(...pieces)
      this.#remaining = rest
      if (isLast(pieces[0])) this.#state = 'ended'
      else if (rest === 0) this.#state = 'full'
      return
    }
    if (this.#remaining > 0) this.#output.push(fillerPackets(this.#remaining))
    this.#remaining = 0
    this.#state = 'full'
    this.#send(...pieces)
  }

  /** Never less than three packets, nor than the longest header (3.1.4.2.1). */
  #measureBody({ maxBitrateBps, packetSize, bytes }: AsfInit): void {
    const minute = Math.round((maxBitrateBps / 8) * PROXY_SECONDS)
    const least = Math.max(3 * (FRAME_HEADER_LENGTH + packetSize), bytes.byteLength + 2 * FRAME_HEADER_LENGTH)
    this.#bodyLength = minute === 0 ? ENDLESS_BODY : Math.min(ENDLESS_BODY, Math.max(minute, least))
  }

  #request(type: string, length: number): void {
    const { target, host } = this.#options
    const headers: HeaderLine[] = [
      ['Content-Type', type],
      ['User-Agent', USER_AGENT],
      ['Host', host],
      ['Cache-Control', 'no-cache'],
      ['X-Accept-Authentication', 'Digest, Basic'],
      ['Cookie', [`push-id=${this.#pushId}`, ...this.#cookies].join('; ')],
      ...(this.#authorize?.('POST', target) ?? []),
      ['Content-Length', String(length)],
    ]
    const text = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    this.#output.push(Buffer.from(`POST ${target} HTTP/1.1\r\n${text}\r\n`, 'latin1'))
  }

  #keepCookies(response: WmResponse): void {
    const cookies: string[] = []
    let length = 0
    for (const value of response.headerAll('set-cookie')) {
      const [, name = '', text = ''] = /^\s*([!-:<>-~]+)=([!-:<-~]*)/.exec(value) ?? []
      length += name.length + text.length
      if (name.toLowerCase() === 'push-id' && text !== '' && text.length <= MAX_PUSH_ID) this.#pushId = text
      else if (name !== '' && length <= MAX_COOKIES_LENGTH) cookies.push(`${name}=${text}`)
    }
    if (cookies.length > 0) this.#cookies = cookies
  }
}

/** `$E` with a reason other than that another entry follows. */
function isLast(packet: Uint8Array | undefined): boolean {
  return packet?.[1] === PACKET.END && packet[4] !== REASON.NEXT_ENTRY
}

function refusal({ status, reason }: WmResponse): HeadendError {
  const text = `expected the server to take the push, found ${status} ${reason.slice(0, 60)}`
  if (status === 403) return new PeerError('ERR_WMHTTP_DENIED', text)
  // What may be otherwise in a moment: the path is busy, the server is full, it waited too long.
  const passing = status === 408 || status === 409 || status === 429 || status >= 500
  return passing ? new UnavailableError('ERR_WMHTTP_REFUSED', text) : new PeerError('ERR_WMHTTP_REJECTED', text)
}

function headerTooLong({ bytes }: AsfInit): FormatError {
  const found = `${bytes.byteLength} bytes`
  return new FormatError(
    'ERR_WMHTTP_HEADER_SIZE',
    `expected an ASF header of at most ${MAX_PUSH_PAYLOAD - 4} bytes, found ${found}`,
  )
}
