/** One viewer of a live stream: its place in the shared feed of its selection. */
import type { LogCursor } from '../../../../live/bounded-log.ts'
import type { AsfInit } from '../../../../media/containers/asf/model.ts'
import { type AsfUnit, asfUnits } from '../../asf-units.ts'
import { chunkBody, FrameBuffer, type SharedFrames } from './data-frames.ts'
import type { EntrySource, Numbering, SourceState } from './entry-source.ts'
import type { FramedFeeds, UnitStream } from './live-feed.ts'
import { fileForm } from './packet-forms.ts'
import { isWhole, type Selection, SelectionFilter } from './selection-filter.ts'

/** Bytes framed for one viewer at once while its selection changes. */
const MAX_BRIDGED_BYTES = 65_536

export interface LiveSourceOptions {
  readonly feeds: FramedFeeds
  readonly stream: UnitStream
  /** The header of the newest key packet, which the viewer is told. */
  readonly init: AsfInit
  readonly numbering: Numbering
  /** The bytes are whole HTTP chunks. */
  readonly chunked: boolean
  /** The viewer wants packets as long as in a file. */
  readonly keepPadding: boolean
}

/** What a viewer gets while it goes over from one selection to the other: packets framed for it alone. */
interface Bridge {
  readonly units: LogCursor<AsfUnit>
  readonly filter: SelectionFilter
  /** The feed it goes to. */
  readonly target: LogCursor<SharedFrames>
}

export class LiveSource implements EntrySource {
  readonly endReason = 0
  onWake: (() => void) | undefined
  readonly #options: LiveSourceOptions
  #state: SourceState = 'header'
  #init: AsfInit
  #selection: Selection | undefined
  #cursor: LogCursor<SharedFrames> | undefined
  /** Taken from the cursor, not sent yet. */
  #held: SharedFrames | undefined
  /** Where the cursor's loss counter stood; -1: it has not begun. */
  #lost = -1
  #skippedBefore = 0
  /** Packet number of the last packet sent of this header. */
  #last = -1
  #bridge: Bridge | undefined

  constructor(options: LiveSourceOptions) {
    this.#options = options
    this.#init = options.init
  }

  get state(): SourceState {
    return this.#state
  }

  get init(): AsfInit {
    return this.#init
  }

  get skipped(): number {
    return this.#skippedBefore + (this.#cursor?.skipped ?? 0)
  }

  begin(selection: Selection): void {
    const held = this.#held
    this.#last = -1
    this.#state = 'open'
    // Straight on where the header has just changed; after a pause at the newest key packet like everybody who comes.
    if (held !== undefined && this.#cursor !== undefined && this.#sameFeed(selection)) {
      this.#selection = selection
      return
    }
    this.#selection = selection
    this.#follow(this.#open(selection))
  }

  pause(): void {
    this.#held = undefined
    this.#leave()
  }

  select(selection: Selection): void {
    const before = this.#selection
    if (this.#state !== 'open' || before === undefined) {
      this.#selection = selection
      return
    }
    // First of all, as it may be refused.
    const target = this.#open(selection)
    const filter = this.#bridge?.filter ?? new SelectionFilter(this.#init, before)
    filter.select(selection)
    this.#selection = selection
    this.#endBridge()
    const units = this.#options.stream.units(asfUnits).open()
    this.#leave()
    this.#bridge = { units, filter, target }
    units.onWake = this.#wake
    target.onWake = this.#wake
  }

