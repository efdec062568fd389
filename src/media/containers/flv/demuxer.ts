/** Reads FLV files and streams: Video File Format 10.1 annex E.2 and E.3. */
import { ByteQueue } from '../../bytes/byte-queue.ts'
import type { Demuxer, DemuxResult } from '../../container.ts'
import { FlvMessageDemuxer } from './message-demuxer.ts'
import {
  FLV_HEADER_SIZE,
  readFlvHeader,
  readTagHeader,
  TAG_HEADER_SIZE,
  TAG_TRAILER_SIZE,
  type TagHeader,
} from './tag.ts'

export class FlvDemuxer implements Demuxer {
  readonly #queue = new ByteQueue()
  readonly #messages = new FlvMessageDemuxer()
  /** Bytes taken from the queue, for error messages. */
  #offset = 0
  #skip = 0
  #started = false
  #tag: TagHeader | undefined

  /** Throws FormatError for what is not FLV, encrypted or too large a tag, and broken tags. */
  write(bytes: Uint8Array): void {
    this.#queue.push(bytes)
    while (this.#step()) continue
  }

  read(): DemuxResult | undefined {
    return this.#messages.read()
  }

  /** A tag that is not whole is dropped. */
  end(): void {
    this.#messages.end()
  }

  /** Reads one thing; tells whether there was one. */
  #step(): boolean {
    if (this.#skip > 0) {
      const count = Math.min(this.#skip, this.#queue.length)
      this.#queue.skip(count)
      this.#offset += count
      this.#skip -= count
      return this.#skip === 0
    }
    if (!this.#started) return this.#readHeader()
    return this.#tag === undefined ? this.#readTagHeader() : this.#readTagBody(this.#tag)
  }

  #readHeader(): boolean {
    const bytes = this.#take(FLV_HEADER_SIZE)
    if (bytes === undefined) return false
    const header = readFlvHeader(bytes)
    this.#messages.expect({ audio: header.hasAudio, video: header.hasVideo })
    this.#skip = header.size - FLV_HEADER_SIZE + TAG_TRAILER_SIZE
    this.#started = true
    return true
  }

  #readTagHeader(): boolean {
    const offset = this.#offset
    const bytes = this.#take(TAG_HEADER_SIZE)
    if (bytes === undefined) return false
    this.#tag = readTagHeader(bytes, offset)
    return true
  }

  #readTagBody({ type, size, timestampMs }: TagHeader): boolean {
    const body = this.#take(size)
    if (body === undefined) return false
    this.#tag = undefined
    this.#skip = TAG_TRAILER_SIZE
    if (type !== undefined) this.#messages.write({ type, timestampMs, body })
    return true
  }

  #take(count: number): Uint8Array | undefined {
    const bytes = this.#queue.take(count)
    if (bytes !== undefined) this.#offset += count
    return bytes
  }
}
