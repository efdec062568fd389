/** Received pieces in order, read as if they were one, without joining them. */

/** Shorter pieces that must wait are copied together: a peer that drips bytes must not cost an object for each. */
const SMALL_PIECE_BYTES = 1024
const JOINED_BYTES = 4096

/**
 * Takes pieces by `push` and gives contiguous views by `take`. A view is a subarray where the wanted bytes lie in one piece, and a
 * copy only where they cross pieces. The pieces belong to the queue (and to the views) after `push`.
 */
export class ByteQueue {
  readonly #pieces: Uint8Array[] = []
  /** What the last piece is a part of, when small pieces are being joined there. */
  #joined: Uint8Array | undefined
  #first = 0
  #offset = 0
  #length = 0

  /** Bytes waiting. */
  get length(): number {
    return this.#length
  }

  push(piece: Uint8Array): void {
    if (piece.byteLength === 0) return
    // Into an empty queue never: that piece is most likely taken at once.
    if (piece.byteLength >= SMALL_PIECE_BYTES || this.#length === 0) {
      this.#joined = undefined
      this.#pieces.push(piece)
    } else {
      this.#join(piece)
    }
    this.#length += piece.byteLength
  }

  /** The next `count` bytes without removing them, or `undefined` when fewer wait. */
  peek(count: number): Uint8Array | undefined {
    if (count > this.#length) return undefined
    if (count === 0) return EMPTY
    const piece = this.#pieces[this.#first]
    if (piece !== undefined && piece.byteLength - this.#offset >= count) {
      return piece.subarray(this.#offset, this.#offset + count)
    }
    const joined = new Uint8Array(count)
    this.#copyTo(joined)
    return joined
  }

  /** Removes and returns the next `count` bytes, or `undefined` (and removes nothing) when fewer wait. */
  take(count: number): Uint8Array | undefined {
    const bytes = this.peek(count)
    if (bytes !== undefined) this.skip(count)
    return bytes
  }

  /** Removes and returns what is contiguous at the front, at most `limit` bytes; `undefined` when empty. Never copies. */
  takeSome(limit: number): Uint8Array | undefined {
    const piece = this.#pieces[this.#first]
    if (piece === undefined || limit <= 0) return undefined
    const bytes = piece.subarray(this.#offset, Math.min(piece.byteLength, this.#offset + limit))
    this.skip(bytes.byteLength)
    return bytes
  }

  /** The byte at `index` from the front, or `undefined`. */
  at(index: number): number | undefined {
    let at = index + this.#offset
    for (let i = this.#first; i < this.#pieces.length; i++) {
      const piece = this.#pieces[i] as Uint8Array
      if (at < piece.byteLength) return piece[at]
      at -= piece.byteLength
    }
    return undefined
  }

  /** Removes `count` bytes; no more than wait. */
  skip(count: number): void {
    let left = Math.min(count, this.#length)
    this.#length -= left
    if (this.#length === 0) this.#joined = undefined
    while (left > 0) {
      const piece = this.#pieces[this.#first] as Uint8Array
      const here = piece.byteLength - this.#offset
      if (left < here) {
        this.#offset += left
        return
      }
      left -= here
      this.#offset = 0
      this.#pieces[this.#first] = EMPTY
      this.#first++
    }
    // Drop the consumed front now and then instead of shifting at each step.
    if (this.#first > 64 || this.#first === this.#pieces.length) {
      this.#pieces.splice(0, this.#first)
      this.#first = 0
    }
  }

  /** Writes behind the last piece, where no view that was given out can reach. */
  #join(piece: Uint8Array): void {
    const last = this.#pieces.length - 1
    const used = this.#joined === undefined ? JOINED_BYTES : (this.#pieces[last] as Uint8Array).byteLength
    if (this.#joined === undefined || used + piece.byteLength > JOINED_BYTES) {
      this.#joined = new Uint8Array(JOINED_BYTES)
      this.#joined.set(piece)
      this.#pieces.push(this.#joined.subarray(0, piece.byteLength))
      return
    }
    this.#joined.set(piece, used)
    this.#pieces[last] = this.#joined.subarray(0, used + piece.byteLength)
  }

  #copyTo(target: Uint8Array): void {
    let written = 0
    let offset = this.#offset
    for (let i = this.#first; written < target.byteLength; i++) {
      const piece = this.#pieces[i] as Uint8Array
      const part = piece.subarray(offset, offset + target.byteLength - written)
      target.set(part, written)
      written += part.byteLength
      offset = 0
    }
  }
}

const EMPTY = new Uint8Array(0)
