/** The client's side of playing, as a state machine over bytes: MS-WMSP 3.1, non-pipelined mode. Plays one address to its end. */
import { FormatError, PeerError, UnavailableError } from '../../../../errors.ts'
import { parseAsfInit } from '../../../../media/containers/asf/header.ts'
import type { AsfInit } from '../../../../media/containers/asf/model.ts'
import type { Machine } from '../../../../media/machine.ts'
import type { Wmlog } from '../../../../playlog/wmlog.ts'
import type { ContentDescription } from '../../cdl.ts'
import { type Frame, FrameReader, type PacketLetter, REASON } from '../../framing.ts'
import { parsePragma } from '../../pragma.ts'
import { atLeast } from '../../product.ts'
import { isDelimited, type WmResponse, WmResponseReader } from '../../response-reader.ts'
import type { WmspClientEvent, WmspClientRequest } from './events.ts'
import { FragmentJoiner } from './fragment-joiner.ts'
import { readMetadata } from './metadata.ts'
import { type ClientAddress, ClientPeer } from './peer.ts'
import {
  describeRequest,
  keepAliveRequest,
  logRequest,
  playRequest,
  remoteLogRequest,
  selectStreamRequest,
} from './request.ts'
import { selectStreams, withStreams } from './streams.ts'

const USER_AGENTS = { player: 'NSPlayer/12.0.0.1', server: 'NSServer/9.6.0.1' } as const
/** Media that may come faster than it is played, milliseconds: what a player gathers before it begins. */
const BURST_MS = 10_000
const ANY_BITRATE = 0x7fff_ffff
/** Bytes of a refusal's body that are waited for so that its connection can be used again. */
const MAX_REFUSAL_BYTES = 64 * 1024
const FAILURE = 0x8000_0000
const PAIRS = 3

/**
 * One connection at a time carries Describe and Play; the driver opens it when `dial` says so (first of all), writes what comes on it,
 * reads events until `undefined`, sends `takeOutput`, and calls `end` when the server has closed it. Describe and Play share a
 * connection where the server keeps it open. Everything else goes over short connections of its own, to `address`: what a `side`
 * event holds, `logRequest` and, where it `tellsApart`, `remoteLogRequest` after `log`, `keepAliveRequest` every `keepAliveMs` while `idle`.
 *
 * `write`, `read` and `end` throw FormatError for broken packets, PeerError for what breaks the protocol and for refusals
 * (ERR_WMSP_DENIED, ERR_WMSP_REFUSED), UnavailableError ERR_WMSP_NOT_FOUND, ERR_WMSP_CLOSED, ERR_WMSP_ENDED and the like.
 */
export class WmspClientSession implements Machine<Uint8Array, WmspClientEvent> {
  readonly #request: WmspClientRequest
  readonly #peer: ClientPeer
  readonly #events: WmspClientEvent[] = []
  readonly #output: Uint8Array[] = []
  #responses = new WmResponseReader()
  #response: WmResponse | undefined
  #frames = new FrameReader('wmsp')
  #fragments = new FragmentJoiner()
  /** Describe and Play were asked, their answers not whole; `again`: what was asked must be asked anew; then media, and between entries. */
  #state: 'describe' | 'described' | 'play' | 'again' | 'streaming' | 'idle' | 'ended' = 'describe'
  /** What `again` asks. */
  #asked: 'describe' | 'play' = 'describe'
  /** The connection served another answer before. */
  #reused = false
  /** Letters of the packets that may come. */
  #expected = ''
  #pairs = 0
  #init: AsfInit | undefined
  /** The same with the streams that are taken; another object only where some are not. */
  #taken: AsfInit | undefined
  #description: ContentDescription = []
  /** The first header of this Play is followed by another one at once. */
  #newHeader = false
  /** The header to come is that of another entry. */
  #changed = false
  /** Packets of this entry came. */
  #flowed = false
  #linkBps: number | undefined
  /** Of the Play request. */
  #speed: number | undefined
  #refusalBytes = 0

