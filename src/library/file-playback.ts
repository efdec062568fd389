/** A media file on its way to one viewer: read a little ahead, given out when it is due, at any time from another place. */
import type { Packet } from '../media/packet.ts'
import type { MediaReader } from '../media/reader.ts'
import { MICROS_PER_MS, type Micros } from '../media/time.ts'
import type { Track } from '../media/track.ts'
import type { Clock } from './clock.ts'
import { DecodeOrder } from './decode-order.ts'

/** Read and not given out yet, bytes; one packet more may be. Reading goes on when half of it is gone. */
const MAX_READ_AHEAD = 256 * 1024
/** Milliseconds between two looks when nothing is late: what is due meanwhile goes out together. */
const BATCH_MS = 100

/** Milliseconds of media that a player of its own clock gets ahead of real time when it does not say how much it wants. */
export const DEFAULT_AHEAD_MS = 3000

export interface FilePlaybackOptions {
  readonly reader: MediaReader
  /** Those of the reader that are wanted. */
  readonly tracks: readonly Track[]
  /** Added to all times of the file, see `timeOffset`. Times below count with it. */
  readonly offset: Micros
  readonly from: Micros
  /** Where it ends, if not at the end of the file. */
  readonly until?: Micros
  /** Milliseconds of media that go out at once, and by which all that follows is ahead of real time; may be infinite. */
  readonly aheadMs: number
  readonly clock: Clock
  /** Nothing reads the file any more. */
  readonly onClose: () => void
}

/** Asked for packets by one owner, as the cursor of a live stream is. */
export class FilePlayback {
  /** Called when `take` may give something, or `state` has changed; not from inside `take`. */
  onWake: (() => void) | undefined
  readonly #options: FilePlaybackOptions
  #aheadMs: number
  #packets: AsyncGenerator<Packet> | undefined
  #order: DecodeOrder
  /** Where reading is to go on; `undefined`: where it is. */
  #target: { readonly from: Micros; readonly after: Micros } | undefined
  /** Packets up to this decode time are passed over. */
  #after = Number.NEGATIVE_INFINITY
  /** Where the place asked for stands on the clock; `undefined` until the first packet of it is given out. */
  #anchor: { readonly media: Micros; at: number } | undefined
  #from: Micros
  #position: Micros
  #pausedAt: number | undefined
  #reading = false
  /** How reading came to its end. */
  #readTo: 'end' | 'fault' | undefined
  /** There was nothing to take. */
  #starved = true
  #state: 'open' | 'ended' | 'failed' = 'open'
  #closed = false
  #cancelTimer: (() => void) | undefined

  constructor(options: FilePlaybackOptions) {
    this.#options = options
    this.#aheadMs = options.aheadMs
    this.#order = this.#newOrder()
    this.#from = this.#position = clampTime(options.from, this.duration)
    this.#target = { from: this.#from, after: Number.NEGATIVE_INFINITY }
    this.#fill()
  }

  /** `ended`: all was taken; `failed`: the file cannot be read on. Both until the next `seek`. */
  get state(): 'open' | 'ended' | 'failed' {
    return this.#state
  }

  /** To the end of the last picture or sound. */
  get duration(): Micros {
    return this.#options.reader.duration + this.#options.offset
  }

  /** Decode time of the last packet taken, or the place asked for. */
  get position(): Micros {
    return this.#position
  }

  /** Bytes held, for tests. */
  get heldBytes(): number {
    return this.#order.bytes
  }

