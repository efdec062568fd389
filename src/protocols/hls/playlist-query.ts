/** Delivery directives of LL-HLS in a playlist's query (RFC 8216bis section 6.2.5). */
import { PeerError } from '../../errors.ts'

export interface Directives {
  /** Answer when this segment, or this part of it, is there. */
  readonly wait?: { readonly number: number; readonly part?: number }
  /** A delta update is wanted. */
  readonly skip: boolean
}

/** Without a hundred parts in the longest segment no player asks further. */
const MAX_PART = 10_000

/**
 * Reads the directives; everything else in the query (client data, keys) is left alone. Throws PeerError ERR_HTTP_QUERY_INVALID for
 * numbers that are none, given twice, and for a part without a segment.
 */
export function readDirectives(query: string): Directives {
  if (query === '') return { skip: false }
  const parameters = new URLSearchParams(query)
  const number = integer(parameters, '_HLS_msn')
  const part = integer(parameters, '_HLS_part')
  // Anything but the two known values asks for nothing.
  const wanted = parameters.get('_HLS_skip')
  const skip = wanted === 'YES' || wanted === 'v2'
  if (number === undefined) {
    if (part !== undefined) throw invalid('_HLS_msn beside _HLS_part', 'none')
    return { skip }
  }
  if (part !== undefined && part > MAX_PART) throw invalid(`_HLS_part up to ${MAX_PART}`, String(part))
  return { skip, wait: part === undefined ? { number } : { number, part } }
}

function integer(parameters: URLSearchParams, name: string): number | undefined {
  const values = parameters.getAll(name)
  const [value] = values
  if (value === undefined) return undefined
  if (values.length > 1) throw invalid(`one ${name}`, `${values.length}`)
  if (!/^\d{1,15}$/.test(value)) throw invalid(`${name} as a decimal integer`, JSON.stringify(value.slice(0, 40)))
  return Number(value)
}

function invalid(expected: string, found: string): PeerError {
  return new PeerError('ERR_HTTP_QUERY_INVALID', `expected ${expected}, found ${found}`)
}
