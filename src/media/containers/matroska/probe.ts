/** Looks at the beginning of a file for what its header does not say: configurations of tracks, and how their frames are ordered. */
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'
import { Notes } from '../../notes.ts'
import type { Micros } from '../../time.ts'
import { BlockCursor, type BlockPlace } from './block-cursor.ts'
import type { Segment } from './segment.ts'
import { TRACK_TYPE, type TrackEntry, withPrefix } from './track-entry.ts'
import type { TrackProbe } from './track-lane.ts'

/** Frames of a track that are looked at; a pyramid of three levels shows itself within. */
const PROBED_FRAMES = 32
/** Tracks that begin later are described by the header alone. */
const MAX_PROBE_BYTES = 8 * 1024 * 1024
const MAX_PROBE_BLOCKS = 2000

/** By track number. `tick`: microseconds. Never throws for what is in the file. */
export async function probeTracks(
  blocks: ByteSource,
  { firstCluster, end }: Segment,
  entries: readonly TrackEntry[],
  tick: number,
): Promise<ReadonlyMap<number, TrackProbe>> {
  const probes = new Map(entries.map((entry) => [entry.number, new Probing(entry, tick)]))
  // What is wrong with the file is noted when it is played.
  const cursor = new BlockCursor(blocks, firstCluster, end, new Notes())
  for (let count = 0; count < MAX_PROBE_BLOCKS; count++) {
    const place = await cursor.next()
    if (place === undefined || place.offset > firstCluster + MAX_PROBE_BYTES) break
    await probes.get(place.trackNumber)?.add(place, cursor)
    if ([...probes.values()].every(({ done }) => done)) break
  }
  return probes
}

class Probing implements TrackProbe {
  readonly times: Micros[] = []
  frame: Uint8Array | undefined
  firstTicks: number | undefined
  readonly #entry: TrackEntry
  readonly #tick: number

  constructor(entry: TrackEntry, tick: number) {
    this.#entry = entry
    this.#tick = tick
  }

  get done(): boolean {
    const { type } = this.#entry
    if (type === TRACK_TYPE.VIDEO) return this.frame !== undefined && this.times.length >= PROBED_FRAMES
    return type !== TRACK_TYPE.AUDIO || this.frame !== undefined
  }

  async add(place: BlockPlace, cursor: BlockCursor): Promise<void> {
    if (this.times.length < PROBED_FRAMES) this.times.push(rawTime(this.#entry, place.time, this.#tick))
    if (this.frame !== undefined || !(place.key || this.#entry.type !== TRACK_TYPE.VIDEO)) return
    try {
      const [frame] = await cursor.frames(place)
      if (frame === undefined) return
      // A copy: blocks of the file are large, and are not to be kept for this.
      this.frame = withPrefix(this.#entry.prefix, frame).slice()
      this.firstTicks = place.time
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
    }
  }
}

/** When a frame is to be shown, as the container has it. `ticks` of `tick` microseconds. */
export function rawTime({ codecDelay }: TrackEntry, ticks: number, tick: number): Micros {
  return Math.round(ticks * tick - codecDelay / 1000)
}
