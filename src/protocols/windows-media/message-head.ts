/** Heads of HTTP messages as Windows Media programs write them: start line and header lines, in order (RFC 9112 sections 2 and 5). */
import { PeerError } from '../../errors.ts'
import { ByteQueue } from '../../media/bytes/byte-queue.ts'

/** Bytes of a head, blank line included. */
export const MAX_HEAD_BYTES = 16 * 1024
/** Header lines of one head. */
export const MAX_HEADER_LINES = 64
/** Empty lines that some clients put behind a body they were not asked for. */
const MAX_EMPTY_LINES = 4

const CR = 0x0d
const LF = 0x0a

/** A header line: name as it was written, and value without the white space around it. */
export type HeaderLine = readonly [name: string, value: string]

/** Header lines of one message. */
export class HeaderLines {
  /** In the order of the message. */
  readonly headers: readonly HeaderLine[]
  readonly #byName = new Map<string, string[]>()

  constructor(headers: readonly HeaderLine[]) {
    this.headers = headers
    for (const [name, value] of headers) {
      const key = name.toLowerCase()
      const values = this.#byName.get(key)
      if (values === undefined) this.#byName.set(key, [value])
      else values.push(value)
    }
  }

  /** The first value; `name` in any case. */
  header(name: string): string | undefined {
    return this.#byName.get(name.toLowerCase())?.[0]
  }

  /** All values, never merged: a log line may hold commas. */
  headerAll(name: string): readonly string[] {
    return this.#byName.get(name.toLowerCase()) ?? []
  }
}

/** A head, cut into its lines. */
export interface MessageHead {
  readonly startLine: string
  readonly headers: readonly HeaderLine[]
}

/**
 * Takes the next head from a queue, when it is whole. Line ends are CR LF and nothing is folded: what can be read in two ways is
 * refused with PeerError ERR_WMS_HEAD_INVALID (H-07), what is too long with ERR_WMS_HEAD_TOO_LARGE.
 */
export class HeadReader {
  readonly #queue: ByteQueue
  /** Bytes of the queue that were looked at and are part of this head. */
  #scanned = 0
  #emptyLines = 0

  constructor(queue: ByteQueue) {
    this.#queue = queue
  }

  /** `undefined`: more bytes are needed. */
  read(): MessageHead | undefined {
    const queue = this.#queue
    if (this.#scanned === 0 && !this.#skipEmptyLines()) return undefined
    const bytes = queue.peek(Math.min(queue.length, MAX_HEAD_BYTES))
    if (bytes === undefined) return undefined
    const end = endOfHead(bytes, Math.max(0, this.#scanned - 3))
    if (end < 0) {
      this.#scanned = bytes.byteLength
      if (queue.length < MAX_HEAD_BYTES) return undefined
      throw new PeerError('ERR_WMS_HEAD_TOO_LARGE', `expected a message head of at most ${MAX_HEAD_BYTES} bytes`)
    }
    const head = parseHead(bytes.subarray(0, end))
    queue.skip(end)
    this.#scanned = 0
    this.#emptyLines = 0
    return head
  }

  #skipEmptyLines(): boolean {
    const queue = this.#queue
    while (queue.at(0) === CR) {
      if (queue.length < 2) return false
      if (queue.at(1) !== LF || ++this.#emptyLines > MAX_EMPTY_LINES) throw invalid('a start line', 'empty lines')
      queue.skip(2)
    }
    return queue.length > 0
  }
}

/** Length of a body from its headers; `undefined`: not said. Throws PeerError ERR_WMS_BODY_LENGTH. */
export function contentLengthOf(lines: HeaderLines): number | undefined {
  const [value, ...others] = lines.headerAll('content-length')
  if (value === undefined) return undefined
  const length = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN
  if (others.length > 0 || !Number.isSafeInteger(length)) {
    const found = JSON.stringify([value, ...others].join(', ').slice(0, 60))
    throw new PeerError('ERR_WMS_BODY_LENGTH', `expected one Content-Length below 2^53, found ${found}`)
  }
  return length
}

/** Position behind the blank line, or -1. */
function endOfHead(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (at >= 3 && bytes[at - 1] === CR && bytes[at - 2] === LF && bytes[at - 3] === CR) return at + 1
  }
  return -1
}

/** A header name is a token (RFC 9110 section 5.6.2); the value is anything but control characters. */
const HEADER_LINE = /^([A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}):[ \t]*([^\0-\x08\x0a-\x1f\x7f]*)$/

function parseHead(bytes: Uint8Array): MessageHead {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength - 4).toString('latin1')
  const [startLine = '', ...lines] = text.split('\r\n')
  if (/[\0-\x1f\x7f]/.test(startLine)) throw invalid('a start line without control characters', startLine)
  if (lines.length > MAX_HEADER_LINES) {
    throw new PeerError('ERR_WMS_HEAD_TOO_LARGE', `expected at most ${MAX_HEADER_LINES} header lines`)
  }
  const headers = lines.map((line): HeaderLine => {
    const match = HEADER_LINE.exec(line)
    if (match === null) throw invalid('a header line of name, colon and value', line)
    return [match[1] ?? '', (match[2] ?? '').trimEnd()]
  })
  return { startLine, headers }
}

function invalid(expected: string, found: string): PeerError {
  return new PeerError('ERR_WMS_HEAD_INVALID', `expected ${expected}, found ${JSON.stringify(found.slice(0, 60))}`)
}
