/** Puts `$H` and `$M` back together from their pieces (MS-WMSP 2.2.3.1.2, 3.1.5.7, 3.1.5.8). */
import { FormatError } from '../../../../errors.ts'
import { FRAGMENT, type Frame } from '../../framing.ts'

/** Bytes of an ASF header or of metadata that a server may send before anything is played. */
export const MAX_HEADER_BYTES = 8 * 1024 * 1024
/** Pieces of one, so that empty ones end too. */
const MAX_PIECES = 256

/** One header in the making. */
export class FragmentJoiner {
  #pieces: Uint8Array[] = []
  #length = 0

  /** The header has begun and is not whole. */
  get open(): boolean {
    return this.#pieces.length > 0
  }

  /** The whole payload with the last piece. Throws FormatError ERR_WMSP_FRAGMENT for pieces out of order, too many or too large. */
  write({ type, flags = 0, payload }: Frame): Uint8Array | undefined {
    const isFirst = (flags & FRAGMENT.FIRST) !== 0
    if (isFirst === this.open) {
      const expected = this.open ? 'the next' : 'the first'
      throw new FormatError('ERR_WMSP_FRAGMENT', `expected ${expected} piece of a $${type}, found AFFlags ${flags}`)
    }
    this.#length += payload.byteLength
    if (this.#length > MAX_HEADER_BYTES || this.#pieces.length >= MAX_PIECES) {
      const limit = `${MAX_HEADER_BYTES} bytes in ${MAX_PIECES} pieces`
      throw new FormatError('ERR_WMSP_FRAGMENT', `expected a $${type} of at most ${limit}`)
    }
    this.#pieces.push(payload)
    if ((flags & FRAGMENT.LAST) === 0) return undefined
    const whole = this.#pieces.length === 1 ? payload : Buffer.concat(this.#pieces, this.#length)
    this.#pieces = []
    this.#length = 0
    return whole
  }
}
