/** Where decoding can start in a file, and where its sound and picture end. */

import type { ByteSource } from '../../byte-source.ts'
import type { Notes } from '../../notes.ts'
import type { KeyPoint } from '../../reader.ts'
import { MICROS_PER_SECOND, type Micros } from '../../time.ts'
import { BlockCursor, type BlockPlace } from './block-cursor.ts'
import { findLastCluster } from './cluster-search.ts'
import type { CueEntry } from './cues.ts'
import type { FileClock } from './file-clock.ts'
import type { TrackLane } from './track-lane.ts'

/** Five days with one each second. */
const MAX_KEY_POINTS = 500_000
/** Of files without picture. */
const SOUND_INTERVAL: Micros = MICROS_PER_SECOND
/** The last cluster begins within these last bytes: some seconds of the highest rates. */
const MAX_TAIL_BYTES = 64 * 1024 * 1024

/** A part of the file with clusters. */
export interface ClusterRange {
  readonly firstCluster: number
  readonly end: number
}

/** The key points that the index knows. */
export function pointsOfCues(lane: TrackLane, cues: readonly CueEntry[], clock: FileClock): readonly KeyPoint[] {
  const points: KeyPoint[] = []
  for (const { time, cluster } of cues) {
    const point = pointAt(lane, clock.time(lane, time), cluster)
    if (points.at(-1)?.pts !== point.pts) points.push(point)
  }
  return points
}

/** A key frame that is shown at `pts`, first of its group. */
export function pointAt({ depth, interval }: TrackLane, pts: Micros, position: number): KeyPoint {
  return { dts: Math.round(pts - depth * interval), pts, position }
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
    if (place.trackNumber !== lead.number || (isVideo && !place.key)) continue
    const pts = clock.time(lead, place.time)
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
