/** Packets in the order of the file, held until the decode times of those before them are known. */
import type { Packet } from '../../packet.ts'
import { GroupDecodeTimes } from './decode-times.ts'
import type { TrackLane } from './track-lane.ts'

/** A packet whose decode time is not a number until it is known. */
type PendingPacket = { -readonly [Key in keyof Packet]: Packet[Key] }

/** Between two key frames that wait; other tracks' packets lie between them. */
const MAX_PENDING = 4096

export class PacketQueue {
  #pending: PendingPacket[] = []
  readonly #times = new Map<TrackLane, GroupDecodeTimes>()

  write(lane: TrackLane, packet: Packet): void {
    const pending: PendingPacket = { ...packet }
    this.#pending.push(pending)
    if (lane.depth > 0) {
      pending.dts = Number.NaN
      this.#timesOf(lane).write(pending)
    }
    if (this.#pending.length > MAX_PENDING) this.settle()
  }

  /** Those at the head whose decode times are known. */
  take(): readonly Packet[] {
    const known = this.#pending.findIndex(({ dts }) => Number.isNaN(dts))
    return this.#pending.splice(0, known === -1 ? this.#pending.length : known)
  }

  /** Gives decode times to all that wait: nothing follows, or something is missing. */
  settle(): void {
    for (const times of this.#times.values()) times.settle()
  }

  #timesOf(lane: TrackLane): GroupDecodeTimes {
    const known = this.#times.get(lane) ?? new GroupDecodeTimes(lane.depth, lane.interval)
    this.#times.set(lane, known)
    return known
  }
}
