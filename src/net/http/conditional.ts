/** Conditional requests (RFC 9110 section 13): whether what the client has is still what there is. */
import type { IncomingHttpHeaders } from 'node:http'

/** What there is. */
export interface Validators {
  /** Strong, with its quotes. */
  readonly etag: string
  readonly modified: Date
}

/** A date is as good as a strong tag when what it is of was older than this, milliseconds (section 8.8.2.2). */
const STRONG_DATE_MS = 1000

/** The status instead of the answer: 304 or 412; `undefined`: go on. In the order of section 13.2.2. */
export function conditionOf(headers: IncomingHttpHeaders, { etag, modified }: Validators): 304 | 412 | undefined {
  const ifMatch = headers['if-match']
  const unmodifiedSince = dateOf(headers['if-unmodified-since'])
  if (ifMatch !== undefined) {
    if (!listsStrong(ifMatch, etag)) return 412
  } else if (unmodifiedSince !== undefined && seconds(modified) > unmodifiedSince) return 412
  const ifNoneMatch = headers['if-none-match']
  if (ifNoneMatch !== undefined) return lists(ifNoneMatch, etag) ? 304 : undefined
  const modifiedSince = dateOf(headers['if-modified-since'])
  return modifiedSince !== undefined && seconds(modified) <= modifiedSince ? 304 : undefined
}

/** Whether `Range` counts: what the client has a part of is still the same (section 13.1.5). */
export function rangeApplies(headers: IncomingHttpHeaders, { etag, modified }: Validators, now = Date.now()): boolean {
  const value = headers['if-range']
  if (typeof value !== 'string') return value === undefined
  if (value.includes('"')) return value.trim() === etag
  return dateOf(value) === seconds(modified) && now - modified.getTime() > STRONG_DATE_MS
}

/** `If-None-Match`: a list of tags, by weak comparison. */
export function lists(header: string, etag: string): boolean {
  if (header.trim() === '*') return true
  const plain = etag.replace(/^W\//, '')
  return header.split(',').some((candidate) => candidate.trim().replace(/^W\//, '') === plain)
}

/** `If-Match`: by strong comparison. */
function listsStrong(header: string, etag: string): boolean {
  return header.trim() === '*' || header.split(',').some((candidate) => candidate.trim() === etag)
}

/** Seconds of an HTTP date; `undefined`: none that can be read. */
function dateOf(value: string | undefined): number | undefined {
  const time = value === undefined ? Number.NaN : Date.parse(value)
  return Number.isNaN(time) ? undefined : Math.floor(time / 1000)
}

function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000)
}
