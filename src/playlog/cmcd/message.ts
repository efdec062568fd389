/** Where CMCD stands in HTTP: four headers or one query argument with each request, lines of a body with events (CTA-5004-B section 3). */
import { type CmcdRecord, type CmcdRefusal, readCmcd } from './record.ts'

/** Lower-case names; all are read as one record. */
export const CMCD_HEADERS = ['cmcd-request', 'cmcd-object', 'cmcd-status', 'cmcd-session'] as const
/** Name of the query argument. */
export const CMCD_ARGUMENT = 'CMCD'
/** Content types of event bodies; players send `text/plain` where a beacon is all they have. */
export const CMCD_BODY_TYPES: ReadonlySet<string> = new Set(['application/cmcd', 'text/cmcd', 'text/plain'])
/** Records of one body. */
export const MAX_CMCD_RECORDS = 1000

/**
 * The record of a request; `undefined`: it has none. When any of the headers is there, the query argument does not count. `query`: behind the `?`.
 */
export function cmcdOfRequest(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  query: string,
): CmcdRecord | CmcdRefusal | undefined {
  const text = cmcdOfHeaders(headers) ?? cmcdOfQuery(query)
  return text === undefined ? undefined : readCmcd(text)
}

/** The text of the four headers as one record; `undefined`: there is none of them. Names in lower case. */
export function cmcdOfHeaders(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): string | undefined {
  const parts: string[] = []
  for (const name of CMCD_HEADERS) {
    const value = headers[name]
    if (value !== undefined) parts.push(typeof value === 'string' ? value : value.join(','))
  }
  return parts.length === 0 ? undefined : parts.join(',')
}

/** Records of an event body, one a line, empty lines left out; `undefined` when there are more than `MAX_CMCD_RECORDS`. */
export function cmcdOfBody(body: string): readonly (CmcdRecord | CmcdRefusal)[] | undefined {
  return cmcdLines(body)?.map(readCmcd)
}

/** The texts of these records. */
export function cmcdLines(body: string): readonly string[] | undefined {
  const lines: string[] = []
  let start = body.charCodeAt(0) === BYTE_ORDER_MARK ? 1 : 0
  while (start < body.length) {
    let end = body.indexOf('\n', start)
    if (end === -1) end = body.length
    const line = body.slice(start, end).trim()
    start = end + 1
    if (line === '') continue
    if (lines.length >= MAX_CMCD_RECORDS) return undefined
    lines.push(line)
  }
  return lines
}

/** A query without CMCD, for what must not depend on it: cache keys, addresses that are kept. `query`: behind the `?`. */
export function withoutCmcd(query: string): string {
  if (!query.includes(CMCD_ARGUMENT)) return query
  return query
    .split('&')
    .filter((pair) => !isArgument(pair))
    .join('&')
}

const BYTE_ORDER_MARK = 0xfe_ff

function isArgument(pair: string): boolean {
  return pair === CMCD_ARGUMENT || pair.startsWith(`${CMCD_ARGUMENT}=`)
}

/** The text of the query argument, decoded; `undefined`: there is none. `query`: behind the `?`. */
export function cmcdOfQuery(query: string): string | undefined {
  if (!query.includes(CMCD_ARGUMENT)) return undefined
  const pair = query.split('&').find(isArgument)
  if (pair === undefined) return undefined
  try {
    return decodeURIComponent(pair.slice(CMCD_ARGUMENT.length + 1).replaceAll('+', ' '))
  } catch {
    // Percent signs that encode nothing: as it is.
    return pair.slice(CMCD_ARGUMENT.length + 1)
  }
}