  take(): Uint8Array | undefined {
    if (this.#state !== 'open') return undefined
    if (this.#bridge !== undefined) {
      const bytes = this.#takeBridged(this.#bridge)
      if (bytes !== undefined || this.#bridge !== undefined || this.#state !== 'open') return bytes
    }
    const cursor = this.#cursor
    if (cursor === undefined) return undefined
    for (;;) {
      const window = this.#held ?? cursor.take()
      this.#held = undefined
      if (window === undefined) {
        if (cursor.ended) this.#state = 'ended'
        return undefined
      }
      if (window.init !== this.#init) return this.#changeHeader(window)
      let from = 0
      if (cursor.skipped !== this.#lost) {
        this.#lost = cursor.skipped
        from = Math.max(0, window.keyIndex)
      }
      const { numbers } = window
      while (from < numbers.length && (numbers[from] as number) <= this.#last) from++
      if (from >= numbers.length) continue
      return this.#number(window, from)
    }
  }

  close(): void {
    this.onWake = undefined
    this.#held = undefined
    this.#endBridge()
    this.#leave()
    if (this.#state !== 'ended') this.#state = 'ended'
  }

  readonly #wake = (): void => this.onWake?.()

  #number(window: SharedFrames, from: number): Uint8Array {
    const { numbering, chunked } = this.#options
    const bytes = window.bytes(numbering.next, chunked, from)
    numbering.next = (numbering.next + window.count - from) & 0xff
    this.#last = window.lastNumber
    return bytes
  }

  #changeHeader(window: SharedFrames): undefined {
    this.#held = window
    this.#init = window.init
    this.#state = 'header'
    return undefined
  }

  #open(selection: Selection): LogCursor<SharedFrames> {
    const { feeds, stream, keepPadding } = this.#options
    return feeds.feed(stream, isWhole(selection, this.#init) ? undefined : selection, keepPadding).open()
  }

  #sameFeed(selection: Selection): boolean {
    const before = this.#selection
    if (before === undefined) return false
    if (isWhole(before, this.#init) && isWhole(selection, this.#init)) return true
    return before.size === selection.size && [...before].every(([number, level]) => selection.get(number) === level)
  }

  #follow(cursor: LogCursor<SharedFrames>): void {
    this.#leave()
    this.#cursor = cursor
    this.#held = undefined
    this.#lost = -1
    cursor.onWake = this.#wake
  }

  #leave(): void {
    if (this.#cursor === undefined) return
    this.#skippedBefore += this.#cursor.skipped
    this.#cursor.close()
    this.#cursor = undefined
  }

  #endBridge(): void {
    this.#bridge?.units.close()
    this.#bridge?.target.close()
    this.#bridge = undefined
  }

  /** Own packets until the change is through, then over to the feed. Leaves `#bridge` undefined when there. */
  #takeBridged(bridge: Bridge): Uint8Array | undefined {
    const { units, filter, target } = bridge
    if (filter.settled) {
      for (let window = target.take(); window !== undefined; window = target.take()) {
        if (window.init === this.#init && window.lastNumber <= this.#last) continue
        this.#arrive(bridge, window)
        return undefined
      }
      if (target.ended) this.#arrive(bridge, undefined)
    }
    const frames = new FrameBuffer()
    const { numbering, chunked, keepPadding } = this.#options
    while (frames.length < MAX_BRIDGED_BYTES) {
      const unit = units.take()
      if (unit === undefined) {
        if (units.ended && frames.count === 0) this.#arrive(bridge, undefined)
        break
      }
      if (unit.init !== this.#init) {
        // The change is overtaken by a new header: the feed brings it.
        if (frames.count === 0) this.#arrive(bridge, undefined)
        break
      }
      if (unit.number <= this.#last) continue
      this.#last = unit.number
      const left = filter.filter(unit.bytes)
      const bytes = left !== undefined && keepPadding ? fileForm(left, this.#init.packetSize) : left
      if (bytes !== undefined) frames.add({ number: unit.number, bytes }, numbering.next + frames.count, false)
    }
    if (frames.count === 0) return undefined
    numbering.next = (numbering.next + frames.count) & 0xff
    const { chunk } = frames.take()
    return chunked ? chunk : chunkBody(chunk)
  }

  #arrive({ units, target }: Bridge, window: SharedFrames | undefined): void {
    units.close()
    this.#bridge = undefined
    this.#follow(target)
    this.#held = window
    // No fresh start at a key packet: the viewer goes on where it is.
    this.#lost = target.skipped
  }
}