  constructor(request: WmspClientRequest) {
    this.#request = request
    const { url, role, guid, cnonce, predictive = true } = request
    this.#peer = new ClientPeer(url, { userAgent: USER_AGENTS[role], guid, predictive }, cnonce)
    this.#ask('describe', true)
  }

  /** Of the server, for connections beside the one that plays. */
  get address(): ClientAddress {
    return this.#peer.address
  }

  /** The address played, after redirects. */
  get url(): URL {
    return this.#peer.url
  }

  /** Of the entry that plays. */
  get init(): AsfInit | undefined {
    return this.#init
  }

  /** What the content can do: `seekable`, `broadcast`, `live` … */
  get features(): ReadonlySet<string> {
    return this.#peer.features
  }

  /** What the server says of the entry, for people and for logs; empty when it says nothing. */
  get description(): ContentDescription {
    return this.#description
  }

  /** Media flows. */
  get streaming(): boolean {
    return this.#state === 'streaming' && this.#init !== undefined && this.#expected.includes('D')
  }

  /** Between two entries: the server wants to hear that we are still there. */
  get idle(): boolean {
    return this.#state === 'idle'
  }

  /** Between two keep-alives, milliseconds; some less than the server allows. */
  get keepAliveMs(): number {
    return Math.floor(this.#peer.timeoutMs * 0.8)
  }

  /** Bits a second that the packet pair told, for the Play request. */
  set linkBps(value: number) {
    this.#linkBps = value
  }

  write(bytes: Uint8Array): void {
    if (this.#state !== 'ended') this.#responses.write(bytes)
  }

  read(): WmspClientEvent | undefined {
    for (;;) {
      if (this.#events.length > 0) return this.#events.shift()
      if (this.#state === 'ended') return undefined
      const frame = this.#frames.read()
      if (frame !== undefined) {
        const event = this.#onFrame(frame)
        if (event !== undefined) return event
        continue
      }
      const read = this.#responses.read()
      if (read === undefined) {
        if (this.#state !== 'described' && this.#state !== 'again') return undefined
        // An answer that ends with its connection is not waited for: all that counts is here.
        if (isDelimited(this.#response) && this.#refusalBytes <= MAX_REFUSAL_BYTES) return undefined
        this.#goOn(true)
      } else if (read.type === 'response') this.#onResponse(read.response)
      else if (read.type === 'body') this.#onBody(read.bytes)
      else this.#onBodyEnd()
    }
  }

  /** The server has closed the connection. */
  end(): void {
    this.#responses.end()
    if (this.#state === 'ended') return
    // What lies unread decides first; the owner reads before it calls this.
    if (this.#state === 'described' || this.#state === 'again') return this.#goOn(true)
    if (this.#reused && this.#response === undefined) return this.#ask(this.#asked, true)
    const whole = this.#frames.pending === 0 && !this.#fragments.open
    // VLC's server, and others of old, end with nothing but this; so does an entry of a playlist behind which none comes.
    if (whole && (this.#state === 'idle' || (this.streaming && this.#flowed && this.#isOld()))) return this.#finish()
    const wanted = this.#state === 'streaming' || this.#state === 'idle' ? 'the end of the stream' : 'an answer'
    throw new UnavailableError('ERR_WMSP_CLOSED', `expected ${wanted}, found the end of the connection`)
  }

  /** Bytes for the server on the connection that plays, or `undefined`. */
  takeOutput(): Uint8Array | undefined {
    return this.#output.shift()
  }

  /** The player stops: no more events but a `log` of what was played. Close the connection, that is how it is said. */
  stop(): void {
    if (this.#state === 'ended') return
    this.#events.length = 0
    this.#finish()
  }

  /** Says that the session is still wanted. */
  keepAliveRequest(): Uint8Array {
    return keepAliveRequest(this.#peer.context())
  }

  /** What came and what was shown are told in two logs (MS-WMSP 3.1.4.8); else in one. */
  get tellsApart(): boolean {
    return this.#speed !== undefined && this.#peer.takesRemoteLogs
  }

  logRequest(log: Wmlog): Uint8Array {
    return logRequest(this.#peer.context(), log, this.#peer.isModern)
  }

  remoteLogRequest(log: Wmlog): Uint8Array {
    return remoteLogRequest(this.#peer.context(), log)
  }

  #ask(what: 'describe' | 'play', anew: boolean): void {
    this.#state = what
    this.#asked = what
    this.#response = undefined
    this.#refusalBytes = 0
    this.#reused = !anew
    if (anew) {
      this.#output.length = 0
      this.#responses = new WmResponseReader()
      this.#events.push({ type: 'dial', address: this.#peer.address })
    }
    this.#output.push(what === 'describe' ? describeRequest(this.#peer.context(), this.#pairsWanted()) : this.#play())
  }

  #pairsWanted(): boolean {
    return this.#request.packetPair === true
  }

  #play(): Uint8Array {
    const init = this.#init
    const { server, features, playlistGenId } = this.#peer
    const { startMs = 0, rate = 1, role, streams } = this.#request
    if (startMs > 0 && features.size > 0 && !features.has('seekable')) {
      throw new UnavailableError(
        'ERR_WMSP_NOT_SEEKABLE',
        `expected content that can begin at ${startMs} ms, found none`,
      )
    }
    const kind = role === 'server' ? 'Burst' : 'Accel'
    // Said to servers that then take the log of what is shown: others are told as those before them were.
    this.#speed = role === 'player' && this.#peer.takesRemoteLogs ? 1 : undefined
    return playRequest(this.#peer.context(), {
      startMs,
      rate,
      streams: init === undefined ? [] : selectStreams(init, streams),
      playlistGenId,
      linkBps: this.#linkBps,
      speed: this.#speed,
      burst:
        server !== undefined && atLeast(server, 5)
          ? { kind, bitrateBps: ANY_BITRATE, durationMs: BURST_MS }
          : undefined,
    })
  }

  /** The answer before is out of the way: asks what comes next. */
  #goOn(anew: boolean): void {
    this.#ask(this.#state === 'again' ? this.#asked : 'play', anew || this.#response?.closes !== false)
  }

  #onResponse(response: WmResponse): void {
    this.#response = response
    const kind = this.#peer.take(response)
    if (kind === 'redirected') return this.#ask('describe', true)
    if (kind === 'challenged') {
      this.#state = 'again'
      return
    }
    this.#frames = new FrameReader('wmsp')
    this.#fragments = new FragmentJoiner()
    const pragma = parsePragma(response.headerAll('pragma'))
    if (this.#asked === 'describe') {
      this.#pairs = this.#pairsWanted() && pragma.flag('packet-pair-experiment') ? PAIRS : 0
    } else {
      this.#state = 'streaming'
      this.#newHeader = pragma.flag('expect-new-header')
    }
    this.#expected = this.#pairs > 0 ? 'P' : 'MH'
  }

  #onBody(bytes: Uint8Array): void {
    if (this.#state === 'again') this.#refusalBytes += bytes.byteLength
    else this.#frames.write(bytes)
  }

  #onBodyEnd(): void {
    if (this.#state === 'described' || this.#state === 'again') return this.#goOn(false)
    // Between two entries a chunked answer may end while the next one is not there yet; the connection tells what is meant.
    if (this.#state === 'idle') return
    this.end()
  }

  #onFrame(frame: Frame): WmspClientEvent | undefined {
    const { type } = frame
    if (!this.#expected.includes(type)) throw this.#unexpected(type)
    switch (type) {
      case 'D':
        return this.#onData(frame)
      case 'H':
      case 'M': {
        const whole = this.#fragments.write(frame)
        this.#expected = whole === undefined ? type : 'H'
        if (whole === undefined) return undefined
        return type === 'H' ? this.#onHeader(whole) : this.#onMetadata(whole)
      }
      case 'E':
        return this.#onEnd(frame.reason ?? 0)
      case 'C':
        return this.#onChange(frame.reason ?? 0)
      case 'P':
        if (--this.#pairs === 0) this.#expected = 'MH'
        return { type: 'pair' }
      default:
        throw this.#unexpected(type)
    }
  }

  #onData({ payload, locationId = 0 }: Frame): WmspClientEvent {
    const packetSize = this.#init?.packetSize ?? 0
    if (payload.byteLength === 0 || payload.byteLength > packetSize) {
      const found = `${payload.byteLength} bytes`
      throw new FormatError('ERR_WMSP_PACKET', `expected a data packet of 1 to ${packetSize} bytes, found ${found}`)
    }
    this.#flowed = true
    return { type: 'packet', bytes: payload, number: locationId }
  }

  #onMetadata(bytes: Uint8Array): undefined {
    const { pragma, description } = readMetadata(bytes)
    this.#peer.takePragma(pragma)
    this.#description = description
  }

  #onHeader(bytes: Uint8Array): WmspClientEvent | undefined {
    // Play repeats what Describe gave: the same bytes are the same header.
    if (this.#init === undefined || Buffer.compare(this.#init.bytes, bytes) !== 0) {
      this.#init = parseAsfInit(bytes)
      this.#taken = withStreams(this.#init, selectStreams(this.#init, this.#request.streams))
    }
    if (this.#asked === 'describe') {
      this.#state = 'described'
      this.#expected = ''
      return undefined
    }
    // VLC's server sends the header of the next file, and of a file that begins again, without a $C before it.
    this.#expected = this.#newHeader ? 'C' : this.#isOld() ? 'CDEHM' : 'CDE'
    this.#newHeader = false
    this.#flowed = false
    const init = this.#taken ?? this.#init
    const isChange = this.#changed
    this.#changed = false
    if (this.#state === 'idle' || (isChange && init !== this.#init)) this.#select(this.#init)
    return { type: 'header', init }
  }

  /** The server waits to hear which streams of the new entry are wanted, or has predicted others than we take. */
  #select(init: AsfInit): void {
    this.#state = 'streaming'
    const request = selectStreamRequest(this.#peer.context(), selectStreams(init, this.#request.streams))
    this.#events.push({ type: 'side', purpose: 'select-stream', address: this.#peer.address, request })
  }

  #onEnd(reason: number): WmspClientEvent | undefined {
    if (reason >= FAILURE) {
      throw new UnavailableError('ERR_WMSP_ENDED', `the server ended the stream with 0x${reason.toString(16)}`)
    }
    if (reason !== REASON.NEXT_ENTRY) {
      this.#finish()
      return undefined
    }
    const flowed = this.#flowed
    this.#flowed = false
    this.#state = 'idle'
    this.#expected = 'CE'
    return flowed ? { type: 'log' } : undefined
  }

  #onChange(reason: number): undefined {
    if (reason >= FAILURE) {
      throw new UnavailableError('ERR_WMSP_ENDED', `the server ended the playlist with 0x${reason.toString(16)}`)
    }
    // Rewound beyond its start: what comes next waits for a person, and there is none.
    if (reason === REASON.PLAYLIST_CHANGE_RECEDING) {
      this.#finish()
      return
    }
    this.#state = this.#peer.predicts ? 'streaming' : 'idle'
    this.#changed = true
    this.#expected = 'MH'
  }

  #finish(): void {
    if (this.#flowed) this.#events.push({ type: 'log' })
    this.#events.push({ type: 'end' })
    this.#state = 'ended'
    this.#output.length = 0
  }

  /** A server of the time before Windows Media 9, or one that says so. */
  #isOld(): boolean {
    const { server } = this.#peer
    return server !== undefined && !atLeast(server, 9)
  }

  #unexpected(type: PacketLetter): PeerError {
    const letters = this.#expected.split('').map((letter) => `$${letter}`)
    const expected = letters.length === 0 ? 'nothing' : letters.join(', ')
    return new PeerError('ERR_WMSP_UNEXPECTED', `expected ${expected}, found $${type}`)
  }
}
