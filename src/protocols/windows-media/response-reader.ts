/** Answers of Windows Media servers from the bytes of a connection: bodies by length, in chunks, or up to the close (RFC 9112 sections 6 and 7). */
import { PeerError } from '../../errors.ts'
import { ByteQueue } from '../../media/bytes/byte-queue.ts'
import type { Machine } from '../../media/machine.ts'
import { contentLengthOf, type HeaderLine, HeaderLines, HeadReader } from './message-head.ts'

/** Bytes of the line before a chunk, and of each trailer line. */
const MAX_CHUNK_LINE = 1024
const MAX_TRAILER_LINES = 64
/** Answers of the 1xx kind before the one that counts. */
const MAX_INTERIM = 8

const CR = 0x0d
const LF = 0x0a

/** The head of one answer. */
export class WmResponse extends HeaderLines {
  readonly http11: boolean
  /** 200 to 599. */
  readonly status: number
  readonly reason: string

  /** Throws PeerError ERR_WMS_HEAD_INVALID. */
  constructor(startLine: string, headers: readonly HeaderLine[]) {
    super(headers)
    const match = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: (.*))?$/.exec(startLine)
    if (match === null) {
      const found = JSON.stringify(startLine.slice(0, 60))
      throw new PeerError('ERR_WMS_HEAD_INVALID', `expected a status line of HTTP/1.0 or 1.1, found ${found}`)
    }
    this.http11 = match[1] === '1'
    this.status = Number(match[2])
    this.reason = match[3] ?? ''
  }

  /** The server closes the connection behind this answer, or promises nothing. */
  get closes(): boolean {
    const tokens = this.headerAll('connection').join(',').toLowerCase()
    return this.http11 ? tokens.includes('close') : !tokens.includes('keep-alive')
  }
}

/** Body bytes are views of what was written. Every answer ends with `end`; one up to the close when `end()` was called. */
export type ResponseEvent =
  | { readonly type: 'response'; readonly response: WmResponse }
  | { readonly type: 'body'; readonly bytes: Uint8Array }
  | { readonly type: 'end' }

type State = 'head' | 'length' | 'close' | 'chunk-line' | 'chunk' | 'chunk-end' | 'trailers' | 'over'

/** One connection's answers. Those of the 1xx kind are swallowed. */
export class WmResponseReader implements Machine<Uint8Array, ResponseEvent> {
  readonly #queue = new ByteQueue()
  readonly #heads = new HeadReader(this.#queue)
  #state: State = 'head'
  /** Bytes of the body, or of the chunk, to come. */
  #left = 0
  #lines = 0
  #interim = 0
  #ended = false

  /** Between two answers, without a byte of the next. */
  get idle(): boolean {
    return this.#state === 'head' && this.#queue.length === 0
  }

  write(bytes: Uint8Array): void {
    this.#queue.push(bytes)
  }

  /** Throws PeerError ERR_WMS_HEAD_INVALID, ERR_WMS_HEAD_TOO_LARGE, ERR_WMS_BODY_LENGTH or ERR_WMS_CHUNK_INVALID. */
  read(): ResponseEvent | undefined {
    for (;;) {
      switch (this.#state) {
        case 'head': {
          const response = this.#readHead()
          if (response === 'interim') break
          return response && { type: 'response', response }
        }
        case 'length':
        case 'chunk':
        case 'close': {
          if (this.#left === 0) {
            this.#state = this.#state === 'chunk' ? 'chunk-end' : 'over'
            break
          }
          const bytes = this.#queue.takeSome(this.#left)
          if (bytes !== undefined) {
            this.#left -= bytes.byteLength
            return { type: 'body', bytes }
          }
          if (this.#state !== 'close' || !this.#ended) return undefined
          this.#state = 'over'
          break
        }
        case 'over':
          this.#state = 'head'
          return { type: 'end' }
        default:
          if (!this.#readChunkFraming()) return undefined
      }
    }
  }

  /** The connection is over: a body up to the close ends. One with a length that was cut short has no `end`. */
  end(): void {
    this.#ended = true
  }

  #readHead(): WmResponse | 'interim' | undefined {
    const head = this.#heads.read()
    if (head === undefined) return undefined
    const response = new WmResponse(head.startLine, head.headers)
    if (response.status < 200) {
      if (++this.#interim > MAX_INTERIM) {
        throw new PeerError('ERR_WMS_HEAD_INVALID', `expected an answer after at most ${MAX_INTERIM} of status 1xx`)
      }
      return 'interim'
    }
    this.#interim = 0
    this.#left = 0
    const codings = response.headerAll('transfer-encoding').join(',').trim().toLowerCase()
    const length = contentLengthOf(response)
    if (response.status === 204 || response.status === 304) {
      this.#state = 'over'
    } else if (codings === 'chunked') {
      this.#state = 'chunk-line'
    } else if (codings !== '' && codings !== 'identity') {
      const found = JSON.stringify(codings.slice(0, 60))
      throw new PeerError('ERR_WMS_BODY_LENGTH', `expected no transfer coding but chunked, found ${found}`)
    } else if (length === undefined) {
      this.#state = 'close'
      this.#left = Number.MAX_SAFE_INTEGER
    } else {
      this.#state = 'length'
      this.#left = length
    }
    return response
  }

  /** False: more bytes are needed. */
  #readChunkFraming(): boolean {
    const line = this.#takeLine()
    if (line === undefined) return false
    if (this.#state === 'chunk-end') {
      if (line !== '') throw chunkInvalid('the end of a chunk', line)
      this.#state = 'chunk-line'
    } else if (this.#state === 'chunk-line') {
      const digits = /^([0-9A-Fa-f]{1,13})[ \t]*(?:;.*)?$/.exec(line)?.[1]
      if (digits === undefined) throw chunkInvalid('a chunk size', line)
      this.#left = Number.parseInt(digits, 16)
      this.#lines = 0
      this.#state = this.#left === 0 ? 'trailers' : 'chunk'
    } else if (line === '') {
      this.#state = 'over'
    } else if (++this.#lines > MAX_TRAILER_LINES) {
      throw chunkInvalid(`at most ${MAX_TRAILER_LINES} trailer lines`, line)
    }
    return true
  }

  #takeLine(): string | undefined {
    const queue = this.#queue
    const bytes = queue.peek(Math.min(queue.length, MAX_CHUNK_LINE)) ?? new Uint8Array(0)
    const end = bytes.indexOf(LF)
    if (end < 0) {
      if (bytes.byteLength < MAX_CHUNK_LINE) return undefined
      throw chunkInvalid(`a line of at most ${MAX_CHUNK_LINE} bytes`, Buffer.from(bytes).toString('latin1'))
    }
    const line = Buffer.from(bytes.subarray(0, end + 1)).toString('latin1')
    if (bytes[end - 1] !== CR) throw chunkInvalid('a line that ends with CR LF', line)
    queue.skip(end + 1)
    return line.slice(0, -2)
  }
}

function chunkInvalid(expected: string, found: string): PeerError {
  return new PeerError('ERR_WMS_CHUNK_INVALID', `expected ${expected}, found ${JSON.stringify(found.slice(0, 60))}`)
}

/** The end of its body shows in the bytes, not in the end of the connection. */
export function isDelimited(response: WmResponse | undefined): boolean {
  return response?.header('content-length') !== undefined || response?.header('transfer-encoding') !== undefined
}
