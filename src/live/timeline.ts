/** Repairs a publisher's clock: whatever comes in, decode times of a stream go forward, and a jump becomes a discontinuity. */
import type { Packet } from '../media/packet.ts'
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from '../media/time.ts'

/** A packet may step back this far (bad interleaving, rounding) and is moved forward; further back is a new clock. */
const MAX_STEP_BACK: Micros = 1 * MICROS_PER_SECOND
/** A pause of up to this long is believed; longer is a new clock. */
const MAX_STEP_FORWARD: Micros = 10 * MICROS_PER_SECOND
/** A presentation time further than this from its decode time is not believed (longest reordering any encoder uses is far below). */
const MAX_COMPOSITION: Micros = 10 * MICROS_PER_SECOND
/** Distance assumed between the last packet of an old clock and the first of a new one. */
const ASSUMED_STEP: Micros = 33 * MICROS_PER_MS

/**
 * Maps source times to stream times, which start at zero. One instance serves a stream for its whole life: `restart` is called
 * when another publisher takes over, so that time continues.
 */
export class Timeline {
  /** Stream time = source time + offset. */
  #offset: Micros | undefined
  /** The offset before the last jump: packets of other tracks may still come with the old clock. */
  #previousOffset: Micros | undefined
  /** Tracks that have come with the new clock since the last jump; the old one does not hold for them any more. */
  readonly #moved = new Set<number>()
  #newest: Micros = 0
  #started = false
  readonly #lastDts = new Map<number, Micros>()
  #restartAt: Micros | undefined
  #repairs = 0
  readonly #pendingDiscontinuity = new Set<number>()

  /** Packets moved, and jumps bridged. */
  get repairs(): number {
    return this.#repairs
  }

  /** The newest decode time given out. */
  get newest(): Micros {
    return this.#newest
  }

  /** The source changes. The next packet lands at `at` (stream time) or right after the newest packet, whichever is later. */
  restart(at: Micros): void {
    this.#offset = undefined
    this.#previousOffset = undefined
    this.#restartAt = at
  }

  /** The packet in stream time. The same object when nothing changed. */
  place(packet: Packet): Packet {
    const id = packet.track.id
    if (this.#offset === undefined) this.#begin(packet)
    const last = this.#lastDts.get(id)
    let dts = packet.dts + (this.#offset ?? 0)
    let onOldClock = false
    if (!this.#continues(dts)) {
      const asBefore = this.#onOldClock(packet)
      onOldClock = asBefore !== undefined
      dts = asBefore ?? this.#jump(packet)
    }
    if (this.#previousOffset !== undefined && !onOldClock) this.#moved.add(id)
    if (last !== undefined && dts <= last) {
      dts = last + 1
      this.#repairs++
    }
    const composition = packet.pts - packet.dts
    const pts = dts + (composition >= 0 && composition <= MAX_COMPOSITION ? composition : 0)
    this.#lastDts.set(id, dts)
    if (dts > this.#newest) this.#newest = dts
    const marked = this.#pendingDiscontinuity.size > 0 && !onOldClock && this.#pendingDiscontinuity.delete(id)
    if (dts === packet.dts && pts === packet.pts && !marked) return packet
    const { track, data, key } = packet
    return marked ? { track, data, pts, dts, key, discontinuity: true } : { track, data, pts, dts, key }
  }

  #continues(dts: Micros): boolean {
    return dts >= this.#newest - MAX_STEP_BACK && dts <= this.#newest + MAX_STEP_FORWARD
  }

  #onOldClock(packet: Packet): Micros | undefined {
    if (this.#previousOffset === undefined || this.#moved.has(packet.track.id)) return undefined
    const dts = packet.dts + this.#previousOffset
    return this.#continues(dts) ? dts : undefined
  }

  #begin(packet: Packet): void {
    if (!this.#started) {
      this.#started = true
      this.#offset = -packet.dts
      return
    }
    const at = Math.max(this.#restartAt ?? 0, this.#newest + ASSUMED_STEP)
    this.#offset = at - packet.dts
    this.#newest = at
    this.#markAll()
  }

  #jump(packet: Packet): Micros {
    this.#repairs++
    const dts = this.#newest + ASSUMED_STEP
    this.#previousOffset = this.#offset
    this.#moved.clear()
    this.#offset = dts - packet.dts
    this.#markAll()
    this.#pendingDiscontinuity.add(packet.track.id)
    return dts
  }

  #markAll(): void {
    for (const id of this.#lastDts.keys()) this.#pendingDiscontinuity.add(id)
  }
}
