/** A live stream as `$D` packets: merged per window, framed once per selection of streams, shared by all viewers of that selection. */
import { UnavailableError } from '../../../../errors.ts'
import { BoundedLog, type LogCursor } from '../../../../live/bounded-log.ts'
import { IdleEnd } from '../../../../live/idle-end.ts'
import type { Stream } from '../../../../live/stream.ts'
import type { AsfInit } from '../../../../media/containers/asf/model.ts'
import { MICROS_PER_SECOND, type Micros } from '../../../../media/time.ts'
import { type AsfUnit, asfUnits } from '../../asf-units.ts'
import { FrameBuffer, SharedFrames } from './data-frames.ts'
import { fileForm } from './packet-forms.ts'
import { beginsKey, cut, isWhole, leadingVideo, type Selection, selectionKey } from './selection-filter.ts'

/** A merged buffer is closed when it reaches this size, bytes. */
const MAX_MERGED_BYTES = 65_536
/** What one feed holds for viewers that read slowly. */
const MAX_FEED_BYTES = 32 * 1024 * 1024
const MAX_FEED_DURATION: Micros = 8 * MICROS_PER_SECOND
/** Selections of one stream that are framed at the same time. */
export const MAX_SELECTIONS = 32
/** Windows whose numberings are kept: nearly all viewers read the newest. */
const FRESH_WINDOWS = 3

/** Where readers of units come from; a `Stream` is one. */
export type UnitStream = Pick<Stream, 'units' | 'state' | 'windowMs'>

interface FeedOptions {
  /** `undefined`: everything. */
  readonly selection: Selection | undefined
  /** Packets as long as in a file. */
  readonly padded: boolean
  readonly onClose: () => void
}

/** One stream in one selection. */
export class FramedFeed {
  readonly #stream: UnitStream
  readonly #options: FeedOptions
  readonly #log = new BoundedLog<SharedFrames>({ maxBytes: MAX_FEED_BYTES, maxDuration: MAX_FEED_DURATION })
  readonly #readers: IdleEnd<SharedFrames>
  readonly #fresh: SharedFrames[] = []
  readonly #frames = new FrameBuffer()
  #source: LogCursor<AsfUnit>
  #native: boolean
  #numbers: number[] = []
  #keyIndex = -1
  /** A packet where viewers may start had nothing left for this selection: the next one stands for it. */
  #keyPending = false
  /** Sequence number of the next packet: counted from the newest key packet, so that new viewers need no copy. */
  #sequence = 0
  #time: Micros = 0
  #init: AsfInit | undefined
  #lead: number | undefined
  #whole = true
  #windowTimer: NodeJS.Timeout | undefined
  #closed = false

  constructor(stream: UnitStream, options: FeedOptions) {
    this.#stream = stream
    this.#options = options
    this.#readers = new IdleEnd(this.#log, () => this.#close())
    const units = stream.units(asfUnits)
    this.#native = units.native
    this.#source = units.open()
    this.#pull()
    this.#flush()
    this.#source.onWake = () => this.#pull()
  }

  get closed(): boolean {
    return this.#closed
  }

  /** A viewer's place, at the newest key packet. */
  open(): LogCursor<SharedFrames> {
    return this.#readers.open()
  }

