/** Both times of H.264 frames in ASF, whichever of them the writer put there. */
import type { AvcOrder } from '../../codecs/h264/picture-order.ts'
import type { Micros } from '../../time.ts'
import { DecodeTimes, type Timed } from './decode-times.ts'

/** A frame whose times are to be found. */
export interface ReorderedFrame extends Timed {
  /** The time in the container, until the presentation time is known. */
  pts: Micros
}

/** Frames looked at before the first is given its times. */
const PROBED_FRAMES = 8
/** Frames that may be shown after a frame that was decoded later than they. */
const MAX_DEPTH = 16
/** A step back by more is another clock and no reordering. */
const MAX_REORDERING: Micros = 5_000_000
/** Frames over which the distance of two is averaged, because times are rounded to milliseconds. */
const AVERAGED_FRAMES = 16
const ASSUMED_INTERVAL: Micros = 40_000
/** By which picture order counts usually grow. */
const USUAL_STEP = 2

/**
 * ASF means presentation times. FFmpeg and VLC write decode times of H.264, and read them as such. Times that go back are presentation
 * times, see `DecodeTimes`. Otherwise they are decode times, and the frame's place in the order of showing tells how many frames later it
 * is shown: place minus number in decoding order, plus the depth of reordering. The first 8 frames are held to see which it is.
 */
export class ReorderedTimes {
  #probed: { readonly frame: ReorderedFrame; readonly order: AvcOrder | undefined }[] | undefined = []
  /** In use once times have gone back. */
  #decodeTimes: DecodeTimes | undefined
  #depth: number
  #step = USUAL_STEP
  /** In the container, of the last frames. */
  readonly #recent: Micros[] = []
  /** Place of the last frame in decoding order, and of its picture order count 0. */
  #number = -1
  #base = 0

  /** `maxReorder`: frames, where the stream says it. */
  constructor(maxReorder: number | undefined) {
    this.#depth = Math.min(maxReorder ?? 0, MAX_DEPTH)
  }

  /** Gives the frame its times, now or with a later call. */
  write(frame: ReorderedFrame, order: AvcOrder | undefined): void {
    if (this.#decodeTimes !== undefined) {
      this.#decodeTimes.write(frame)
      return
    }
    const back = (this.#recent.at(-1) ?? frame.pts) - frame.pts
    if (back > 0 && back <= MAX_REORDERING) {
      this.#usePresentationTimes(frame)
      return
    }
    if (back > 0) this.#recent.length = 0
    this.#recent.push(frame.pts)
    if (this.#recent.length > AVERAGED_FRAMES) this.#recent.shift()
    if (this.#probed === undefined) {
      this.#place(frame, order)
      return
    }
    this.#probed.push({ frame, order })
    if (this.#probed.length >= PROBED_FRAMES) this.settle()
  }

  /** Gives times to all frames that wait for them. */
  settle(): void {
    this.#decodeTimes?.settle()
    const probed = this.#probed
    if (probed === undefined || probed.length === 0) return
    this.#probed = undefined
    this.#learn(probed.map(({ order }) => order))
    for (const { frame, order } of probed) this.#place(frame, order)
  }

  #usePresentationTimes(frame: ReorderedFrame): void {
    this.#decodeTimes = new DecodeTimes()
    for (const held of this.#probed ?? []) this.#decodeTimes.write(held.frame)
    this.#probed = undefined
    this.#decodeTimes.write(frame)
  }

  #learn(orders: readonly (AvcOrder | undefined)[]): void {
    // Some encoders count pictures by 1.
    if (orders.some((order) => (order?.count ?? 0) % USUAL_STEP !== 0)) this.#step = 1
    // The depth must hold from the first frame on, or the first ones would be shown too early.
    for (const order of orders) this.#depth = Math.max(this.#depth, -this.#leadOf(order))
    this.#number = -1
  }

  #place(frame: ReorderedFrame, order: AvcOrder | undefined): void {
    const lead = this.#leadOf(order)
    this.#depth = Math.max(this.#depth, -lead)
    frame.dts = frame.pts
    frame.pts = frame.dts + (lead + this.#depth) * this.#interval()
  }

  /** By how many frames the frame is shown later than its place in decoding order; negative for one that others overtook. */
  #leadOf(order: AvcOrder | undefined): number {
    this.#number++
    if (order === undefined) return 0
    if (order.idr || this.#number === 0) {
      this.#number = 0
      this.#base = order.count
    }
    const lead = Math.round((order.count - this.#base) / this.#step) - this.#number
    if (Math.abs(lead) <= MAX_DEPTH) return lead
    // Frames were lost, or left out by the encoder: what follows is counted from here.
    this.#number += lead
    return 0
  }

  #interval(): Micros {
    const [first] = this.#recent
    const last = this.#recent.at(-1)
    if (first === undefined || last === undefined || this.#recent.length < 2) return ASSUMED_INTERVAL
    return Math.round((last - first) / (this.#recent.length - 1))
  }
}
