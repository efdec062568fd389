/** One reading: from blocks to the packets of the tracks that are wanted. */
import { FormatError } from '../../../errors.ts'
import type { Notes } from '../../notes.ts'
import type { Packet } from '../../packet.ts'
import type { Micros } from '../../time.ts'
import type { BlockPlace } from './block-cursor.ts'
import type { FileClock } from './file-clock.ts'
import { PacketQueue } from './packet-queue.ts'
import { withPrefix } from './track-entry.ts'
import type { TrackLane } from './track-lane.ts'

/** Blocks in the order of the file, and what is in them. */
export interface Blocks {
  next(): Promise<BlockPlace | undefined>
  /** Throws ERR_MATROSKA_LACING. */
  frames(place: BlockPlace): Promise<Uint8Array[]>
}

/** Where a reading begins. */
export interface WalkStart {
  /** The leading track, where it is wanted: it begins with a key frame in this cluster or a later one, shown at `pts` or later. */
  readonly lead: { readonly lane: TrackLane; readonly cluster: number; readonly pts: Micros } | undefined
  /** Of the other tracks: packets that are shown at this time or later, or last beyond it. */
  readonly others: Micros
}

/** `lanes` by track number. Ends with the file, or with what can be read of it. */
export async function* walkPackets(
  blocks: Blocks,
  lanes: ReadonlyMap<number, TrackLane>,
  start: WalkStart,
  clock: FileClock,
  notes: Notes,
): AsyncGenerator<Packet> {
  const queue = new PacketQueue()
  const gate = new StartGate(lanes, start, clock)
  for (let place = await blocks.next(); place !== undefined; place = await blocks.next()) {
    if (place.afterDamage) {
      queue.settle()
      gate.close()
    }
    const lane = lanes.get(place.trackNumber)
    if (lane === undefined || !gate.passes(lane, place)) continue
    for (const packet of await packetsOf(place, lane, blocks, clock, notes)) queue.write(lane, packet)
    yield* queue.take()
  }
  queue.settle()
  yield* queue.take()
}

/** Lets the packets of a track through once it can be decoded. */
class StartGate {
  readonly #start: WalkStart
  readonly #clock: FileClock
  /** Pictures that wait for a key frame. */
  readonly #closed: Set<TrackLane>
  readonly #video: readonly TrackLane[]

  constructor(lanes: ReadonlyMap<number, TrackLane>, start: WalkStart, clock: FileClock) {
    this.#start = start
    this.#clock = clock
    this.#video = [...lanes.values()].filter(({ track }) => track.kind === 'video')
    this.#closed = new Set(this.#video)
    if (start.lead !== undefined) this.#closed.add(start.lead.lane)
  }

  /** Something is missing: pictures cannot be decoded before the next key frame. */
  close(): void {
    for (const lane of this.#video) this.#closed.add(lane)
  }

  passes(lane: TrackLane, place: BlockPlace): boolean {
    const { lead, others } = this.#start
    const pts = this.#clock.time(lane, place.time)
    if (lane !== lead?.lane && pts + this.#length(lane, place) <= others) return false
    if (!this.#closed.has(lane)) return true
    if (lane.track.kind === 'video' && !place.key) return false
    // The index may be a tick beside the block.
    if (lane === lead?.lane && (place.cluster < lead.cluster || pts < lead.pts - this.#clock.tick)) return false
    this.#closed.delete(lane)
    return true
  }

  /** How long text is shown; of sound and picture at least something, so that what is shown at the very time is let through. */
  #length(lane: TrackLane, { duration = 0 }: BlockPlace): Micros {
    return lane.track.kind === 'text' ? Math.max(1, this.#clock.duration(duration)) : 1
  }
}

async function packetsOf(
  place: BlockPlace,
  lane: TrackLane,
  blocks: Blocks,
  clock: FileClock,
  notes: Notes,
): Promise<Packet[]> {
  const { track, format, entry } = lane
  const packets: Packet[] = []
  try {
    const frames = await blocks.frames(place)
    const length = lane.period || clock.duration(place.duration ?? 0) / frames.length
    frames.forEach((frame, i) => {
      const data = format.canonical(withPrefix(entry.prefix, frame))
      if (data.byteLength === 0) return
      const pts = clock.time(lane, place.time + (i * length) / clock.tick)
      const key = place.key || track.kind !== 'video'
      const duration = track.kind === 'text' ? clock.duration(place.duration ?? 0) : 0
      packets.push({ track, data, pts, dts: pts, key, ...(duration > 0 && { duration }) })
    })
  } catch (error) {
    if (!(error instanceof FormatError) || error.code === 'ERR_MP4_TRUNCATED') throw error
    notes.add(`A frame of track ${track.id} cannot be read: ${error.message}`)
  }
  return packets
}
