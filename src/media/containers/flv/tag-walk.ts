/** Steps over the tags of a file that is read at random: Video File Format 10.1 annex E.3 and E.4.1. */
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { MAX_TAG_SIZE, readTagHeader, TAG_HEADER_SIZE, TAG_TRAILER_SIZE, type TagHeader } from './tag.ts'

/** Bytes of a file that are read at once. */
const WINDOW_BYTES = 131_072
/** How far the next good tag is looked for behind a broken one. */
const MAX_LOST_BYTES = 4 * 1024 * 1024
/** Broken places that are told of. */
const MAX_LOST = 1000
/** Types of tags. */
const AUDIO = 8
const VIDEO = 9
/** Of a body: enough for the kind of packet, its codec and its composition time. */
const HEAD_BYTES = 16

/** A tag and where it lies. */
export interface FileTag {
  readonly header: TagHeader
  /** Of its header in the file. */
  readonly position: number
  /** All of its body, or the first bytes. */
  readonly body: Uint8Array
}

/** One place in a file. A tag that is not whole ends it; broken ones are passed over and counted. */
export class TagWalk {
  readonly #source: ByteSource
  readonly #windowBytes: number
  #position: number
  #window: Uint8Array = new Uint8Array(0)
  #windowAt = 0
  /** Places where the tags were broken. */
  readonly lost: number[] = []

  /** `position`: of a tag. `windowBytes`: how many bytes are read at once. */
  constructor(source: ByteSource, position: number, windowBytes = WINDOW_BYTES) {
    this.#source = source
    this.#windowBytes = windowBytes
    this.#position = position
  }

  /** The next tag with all of its body; `undefined` at the end. */
  next(): Promise<FileTag | undefined> {
    return this.#read(Number.POSITIVE_INFINITY)
  }

  /** The next tag with the first bytes of its body; `undefined` at the end. */
  nextHead(): Promise<FileTag | undefined> {
    return this.#read(HEAD_BYTES)
  }

  async #read(bodyBytes: number): Promise<FileTag | undefined> {
    for (;;) {
      const position = this.#position
      if (position + TAG_HEADER_SIZE > this.#source.size) return undefined
      const header = await this.#header(position)
      const end = position + TAG_HEADER_SIZE + (header?.size ?? 0)
      if (header !== undefined && end > this.#source.size) return undefined
      if (header === undefined) {
        if (!(await this.#findNext())) return undefined
        continue
      }
      const wanted = Math.min(header.size, bodyBytes)
      const body = await this.#bytes(position + TAG_HEADER_SIZE, wanted)
      if (body.byteLength < wanted) return undefined
      this.#position = end + TAG_TRAILER_SIZE
      return { header, position, body }
    }
  }

  /** `undefined` for what is no header of a tag. */
  async #header(position: number): Promise<TagHeader | undefined> {
    const bytes = await this.#bytes(position, TAG_HEADER_SIZE)
    if (bytes.byteLength < TAG_HEADER_SIZE) return undefined
    try {
      const header = readTagHeader(bytes, position)
      // Types that are not known are passed over where they are the work of a writer.
      return header.type === undefined && !isStreamZero(bytes) ? undefined : header
    } catch (error) {
      const isEncrypted = error instanceof FormatError && error.code === 'ERR_FLV_ENCRYPTED' && isStreamZero(bytes)
      if (!(error instanceof FormatError) || isEncrypted) throw error
      return undefined
    }
  }

  /** Moves to the next place where a tag is followed by its own size. */
  async #findNext(): Promise<boolean> {
    if (this.lost.length < MAX_LOST) this.lost.push(this.#position)
    const limit = Math.min(this.#position + MAX_LOST_BYTES, this.#source.size - TAG_HEADER_SIZE)
    for (let from = this.#position + 1; from < limit; from += WINDOW_BYTES) {
      const bytes = await this.#bytes(from, WINDOW_BYTES + TAG_HEADER_SIZE)
      for (let at = 0; at < WINDOW_BYTES && at + TAG_HEADER_SIZE <= bytes.byteLength; at++) {
        const header = bytes.subarray(at, at + TAG_HEADER_SIZE)
        if (!isMedia(header) || !(await this.#isWhole(from + at, header))) continue
        this.#position = from + at
        return true
      }
    }
    return false
  }

  /** Whether the size of the tag stands behind it again. */
  async #isWhole(position: number, header: Uint8Array): Promise<boolean> {
    const { size } = readTagHeader(header, position)
    const trailer = await this.#source.read(position + TAG_HEADER_SIZE + size, TAG_TRAILER_SIZE)
    return trailer.byteLength === TAG_TRAILER_SIZE && new ByteReader(trailer).u32() === TAG_HEADER_SIZE + size
  }

  /** Fewer than `length` where the file ends. The bytes are a view of a window that is never written to again. */
  async #bytes(position: number, length: number): Promise<Uint8Array> {
    const start = position - this.#windowAt
    if (start < 0 || start + length > this.#window.byteLength) {
      const wanted = Math.max(length, this.#windowBytes)
      this.#window = await this.#source.read(position, Math.min(wanted, Math.max(0, this.#source.size - position)))
      this.#windowAt = position
      return this.#window.subarray(0, length)
    }
    return this.#window.subarray(start, start + length)
  }
}

/** Could be the header of a tag with sound or picture, of a size that is read. */
function isMedia(header: Uint8Array): boolean {
  const [type, high = 0, middle = 0, low = 0] = header
  return (
    (type === AUDIO || type === VIDEO) && high * 65_536 + middle * 256 + low <= MAX_TAG_SIZE && isStreamZero(header)
  )
}

function isStreamZero(header: Uint8Array): boolean {
  return header[8] === 0 && header[9] === 0 && header[10] === 0
}