  #pull(): void {
    if (this.#closed) return
    for (let unit = this.#source.take(); unit !== undefined; unit = this.#source.take()) this.#add(unit)
    if (this.#source.ended) return this.#sourceEnded()
    // Units that were made here come a window at a time; those of a publisher's own wire as they come.
    if (!this.#native) this.#flush()
    else if (this.#frames.count > 0 && this.#windowTimer === undefined) {
      this.#windowTimer = setTimeout(() => {
        this.#windowTimer = undefined
        this.#flush()
      }, this.#stream.windowMs)
    }
  }

  #add(unit: AsfUnit): void {
    if (unit.init !== this.#init) this.#begin(unit.init)
    const bytes = this.#cut(unit)
    const key = this.#isKey(unit, bytes)
    if (bytes === undefined) {
      this.#keyPending ||= key
      return
    }
    if (this.#frames.count === 0) this.#time = unit.time
    if ((key || this.#keyPending) && this.#keyIndex < 0) this.#keyIndex = this.#frames.count
    this.#keyPending = false
    this.#frames.add({ number: unit.number, bytes }, this.#sequence + this.#frames.count, false)
    this.#numbers.push(unit.number)
    if (this.#stream.windowMs === 0 || this.#frames.length >= MAX_MERGED_BYTES) this.#flush()
  }

  #begin(init: AsfInit): void {
    this.#flush()
    this.#init = init
    this.#keyPending = false
    const { selection } = this.#options
    this.#whole = selection === undefined || isWhole(selection, init)
    this.#lead = selection === undefined ? undefined : leadingVideo(selection, init)
  }

  #cut({ bytes, init }: AsfUnit): Uint8Array | undefined {
    const { selection, padded } = this.#options
    const left = selection === undefined || this.#whole ? bytes : cut(bytes, init, selection)
    return left === undefined || !padded ? left : fileForm(left, init.packetSize)
  }

  /** Key packets are those of the first video; who selected another one starts where that begins. */
  #isKey(unit: AsfUnit, bytes: Uint8Array | undefined): boolean {
    if (this.#whole || this.#lead === undefined) return unit.key
    return bytes !== undefined && beginsKey(bytes, unit.init, this.#lead)
  }

  #flush(): void {
    const { count } = this.#frames
    const init = this.#init
    if (count === 0 || init === undefined) return
    clearTimeout(this.#windowTimer)
    this.#windowTimer = undefined
    const { chunk, offsets } = this.#frames.take()
    const keyIndex = this.#keyIndex
    const window = new SharedFrames({
      chunk,
      offsets,
      numbers: this.#numbers,
      sequence: this.#sequence & 0xff,
      keyIndex,
      time: this.#time,
      init,
    })
    this.#sequence = keyIndex < 0 ? this.#sequence + count : count - keyIndex
    this.#numbers = []
    this.#keyIndex = -1
    this.#fresh.push(window)
    if (this.#fresh.length > FRESH_WINDOWS) this.#fresh.shift()?.forgetVariants()
    this.#log.append(window)
    this.#log.wake()
  }

  /** The units are over: with the stream, or because another publisher brings them in another way. */
  #sourceEnded(): void {
    this.#flush()
    this.#source.close()
    // Not from inside the stream's own turn, in which it replaces the units.
    queueMicrotask(() => {
      if (this.#closed) return
      if (this.#stream.state === 'closed') return this.#close()
      const units = this.#stream.units(asfUnits)
      this.#native = units.native
      this.#source = units.open()
      this.#source.onWake = () => this.#pull()
      this.#pull()
    })
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#windowTimer)
    this.#readers.stop()
    this.#source.close()
    this.#options.onClose()
    this.#log.end()
  }
}

/** The feeds of one server, found by stream and selection. */
export class FramedFeeds {
  readonly #feeds = new WeakMap<UnitStream, Map<string, FramedFeed>>()

  /** Throws UnavailableError ERR_WMSP_SELECTIONS when too many selections of the stream are watched. `undefined`: everything. */
  feed(stream: UnitStream, selection: Selection | undefined, padded: boolean): FramedFeed {
    const feeds = this.#feeds.get(stream) ?? new Map<string, FramedFeed>()
    this.#feeds.set(stream, feeds)
    const key = `${padded ? 'padded ' : ''}${selection === undefined ? '*' : selectionKey(selection)}`
    const known = feeds.get(key)
    if (known !== undefined) return known
    if (feeds.size >= MAX_SELECTIONS) {
      throw new UnavailableError(
        'ERR_WMSP_SELECTIONS',
        `expected at most ${MAX_SELECTIONS} different selections of a stream at the same time`,
      )
    }
    const feed = new FramedFeed(stream, {
      selection,
      padded,
      onClose: () => feeds.delete(key),
    })
    if (!feed.closed) feeds.set(key, feed)
    return feed
  }
}
