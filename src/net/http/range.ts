/** Byte ranges (RFC 9110 section 14). */

/** Bytes `start` up to but without `end`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** A longer `Range` value is not read. */
const MAX_RANGE_LENGTH = 512
/** More ranges than this are no wish for parts. */
export const MAX_RANGES = 8

/**
 * The ranges of a body of `size` bytes that a `Range` value asks for: 1 to `MAX_RANGES`, in the order asked for; those that overlap or touch
 * are joined, and then all are in the order of the body, so that no byte is sent twice. `undefined`: send the whole body (none asked, too
 * many, or not understood, which the RFC allows). `unsatisfiable`: answer 416.
 */
export function parseRanges(
  value: string | undefined,
  size: number,
): readonly ByteRange[] | 'unsatisfiable' | undefined {
  if (value === undefined || value.length > MAX_RANGE_LENGTH) return undefined
  const list = /^bytes=(.*)$/i.exec(value)?.[1]?.split(',')
  if (list === undefined || list.length > MAX_RANGES) return undefined
  const ranges: ByteRange[] = []
  for (const text of list) {
    const range = parseOne(text, size)
    if (range === undefined) return undefined
    if (range.start < range.end) ranges.push(range)
  }
  return ranges.length === 0 ? 'unsatisfiable' : joined(ranges)
}

/** As `parseRanges`, for bodies of which one range is sent at most; a list of ranges gets the whole body. */
export function parseRange(value: string | undefined, size: number): ByteRange | 'unsatisfiable' | undefined {
  if (value?.includes(',')) return undefined
  const ranges = parseRanges(value, size)
  return ranges === undefined || ranges === 'unsatisfiable' ? ranges : ranges[0]
}

/** Value of `Content-Range`. */
export function formatContentRange(range: ByteRange | 'unsatisfiable', size: number): string {
  return range === 'unsatisfiable' ? `bytes */${size}` : `bytes ${range.start}-${range.end - 1}/${size}`
}

/** `undefined`: not understood; empty: nothing of it is in the body. */
function parseOne(text: string, size: number): ByteRange | undefined {
  const match = /^[ \t]*(\d*)-(\d*)[ \t]*$/.exec(text)
  if (match === null) return undefined
  const [, first = '', last = ''] = match
  if (first === '') return last === '' ? undefined : { start: size - Math.min(Number(last), size), end: size }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return undefined
  return { start: Math.min(start, size), end: last === '' ? size : Math.min(Number(last) + 1, size) }
}

function joined(ranges: readonly ByteRange[]): readonly ByteRange[] {
  const [first, ...others] = ranges.toSorted((a, b) => a.start - b.start)
  const result = first === undefined ? [] : [first]
  for (const range of others) {
    const before = result[result.length - 1] as ByteRange
    if (range.start > before.end) result.push(range)
    else result[result.length - 1] = { start: before.start, end: Math.max(before.end, range.end) }
  }
  return result.length === ranges.length ? ranges : result
}
