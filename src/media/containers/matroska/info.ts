/** What a file says of itself: Info and Tags (RFC 9559 sections 5.1.2 and 5.1.8). */
import { FormatError } from '../../../errors.ts'
import type { ByteReader } from '../../bytes/byte-reader.ts'
import type { Notes } from '../../notes.ts'
import type { Micros } from '../../time.ts'
import { childElements, floatOf, hexOf, textOf, uintOf } from './ebml.ts'
import { ID } from './element-id.ts'

const DEFAULT_TIMESTAMP_SCALE = 1_000_000
/** A second; coarser times are of no use. */
const MAX_TIMESTAMP_SCALE = 1_000_000_000
/** A year: nothing is longer. */
const MAX_DURATION: Micros = 366 * 86_400 * 1_000_000
const MAX_TAGS = 64

export interface SegmentInfo {
  /** Microseconds of a tick; above 0, mostly 1000. */
  readonly tick: number
  /** `undefined` where it is not told, or makes no sense. */
  readonly duration: Micros | undefined
  readonly metadata: Readonly<Record<string, string>>
}

export interface SegmentTags {
  /** Of the whole file, names in small letters. */
  readonly metadata: Readonly<Record<string, string>>
  /** Bits a second by `TrackEntry.uid`, as mkvmerge counts them. */
  readonly bitrates: ReadonlyMap<string, number>
}

/** Reads what it can; a broken rest is noted. */
export function readInfo(info: ByteReader | undefined, notes: Notes): SegmentInfo {
  let scale = DEFAULT_TIMESTAMP_SCALE
  let ticks = Number.NaN
  const metadata = new Map<string, string>()
  tolerate(notes, 'The information about the file is damaged', () => {
    for (const { id, body } of info === undefined ? [] : childElements(info)) {
      if (id === ID.TIMESTAMP_SCALE) scale = uintOf(body)
      else if (id === ID.DURATION) ticks = floatOf(body)
      else if (id === ID.TITLE) metadata.set('title', textOf(body))
      else if (id === ID.WRITING_APP) metadata.set('encoder', textOf(body))
    }
  })
  if (scale === 0 || scale > MAX_TIMESTAMP_SCALE) {
    notes.add(`A tick of ${scale} ns makes no sense; it is taken for a millisecond.`)
    scale = DEFAULT_TIMESTAMP_SCALE
  }
  const duration = Math.round((ticks * scale) / 1000)
  return {
    tick: scale / 1000,
    duration: duration > 0 && duration <= MAX_DURATION ? duration : undefined,
    metadata: Object.fromEntries([...metadata].filter(([, text]) => text !== '')),
  }
}

/** Reads what it can; a broken rest is noted. */
export function readTags(tags: ByteReader | undefined, notes: Notes): SegmentTags {
  const metadata = new Map<string, string>()
  const bitrates = new Map<string, number>()
  tolerate(notes, 'The tags are damaged', () => {
    for (const { id, body } of tags === undefined ? [] : childElements(tags)) {
      if (id === ID.TAG) readTag(body, metadata, bitrates)
    }
  })
  return { metadata: Object.fromEntries(metadata), bitrates }
}

function readTag(tag: ByteReader, metadata: Map<string, string>, bitrates: Map<string, number>): void {
  let uid = ''
  for (const { id, body } of childElements(tag)) {
    if (id === ID.TARGETS) {
      for (const target of childElements(body)) if (target.id === ID.TAG_TRACK_UID) uid = hexOf(target.body)
    } else if (id === ID.SIMPLE_TAG) {
      const { name, text } = readSimpleTag(body)
      const bps = /^bps(?:-[a-z]+)?$/.test(name) ? Number(text) : 0
      if (uid === '' && name !== '' && text !== '' && metadata.size < MAX_TAGS) metadata.set(name, text)
      if (uid !== '' && bps > 0 && bps < 1e12 && bitrates.size < MAX_TAGS) bitrates.set(uid, Math.round(bps))
    }
  }
}

function readSimpleTag(tag: ByteReader): { name: string; text: string } {
  let name = ''
  let text = ''
  for (const { id, body } of childElements(tag)) {
    if (id === ID.TAG_NAME) name = textOf(body).toLowerCase()
    if (id === ID.TAG_STRING) text = textOf(body)
  }
  return { name, text }
}

function tolerate(notes: Notes, what: string, read: () => void): void {
  try {
    read()
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    notes.add(`${what}: ${error.message}`)
  }
}
