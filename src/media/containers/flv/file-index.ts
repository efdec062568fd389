/** Key points of an FLV file: from the `keyframes` that writers put into onMetaData, else by looking at all tags. */
import { FormatError } from '../../../errors.ts'
import { amfProperties } from '../../amf/value.ts'
import type { ByteSource } from '../../byte-source.ts'
import type { Notes } from '../../notes.ts'
import type { KeyPoint } from '../../reader.ts'
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from '../../time.ts'
import { TRACK_ID_BASE, type Track } from '../../track.ts'
import type { Metadata } from './metadata.ts'
import { type FileTag, TagWalk } from './tag-walk.ts'
import { readVideoTag } from './video-tag.ts'

/** More than any file has. */
const MAX_KEY_POINTS = 1 << 20
/** An index that ends earlier than the file by more is not all of it. */
const MAX_UNINDEXED: Micros = 20 * MICROS_PER_SECOND

/** Of a tag of the index that is looked at: header and the first bytes of its body. */
const TAG_BYTES = 64

/** What one look at all tags tells. */
export interface FlvScan {
  readonly keyPoints: readonly KeyPoint[]
  /** Of the last picture or sound, in the time of the file. */
  readonly end: Micros
}

/** What an index is made of. */
export interface FlvPlace {
  readonly source: ByteSource
  /** Of the first tag. */
  readonly start: number
  /** Time of the file that counts as 0. */
  readonly zero: Micros
  /** The leading track. */
  readonly lead: Track
}

/** `undefined` when the metadata has no index, or one that is not true: each place must hold a key picture of that time. */
export async function pointsOfMetadata(
  metadata: Metadata,
  place: FlvPlace,
  duration: Micros,
): Promise<readonly KeyPoint[] | undefined> {
  const keyframes = amfProperties(metadata['keyframes'] as never)
  const positions = keyframes?.['filepositions']
  const times = keyframes?.['times']
  if (!Array.isArray(positions) || !Array.isArray(times) || positions.length !== times.length) return undefined
  if (place.lead.kind !== 'video' || positions.length > MAX_KEY_POINTS) return undefined
  const points: KeyPoint[] = []
  let before = place.start - 1
  for (const position of positions) {
    if (typeof position !== 'number' || !(position > before)) return undefined
    before = position
    const tag = await new TagWalk(place.source, position, TAG_BYTES).nextHead()
    const pts = tag?.position === position ? keyTimeOf(tag, place.lead) : undefined
    // Some writers put the sequence header first.
    if (pts === undefined && points.length === 0) continue
    if (tag === undefined || pts === undefined) return undefined
    const dts = tag.header.timestampMs * MICROS_PER_MS
    if (dts - place.zero > (points.at(-1)?.dts ?? Number.NEGATIVE_INFINITY)) {
      points.push({ dts: dts - place.zero, pts: pts - place.zero, position })
    }
  }
  return (points.at(-1)?.dts ?? Number.NEGATIVE_INFINITY) >= duration - MAX_UNINDEXED ? points : undefined
}

/** Looks at the beginnings of all tags. Of a file without video, a key point each second. */
export async function scanTags({ source, start, zero, lead }: FlvPlace, notes: Notes): Promise<FlvScan> {
  const walk = new TagWalk(source, start)
  const keyPoints: KeyPoint[] = []
  let end: Micros = 0
  for (let tag = await walk.nextHead(); tag !== undefined; tag = await walk.nextHead()) {
    const { type, timestampMs } = tag.header
    if (type === 'data' || type === undefined) continue
    const dts = timestampMs * MICROS_PER_MS
    end = Math.max(end, dts)
    const last = keyPoints.at(-1)?.dts ?? Number.NEGATIVE_INFINITY
    if (keyPoints.length >= MAX_KEY_POINTS) continue
    const pts = lead.kind === 'video' ? keyTimeOf(tag, lead) : type === 'audio' ? dts : undefined
    const least = last + (lead.kind === 'video' ? 1 : MICROS_PER_SECOND)
    if (pts !== undefined && dts - zero >= least) {
      keyPoints.push({ dts: dts - zero, pts: pts - zero, position: tag.position })
    }
  }
  for (const position of walk.lost) notes.add('A tag is broken; the file is read on behind it', position)
  return { keyPoints, end }
}

/** Presentation time, in the time of the file, of the key picture of the track in a tag; `undefined` when there is none. */
function keyTimeOf({ header, body }: FileTag, lead: Track): Micros | undefined {
  if (header.type !== 'video') return undefined
  try {
    const parts = readVideoTag(body)
    const part = parts.find(
      ({ kind, key, trackId }) => kind === 'frame' && key && trackId + TRACK_ID_BASE.video === lead.id,
    )
    if (part === undefined) return undefined
    return (header.timestampMs + part.compositionMs) * MICROS_PER_MS + Math.floor(part.nanoseconds / 1000)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