  /** The next packet that is due, in the order of decode times over all tracks. Decode times before zero are given as zero. */
  take(): Packet | undefined {
    if (this.#closed || this.#state !== 'open' || this.#pausedAt !== undefined) return undefined
    const next = this.#order.peek()
    if (next === undefined) {
      if (this.#readTo === undefined) this.#starved = true
      else this.#state = this.#readTo === 'end' ? 'ended' : 'failed'
      return undefined
    }
    if (next.dts >= (this.#options.until ?? Number.POSITIVE_INFINITY)) {
      this.#state = 'ended'
      return undefined
    }
    const now = this.#options.clock.now()
    // What stands between the key picture and the place asked for is not waited for.
    this.#anchor ??= { media: Math.max(this.#from, next.dts), at: now }
    const due = this.#anchor.at + (next.dts - this.#anchor.media) / MICROS_PER_MS - this.#aheadMs
    if (due > now) {
      this.#wakeAfter(Math.max(due - now, BATCH_MS))
      return undefined
    }
    this.#order.read()
    this.#position = next.dts
    this.#fill()
    return next
  }

  /**
   * Goes on from the last key picture shown at `to` or before. Nothing of before comes out any more. Any number will do: what is not a time
   * of the file is the nearest one.
   */
  seek(to: Micros): void {
    this.#goTo(to, Number.NEGATIVE_INFINITY)
  }

  /** Nothing is due until `resume`. */
  pause(): void {
    if (this.#pausedAt !== undefined) return
    this.#pausedAt = this.#options.clock.now()
    this.#cancelTimer?.()
  }

  /**
   * Goes on where it was paused; with `after`, with the packets that are decoded after that time, for a viewer that has let go of what it
   * had of those.
   */
  resume(after?: Micros): void {
    if (this.#pausedAt === undefined) return
    if (this.#anchor !== undefined) this.#anchor.at += this.#options.clock.now() - this.#pausedAt
    this.#pausedAt = undefined
    if (after !== undefined && after < this.#position) this.#goTo(after, after)
    else this.onWake?.()
  }

  /** Another lead over real time from now on, milliseconds. */
  setAhead(aheadMs: number): void {
    this.#aheadMs = aheadMs
    this.#cancelTimer?.()
    this.onWake?.()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.onWake = undefined
    this.#cancelTimer?.()
    this.#order = this.#newOrder()
    if (!this.#reading) this.#finish()
  }

  #goTo(to: Micros, after: Micros): void {
    if (this.#closed) return
    this.#from = this.#position = clampTime(to, this.duration)
    this.#target = { from: this.#from, after }
    this.#order = this.#newOrder()
    this.#anchor = undefined
    this.#readTo = undefined
    this.#starved = true
    this.#state = 'open'
    this.#cancelTimer?.()
    this.#fill()
  }

  #newOrder(): DecodeOrder {
    return new DecodeOrder(this.#options.tracks, MAX_READ_AHEAD)
  }

  /** One reading at a time, whatever is asked meanwhile: of many seeks the last is the one that reads. */
  #fill(): void {
    if (this.#reading || this.#closed || !this.#wantsMore(MAX_READ_AHEAD / 2)) return
    this.#reading = true
    this.#read().then(
      () => this.#onRead(),
      () => {
        this.#packets = undefined
        // A place that cannot be read does not matter when another was asked for meanwhile.
        if (this.#target === undefined) this.#endReading('fault')
        this.#onRead()
      },
    )
  }

  #onRead(): void {
    this.#reading = false
    if (this.#closed) this.#finish()
    else this.#fill()
  }

  async #read(): Promise<void> {
    while (!this.#closed && this.#wantsMore(MAX_READ_AHEAD)) {
      const target = this.#target
      if (target !== undefined) {
        this.#target = undefined
        this.#after = target.after
        await this.#packets?.return(undefined)
        const { reader, tracks, offset } = this.#options
        this.#packets = reader.packets(target.from - offset, { tracks: tracks.map(({ id }) => id) })
      }
      const next = await this.#packets?.next()
      if (this.#target !== undefined || this.#closed) continue
      if (next === undefined || next.done === true) return this.#endReading('end')
      const packet = this.#moved(next.value)
      if (packet.dts <= this.#after) continue
      this.#order.write(packet)
      this.#wakeStarved()
    }
  }

  #wantsMore(bytes: number): boolean {
    if (this.#target !== undefined) return true
    if (this.#state !== 'open' || this.#readTo !== undefined) return false
    return this.#order.bytes < bytes || this.#order.peek() === undefined
  }

  #endReading(readTo: 'end' | 'fault'): void {
    this.#order.end()
    this.#readTo = readTo
    this.#wakeStarved()
  }

  #wakeStarved(): void {
    if (!this.#starved || (this.#readTo === undefined && this.#order.peek() === undefined)) return
    this.#starved = false
    this.onWake?.()
  }

  #moved(packet: Packet): Packet {
    const { offset } = this.#options
    const dts = Math.max(0, packet.dts + offset)
    const pts = Math.max(0, packet.pts + offset)
    return dts === packet.dts && pts === packet.pts ? packet : { ...packet, dts, pts }
  }

  #wakeAfter(milliseconds: number): void {
    this.#cancelTimer?.()
    this.#cancelTimer = this.#options.clock.after(milliseconds, () => {
      this.#cancelTimer = undefined
      this.onWake?.()
    })
  }

  #finish(): void {
    const packets = this.#packets
    this.#packets = undefined
    const { onClose } = this.#options
    if (packets === undefined) return onClose()
    packets.return(undefined).then(onClose, onClose)
  }
}

/** A time of the file, whatever number was asked for. */
function clampTime(time: Micros, duration: Micros): Micros {
  return Number.isNaN(time) ? 0 : Math.round(Math.min(Math.max(time, 0), duration))
}
