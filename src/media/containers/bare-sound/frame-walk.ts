/** Goes from frame to frame through sound that has no container around it. */
import type { ByteSource } from '../../byte-source.ts'
import type { Notes } from '../../notes.ts'

/** How frames of one stream are told. */
export interface BareFrameFormat {
  /** First byte of each frame. */
  readonly syncByte: number
  /** Bytes of a frame that must be there to tell its size. */
  readonly headerSize: number
  /** Bytes of the frame that begins there; 0 where none of this stream does. */
  sizeAt(bytes: Uint8Array, at: number): number
}

/**
 * Usage: `while (walk.next() || (await walk.fill())) if (walk.found) …`: `next` moves within what was read, `fill` reads on. Bytes between
 * frames are passed over and noted.
 */
export class FrameWalk {
  /** Holds the frame: `size` bytes from `at`. */
  bytes: Uint8Array = new Uint8Array(0)
  at = 0
  size = 0
  /** Whether the last move found a frame. */
  found = false
  readonly #source: ByteSource
  readonly #format: BareFrameFormat
  readonly #end: number
  readonly #blockBytes: number
  readonly #notes: Notes | undefined
  /** Of `bytes`, in the file. */
  #origin: number
  /** In `bytes`: where the next frame is expected. */
  #next = 0
  #final = false
  /** Whether a frame ended where the next one is expected. */
  #synchronous = false

  constructor(
    source: ByteSource,
    format: BareFrameFormat,
    range: { readonly from: number; readonly to: number; readonly blockBytes: number; readonly notes?: Notes },
  ) {
    this.#source = source
    this.#format = format
    this.#origin = range.from
    this.#end = range.to
    this.#blockBytes = range.blockBytes
    this.#notes = range.notes
  }

  /** Of the frame, in the file. */
  get position(): number {
    return this.#origin + this.at
  }

  /** Moves to the next frame; false when more must be read. */
  next(): boolean {
    this.found = this.#find()
    return this.found
  }

  /** Reads on and moves; false at the end. `found` tells whether there was a frame in what was read. */
  async fill(): Promise<boolean> {
    this.found = false
    if (this.#final) return false
    this.#origin += this.#next
    this.#next = 0
    const wanted = Math.min(this.#blockBytes, this.#end - this.#origin)
    this.bytes = wanted > 0 ? await this.#source.read(this.#origin, wanted) : new Uint8Array(0)
    this.#final = this.bytes.byteLength < this.#blockBytes
    this.found = this.#find()
    return this.found || !this.#final
  }

  #find(): boolean {
    const { bytes } = this
    const { headerSize } = this.#format
    for (;;) {
      const at = this.#next
      if (at + headerSize > bytes.byteLength) return false
      const size = this.#format.sizeAt(bytes, at)
      if (size === 0 || (!this.#synchronous && !this.#isFollowed(at + size))) {
        if (size > 0 && at + size + headerSize > bytes.byteLength && !this.#final) return false
        this.#lose(at)
        continue
      }
      if (at + size > bytes.byteLength) {
        if (this.#final) this.#notes?.add('the last frame is not whole', this.#origin + at)
        if (this.#final) this.#next = bytes.byteLength
        return false
      }
      this.at = at
      this.size = size
      this.#next = at + size
      this.#synchronous = true
      return true
    }
  }

  /** Whether a frame, or the end, is at a place. */
  #isFollowed(at: number): boolean {
    const { bytes } = this
    if (at + this.#format.headerSize > bytes.byteLength) return this.#final
    return this.#format.sizeAt(bytes, at) > 0
  }

  #lose(at: number): void {
    if (this.#synchronous) this.#notes?.add('bytes that are no sound were passed over', this.#origin + at)
    this.#synchronous = false
    const found = this.bytes.indexOf(this.#format.syncByte, at + 1)
    this.#next = found === -1 ? this.bytes.byteLength : found
  }
}
