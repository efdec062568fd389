/** The index beside a recording: one line for each segment, appended when its bytes are on the disk. */
import { crc32 } from 'node:zlib'
import type { Micros } from '../../media/time.ts'
import type { KeyStretch, PackagingRun } from '../../packaging/segment-archive.ts'
import type { RecordingFormat } from './recording-name.ts'

/*
 *   8 digits   JSON                                                       line feed
 *   c1d04330   {"type":"segment","rendition":"video-1","number":7,…}      ⏎
 *   └─ CRC-32 of the JSON, hexadecimal
 *
 * A line that was not written to its end, or was changed, does not fit its sum: reading ends before it, and what it would have told is
 * found again in the recording itself.
 */

/** The first line. */
export interface FileEntry {
  readonly type: 'file'
  readonly version: 1
  /** Path of the stream. */
  readonly path: string
  readonly format: RecordingFormat
  readonly run: PackagingRun
  /** Of the segment that begins the file; indexes of old have none. */
  readonly firstNumber?: number
  /** Stream time that the movie begins with. */
  readonly start: Micros
  /** Milliseconds since 1970 of that, by the wall clock. */
  readonly startedAt: number
}

/** What a decoder needs for the segments of a rendition in a period. */
export interface InitEntry {
  readonly type: 'init'
  readonly rendition: string
  readonly period: number
  /** Init segment as viewers get it, base64. */
  readonly bytes: string
}

/** Offset in the file, and number of bytes. */
export type Extent = readonly [offset: number, length: number]

export interface SegmentEntry {
  readonly type: 'segment'
  readonly rendition: string
  readonly number: number
  readonly period: number
  readonly periodStart: Micros
  readonly discontinuity: boolean
  readonly start: Micros
  readonly presentationStart: Micros
  readonly duration: Micros
  readonly packets: number
  readonly independent: boolean
  /** Which key viewers of a protected path got it under. */
  readonly keyStretch?: KeyStretch | undefined
  /** Milliseconds since 1970 of `presentationStart`, by the wall clock as it was then. */
  readonly wallMs: number
  /** Ticks that the decode times in the file are less than those viewers got: the file begins at zero. */
  readonly shift: number
  /** CRC-32 of the bytes of all extents in a row. */
  readonly sum: number
  /** Empty: there is nothing of it. */
  readonly extents: readonly Extent[]
}

/** The last line of a recording that is complete. */
export interface EndEntry {
  readonly type: 'end'
  /** Of the recording. */
  readonly bytes: number
  readonly durationMs: number
  /** Milliseconds since 1970 of the end of the last segment. */
  readonly endedAt: number
}

export type IndexEntry = FileEntry | InitEntry | SegmentEntry | EndEntry

/** A recording of a year with segments of a second. */
export const MAX_INDEX_BYTES = 512 * 1024 * 1024
/** An init segment with long configuration records is some kilobytes. */
const MAX_LINE_BYTES = 256 * 1024
const MAX_EXTENTS = 4096
const SUM_DIGITS = 8
const LINE_FEED = 0x0a

/** The line of an entry, with its line feed. */
export function formatIndexEntry(entry: IndexEntry): string {
  const json = JSON.stringify(entry)
  return `${hex(crc32(json))} ${json}\n`
}

/** What `readIndex` found. */
export interface IndexContent {
  readonly entries: readonly IndexEntry[]
  /** Bytes of the lines that are whole; what is behind them is to be cut off. */
  readonly wholeBytes: number
}

/** All entries up to the first line that is broken. Never throws; entries of types that are not known are passed over. */
export function readIndex(bytes: Uint8Array): IndexContent {
  const entries: IndexEntry[] = []
  let at = 0
  while (at < bytes.byteLength) {
    const end = bytes.indexOf(LINE_FEED, at)
    if (end < 0 || end - at > MAX_LINE_BYTES) break
    const line = Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString('utf8')
    const entry = readLine(line)
    if (entry === undefined) break
    if (entry !== 'unknown') entries.push(entry)
    at = end + 1
  }
  return { entries, wholeBytes: at }
}

function readLine(line: string): IndexEntry | 'unknown' | undefined {
  const json = line.slice(SUM_DIGITS + 1)
  if (line[SUM_DIGITS] !== ' ' || line.slice(0, SUM_DIGITS) !== hex(crc32(json))) return undefined
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null ? checked(value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** The sum proves that the line is as it was written, not who wrote it. */
function checked(value: Record<string, unknown>): IndexEntry | 'unknown' | undefined {
  switch (value['type']) {
    case 'file':
      return isFile(value) ? (value as unknown as FileEntry) : undefined
    case 'init':
      return isRendition(value['rendition']) && isCount(value['period']) && typeof value['bytes'] === 'string'
        ? (value as unknown as InitEntry)
        : undefined
    case 'segment':
      return isSegment(value) ? (value as unknown as SegmentEntry) : undefined
    case 'end':
      return isCount(value['bytes']) && isCount(value['durationMs']) && isTime(value['endedAt'])
        ? (value as unknown as EndEntry)
        : undefined
    default:
      return 'unknown'
  }
}

function isFile({ version, path, format, run, firstNumber, start, startedAt }: Record<string, unknown>): boolean {
  const { token, epochMs } = (typeof run === 'object' && run !== null ? run : {}) as Record<string, unknown>
  return (
    version === 1 &&
    typeof path === 'string' &&
    (format === 'mp4' || format === 'asf') &&
    typeof token === 'string' &&
    /^(?:[0-9a-f]{12})?$/.test(token) &&
    isTime(epochMs) &&
    (firstNumber === undefined || isCount(firstNumber)) &&
    isCount(start) &&
    isTime(startedAt)
  )
}

function isSegment(value: Record<string, unknown>): boolean {
  const { rendition, discontinuity, independent, keyStretch, wallMs, extents } = value
  const counts = [
    'number',
    'period',
    'periodStart',
    'start',
    'presentationStart',
    'duration',
    'packets',
    'shift',
    'sum',
  ]
  return (
    isRendition(rendition) &&
    counts.every((name) => isCount(value[name])) &&
    typeof discontinuity === 'boolean' &&
    typeof independent === 'boolean' &&
    (keyStretch === undefined || isKeyStretch(keyStretch)) &&
    isTime(wallMs) &&
    Array.isArray(extents) &&
    extents.length <= MAX_EXTENTS &&
    extents.every((extent) => Array.isArray(extent) && extent.length === 2 && extent.every(isCount))
  )
}

function isKeyStretch(value: unknown): boolean {
  const { period, start, guessed } = (typeof value === 'object' && value !== null ? value : {}) as Record<
    string,
    unknown
  >
  return isCount(period) && isCount(start) && (guessed === undefined || guessed === true)
}

function isRendition(value: unknown): boolean {
  return typeof value === 'string' && /^(?:video|audio)-\d{1,10}$/.test(value)
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** What a Date can hold. */
function isTime(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value) <= 8.64e15
}

function hex(sum: number): string {
  return sum.toString(16).padStart(SUM_DIGITS, '0')
}
