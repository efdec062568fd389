/** Where decoding can start in a file, and where its sound and picture end. */

import type { ByteSource } from '../../byte-source.ts'
import { Notes } from '../../notes.ts'
import type { KeyPoint } from '../../reader.ts'
import { MICROS_PER_SECOND, type Micros } from '../../time.ts'
import { BlockCursor, type BlockPlace } from './block-cursor.ts'
import { findLastCluster } from './cluster-search.ts'
import type { CueEntry } from './cues.ts'
import type { FileClock } from './file-clock.ts'
import type { TrackLane } from './track-lane.ts'
import { WindowSource } from './window-source.ts'

/** Five days with one each second. */
const MAX_KEY_POINTS = 500_000
/** Of files without picture. */
const SOUND_INTERVAL: Micros = MICROS_PER_SECOND
/** The last cluster begins within these last bytes: some seconds of the highest rates. */
const MAX_TAIL_BYTES = 64 * 1024 * 1024

/** Of an index, looked at to see whether groups of pictures are open. */
const SAMPLED_GROUPS = 8
/** Pictures that are shown before the key picture they follow, at most. */
const MAX_LEADING = 32

/** A part of the file with clusters. */
export interface ClusterRange {
  readonly firstCluster: number
  readonly end: number
}

/**
 * The key points that the index knows. Where pictures are reordered, some groups are looked at: only if one of them is open, as many encoders
 * of H.265 make them, all have to be, because the pictures shown before the key picture decide on its decode time.
 */
export async function pointsOfCues(
  source: ByteSource,
  lane: TrackLane,
  cues: readonly CueEntry[],
  clock: FileClock,
  end: number,
): Promise<readonly KeyPoint[]> {
  const points: KeyPoint[] = []
  for (const { time, cluster } of cues) {
    const point = pointAt(lane, clock.time(lane, time), cluster)
    if (points.at(-1)?.pts !== point.pts) points.push(point)
  }
  if (lane.depth === 0) return points
  const blocks = new WindowSource(source)
  const exactOf = (point: KeyPoint) => exactPoint(blocks, lane, point, clock, end)
  const step = Math.max(1, Math.floor(points.length / SAMPLED_GROUPS))
  let open = false
  for (let at = Math.min(1, points.length); at < points.length && !open; at += step) {
    const point = points[at] as KeyPoint
    open = (await exactOf(point)).dts !== point.dts
  }
  if (!open) return points
  const exact: KeyPoint[] = []
  for (const point of points) exact.push(await exactOf(point))
  return exact
}

/** A key frame that is shown at `pts`; of the frames of its group the first is shown at `first`. */
export function pointAt({ depth, interval }: TrackLane, pts: Micros, position: number, first: Micros = pts): KeyPoint {
  return { dts: Math.round(first - depth * interval), pts, position }
}

/** The same key point, with what its frames say. */
async function exactPoint(
  blocks: ByteSource,
  lane: TrackLane,
  point: KeyPoint,
  clock: FileClock,
  end: number,
): Promise<KeyPoint> {
  const cursor = new BlockCursor(blocks, point.position, end, new Notes())
  let first: Micros | undefined
  for (let count = 0; count < MAX_LEADING; ) {
    const place = await cursor.next()
    if (place === undefined) break
    if (place.trackNumber !== lane.number) continue
    const pts = clock.time(lane, place.time)
    if (first === undefined) {
      if (place.key && pts >= point.pts - clock.tick) first = pts
      else if (place.cluster !== point.position) break
      continue
    }
    // Pictures shown before the key picture follow it at once.
    if (place.key || pts > point.pts) break
    first = Math.min(first, pts)
    count++
  }
  return pointAt(lane, point.pts, point.position, first)
}

/** The key points of the track `lead`, found by going through all blocks of the file. */
export async function scanKeyPoints(
  blocks: ByteSource,
  { firstCluster, end }: ClusterRange,
  lead: TrackLane,
  clock: FileClock,
  notes: Notes,
): Promise<readonly KeyPoint[]> {
  const points: KeyPoint[] = []
  const cursor = new BlockCursor(blocks, firstCluster, end, notes)
  const isVideo = lead.track.kind === 'video'
  let next = Number.NEGATIVE_INFINITY
  for (let place = await cursor.next(); place !== undefined; place = await cursor.next()) {
    if (place.trackNumber !== lead.number) continue
    const pts = clock.time(lead, place.time)
    const last = points.at(-1)
    if (isVideo && !place.key) {
      const dts = pointAt(lead, pts, 0).dts
      if (last !== undefined && pts < last.pts && dts < last.dts) points[points.length - 1] = { ...last, dts }
      continue
    }
    if (!isVideo && pts < next) continue
    if (points.length === MAX_KEY_POINTS) break
    points.push(pointAt(lead, pts, place.cluster))
    next = pts + SOUND_INTERVAL
  }
  return points.sort((a, b) => a.pts - b.pts)
}

/** When the last picture or sound of the last cluster ends; `undefined` where that cannot be told. */
export async function measureEnd(
  blocks: ByteSource,
  { firstCluster, end }: ClusterRange,
  lanes: readonly TrackLane[],
  clock: FileClock,
  notes: Notes,
): Promise<Micros | undefined> {
  const last = await findLastCluster(blocks, firstCluster, end, MAX_TAIL_BYTES)
  if (last === undefined) return undefined
  const cursor = new BlockCursor(blocks, last, end, notes)
  let latest = 0
  for (let place = await cursor.next(); place !== undefined; place = await cursor.next()) {
    const number = place.trackNumber
    const lane = lanes.find((candidate) => candidate.number === number && candidate.track.kind !== 'text')
    if (lane !== undefined) latest = Math.max(latest, await endOf(place, lane, clock, cursor))
  }
  return latest > 0 ? latest : undefined
}

async function endOf(place: BlockPlace, lane: TrackLane, clock: FileClock, cursor: BlockCursor): Promise<Micros> {
  const frames = place.lacing === 0 ? 1 : await cursor.frameCount(place)
  const length = lane.track.kind === 'video' ? lane.interval : lane.period
  return clock.time(lane, place.time) + Math.round(frames * length)
}
