/** What follows the head of a Play answer: headers, packets, and the changes between entries, for one viewer (MS-WMSP 3.2.4, 3.2.5.6). */
import { HeadendError } from '../../../../errors.ts'
import type { Clock } from '../../../../library/clock.ts'
import type { PumpSource } from '../../../../net/pump.ts'
import { changePacket, endPacket, REASON } from '../../framing.ts'
import { asChunk } from './data-frames.ts'
import type { EntrySource } from './entry-source.ts'
import type { Selection } from './selection-filter.ts'

/** `$E` behind the first that push the end of an answer through proxies (MS-WMSP 3.2.4.1). */
const TRAILING_ENDS = 511
/** Entries in a row that send nothing before the programme is taken for broken. */
const MAX_SILENT_ENTRIES = 32

/** A header that is to be told in the middle of an answer, and what goes on behind it. */
export interface NextHeader {
  readonly source: EntrySource
  /** The viewer can take it without being told: same streams, same decoders. */
  readonly seamless: boolean
}

export interface PlaybackHost {
  /** The entry behind the one that is over; `undefined`: nothing remains. */
  next(): Promise<NextHeader | undefined>
  /** The header of a source has changed: may the viewer be spared it? */
  isSeamless(source: EntrySource): boolean
  /** `[$M] $H` of the source's header, which becomes the header in force. */
  header(source: EntrySource): Uint8Array
  /** What the server selects of the new header for the viewer; `undefined`: the viewer is to select itself. */
  predict(source: EntrySource): Selection | undefined
  /** The viewer's selection as it is, for a header that it is not told of. */
  keepSelection(source: EntrySource): Selection
  /** Milliseconds before the next `$C`. */
  changePause(): number
  /** The viewer is to select first. */
  onWaiting(): void
}

export interface PlaybackOptions {
  readonly host: PlaybackHost
  /** The first source; its header is in `opening`. */
  readonly source: EntrySource
  /** What stands before the first packet. */
  readonly opening: Uint8Array
  readonly selection: Selection
  readonly chunked: boolean
  /** The connection stays open behind an answer that is not chunked. */
  readonly keepOpen: boolean
  /** The viewer understands a second header in one answer. */
  readonly changesHeader: boolean
  readonly clock: Clock
}

/** Asked for bytes by the pump; no socket and no timer of its own. */
export class Playback implements PumpSource {
  onWake: (() => void) | undefined
  readonly #options: PlaybackOptions
  #source: EntrySource
  readonly #held: Uint8Array[] = []
  /** An entry is being opened, or a pause runs. */
  #busy = false
  #waiting = false
  #finished = false
  #closed = false
  #skippedBefore = 0
  #silent = 0
  #cancelPause: (() => void) | undefined

  constructor(options: PlaybackOptions) {
    this.#options = options
    this.#source = options.source
    this.#hold(options.opening)
    this.#listen(options.source)
    options.source.begin(options.selection)
  }

  get skipped(): number {
    return this.#skippedBefore + this.#source.skipped
  }

  get ended(): boolean {
    return this.#closed || (this.#finished && this.#held.length === 0)
  }

  /** It came to its end by itself. */
  get finished(): boolean {
    return this.#finished
  }

  /** What is played now. */
  get source(): EntrySource {
    return this.#source
  }

  take(): Uint8Array | undefined {
    if (this.#closed) return undefined
    for (;;) {
      const held = this.#held.shift()
      if (held !== undefined) return held
      if (this.#finished || this.#busy || this.#waiting) return undefined
      const bytes = this.#source.take()
      if (bytes !== undefined) {
        this.#silent = 0
        return bytes
      }
      if (this.#source.state === 'open') return undefined
      this.#advance()
    }
  }

  /** Other streams, by SelectStream or PlayNextEntry. */
  select(selection: Selection): void {
    if (this.#closed || this.#finished) return
    if (this.#waiting) {
      this.#source.begin(selection)
      this.#waiting = false
    } else {
      this.#source.select(selection)
    }
    this.onWake?.()
  }

  /** `$E` with this reason is the last that comes. */
  finish(reason: number): void {
    this.#finish(reason)
    this.onWake?.()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#cancelPause?.()
    this.onWake = undefined
    this.#source.close()
  }

  /** Wakes nobody: it may happen while the pump takes. */
  #finish(reason: number): void {
    if (this.#finished || this.#closed) return
    this.#finished = true
    this.#cancelPause?.()
    this.#source.close()
    this.#hold(endPacket(reason))
    const { chunked, keepOpen } = this.#options
    if (chunked || !keepOpen) return
    const one = endPacket(reason)
    const all = Buffer.alloc(one.byteLength * TRAILING_ENDS)
    for (let at = 0; at < all.byteLength; at += one.byteLength) all.set(one, at)
    this.#held.push(all)
  }

  #hold(bytes: Uint8Array): void {
    this.#held.push(this.#options.chunked ? asChunk(bytes) : bytes)
  }

  #listen(source: EntrySource): void {
    source.onWake = () => this.onWake?.()
  }

  /** The source has nothing more as it is. */
  #advance(): void {
    const source = this.#source
    if (source.state === 'header') this.#change({ source, seamless: this.#options.host.isSeamless(source) })
    else if (source.state === 'ended') this.#nextEntry()
    else this.#finish(REASON.PUBLISHING_POINT_STOPPED)
  }

  #nextEntry(): void {
    const { endReason } = this.#source
    if (endReason !== REASON.FINISHED || ++this.#silent > MAX_SILENT_ENTRIES) return this.#finish(endReason)
    this.#busy = true
    this.#options.host.next().then(
      (next) => {
        this.#busy = false
        if (this.#closed || this.#finished) return next?.source.close()
        if (next === undefined) this.#finish(REASON.FINISHED)
        else this.#change(next)
        this.onWake?.()
      },
      () => {
        this.#busy = false
        this.finish(REASON.PUBLISHING_POINT_STOPPED)
      },
    )
  }

  #change(next: NextHeader): void {
    try {
      this.#changeHeader(next)
    } catch (error) {
      this.#refused(error)
    }
  }

  #changeHeader({ source, seamless }: NextHeader): void {
    const { host, changesHeader } = this.#options
    if (changesHeader) {
      this.#hold(endPacket(REASON.NEXT_ENTRY))
      this.#replace(source)
      const pause = host.changePause()
      if (pause <= 0) return this.#announce(source)
      source.pause?.()
      this.#busy = true
      this.#cancelPause = this.#options.clock.after(pause, () => {
        this.#busy = false
        this.#announce(source)
        this.onWake?.()
      })
      return
    }
    if (!seamless) {
      if (source !== this.#source) source.close()
      return this.#finish(REASON.FINISHED)
    }
    this.#replace(source)
    source.begin(host.keepSelection(source))
  }

  #announce(source: EntrySource): void {
    const { host } = this.#options
    try {
      this.#hold(changePacket(REASON.FINISHED))
      this.#hold(host.header(source))
      const selection = host.predict(source)
      if (selection !== undefined) return source.begin(selection)
      source.pause?.()
      this.#waiting = true
      host.onWaiting()
    } catch (error) {
      this.#refused(error)
    }
  }

  /** What is refused now, such as one selection too many, cannot be answered any more. */
  #refused(error: unknown): void {
    if (!(error instanceof HeadendError)) throw error
    this.#finish(REASON.PUBLISHING_POINT_STOPPED)
  }

  #replace(source: EntrySource): void {
    const before = this.#source
    if (before === source) return
    this.#skippedBefore += before.skipped
    before.close()
    this.#source = source
    this.#listen(source)
  }
}
