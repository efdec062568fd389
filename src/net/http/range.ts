/** Byte ranges (RFC 9110 section 14). One range is answered; a list of ranges gets the whole body, which the RFC allows. */

/** Bytes `start` up to but without `end`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** A longer `Range` value is not read. */
const MAX_RANGE_LENGTH = 64

/**
 * The range of a body of `size` bytes that a `Range` value asks for. `undefined`: send the whole body (none asked, several asked, or
 * not understood). `unsatisfiable`: answer 416.
 */
export function parseRange(value: string | undefined, size: number): ByteRange | 'unsatisfiable' | undefined {
  if (value === undefined || value.length > MAX_RANGE_LENGTH) return undefined
  const match = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(value)
  if (match === null) return undefined
  const [, first = '', last = ''] = match
  if (first === '') {
    if (last === '') return undefined
    const suffix = Math.min(Number(last), size)
    return suffix === 0 ? 'unsatisfiable' : { start: size - suffix, end: size }
  }
  const start = Number(first)
  const end = last === '' ? size : Math.min(Number(last) + 1, size)
  if (last !== '' && Number(last) < start) return undefined
  return start >= size ? 'unsatisfiable' : { start, end }
}

/** Value of `Content-Range`. */
export function formatContentRange(range: ByteRange | 'unsatisfiable', size: number): string {
  return range === 'unsatisfiable' ? `bytes */${size}` : `bytes ${range.start}-${range.end - 1}/${size}`
}
