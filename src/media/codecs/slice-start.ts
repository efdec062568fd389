/** Reads headers at the start of slices of H.264 and H.265. */
import { FormatError } from '../../errors.ts'
import { BitReader } from '../bytes/bit-reader.ts'
import { escapedLength, unescapeInto } from './nal-units.ts'

/** Nearly all headers are shorter: no more than this is unescaped for them. */
const USUAL_HEADER_BYTES = 48

/** Shared: nothing of it outlives a call. */
const usual = new Uint8Array(USUAL_HEADER_BYTES)

/**
 * Bytes of the unit, emulation prevention included, that `read` has read from its start, rounded up; it sees at most `limit` bytes. Throws what
 * `read` throws.
 */
export function sliceStartLength(unit: Uint8Array, limit: number, read: (bits: BitReader) => void): number {
  if (unit.byteLength > USUAL_HEADER_BYTES) {
    try {
      return lengthRead(unit, usual, read)
    } catch (error) {
      // Too long a header, or a broken one: only with all of it one can tell.
      if (!(error instanceof FormatError)) throw error
    }
  }
  return lengthRead(unit, new Uint8Array(Math.min(unit.byteLength, limit)), read)
}

function lengthRead(unit: Uint8Array, room: Uint8Array, read: (bits: BitReader) => void): number {
  const bits = new BitReader(room, unescapeInto(unit, room))
  read(bits)
  return escapedLength(unit, Math.ceil(bits.position / 8))
}
