/** By how much a file's times are moved for formats that have none below zero. */
import type { MediaReader } from '../media/reader.ts'
import { MICROS_PER_MS, type Micros } from '../media/time.ts'
import { isSteady } from './decode-order.ts'

/** Packets, and bytes of them, that are looked at. */
const MAX_PACKETS = 512
const MAX_BYTES = 4 * 1024 * 1024

const known = new WeakMap<MediaReader, Promise<Micros>>()

/**
 * What has to be added so that nothing that is shown has a decode time below zero: the delay of reordered pictures, in whole milliseconds.
 * What an edit list cuts off stays before zero. The same for all who play the file, wherever they begin. Throws FormatError when nothing
 * can be read.
 */
export function timeOffset(reader: MediaReader): Promise<Micros> {
  const offset = known.get(reader) ?? measure(reader)
  known.set(reader, offset)
  // Tried again by the next one.
  offset.catch(() => known.delete(reader))
  return offset
}

async function measure(reader: MediaReader): Promise<Micros> {
  const unseen = new Set(reader.tracks.filter(isSteady).map(({ id }) => id))
  let offset: Micros = 0
  let count = 0
  let bytes = 0
  for await (const { track, pts, dts, data } of reader.packets(0)) {
    if (pts >= 0 && unseen.delete(track.id)) offset = Math.max(offset, -dts)
    bytes += data.byteLength
    if (unseen.size === 0 || ++count >= MAX_PACKETS || bytes >= MAX_BYTES) break
  }
  return Math.ceil(offset / MICROS_PER_MS) * MICROS_PER_MS
}
