/** The index of a file: which cluster has the block of a track at a time (RFC 9559 section 5.1.5). */
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'
import type { ByteReader } from '../../bytes/byte-reader.ts'
import { Notes } from '../../notes.ts'
import { BlockCursor } from './block-cursor.ts'
import { childElements, uintOf } from './ebml.ts'
import { ID } from './element-id.ts'

/** Of all tracks: a day with a key frame each second, and ten tracks of subtitles. */
const MAX_CUES = 500_000

/** Blocks of a cluster are at most so far apart. */
const MAX_CLUSTER_TICKS = 0xffff

/** A block that the index knows. */
export interface CueEntry {
  /** Ticks. */
  readonly time: number
  /** Where its cluster begins in the file. */
  readonly cluster: number
  /** Where it begins itself, counted from behind the header of the cluster. */
  readonly relative?: number
}

/** By track number, in order of time; what points beyond `end` is left out. A broken rest is noted. */
export function readCues(
  cues: ByteReader | undefined,
  dataStart: number,
  end: number,
  notes: Notes,
): ReadonlyMap<number, readonly CueEntry[]> {
  const tracks = new Map<number, CueEntry[]>()
  let count = 0
  const add = (time: number, positions: ByteReader) => {
    let number = 0
    let cluster = Number.POSITIVE_INFINITY
    let relative: number | undefined
    for (const { id, body } of childElements(positions)) {
      if (id === ID.CUE_TRACK) number = uintOf(body)
      else if (id === ID.CUE_CLUSTER_POSITION) cluster = dataStart + uintOf(body)
      else if (id === ID.CUE_RELATIVE_POSITION) relative = uintOf(body)
    }
    if (cluster >= end || ++count > MAX_CUES) return
    const entry: CueEntry = { time, cluster, ...(relative !== undefined && { relative }) }
    const entries = tracks.get(number)
    if (entries === undefined) tracks.set(number, [entry])
    else entries.push(entry)
  }
  try {
    for (const { id, body } of cues === undefined ? [] : childElements(cues)) {
      if (id !== ID.CUE_POINT) continue
      let time = 0
      for (const part of childElements(body)) {
        if (part.id === ID.CUE_TIME) time = uintOf(part.body)
        else if (part.id === ID.CUE_TRACK_POSITIONS) add(time, part.body)
      }
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    notes.add(`The index is damaged: ${error.message}`)
  }
  for (const entries of tracks.values()) entries.sort((a, b) => a.time - b.time)
  return tracks
}

/** Whether the first, the last and the middle entry point to clusters of about their time. */
export async function cuesHold(blocks: ByteSource, entries: readonly CueEntry[], end: number): Promise<boolean> {
  for (const at of [0, Math.floor(entries.length / 2), entries.length - 1]) {
    const entry = entries[at]
    if (entry === undefined) return false
    const block = await new BlockCursor(blocks, entry.cluster, end, new Notes()).next()
    if (block?.cluster !== entry.cluster || Math.abs(entry.time - block.time) > MAX_CLUSTER_TICKS) return false
  }
  return true
}
