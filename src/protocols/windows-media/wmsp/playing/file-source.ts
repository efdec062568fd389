/** A file on its way to one viewer, forwards: read in blocks, sent when it is due (MS-WMSP 3.2.5.6). */

import type { Clock } from '../../../../library/clock.ts'
import type { AsfInit, AsfPacket } from '../../../../media/containers/asf/model.ts'
import type { PlayableAsf } from '../../playable-asf.ts'
import { chunkBody, FrameBuffer } from './data-frames.ts'
import type { EntrySource, Numbering, SourceState } from './entry-source.ts'
import type { Pacer } from './pacer.ts'
import { fileForm, networkForm, readable } from './packet-forms.ts'
import { type Selection, SelectionFilter } from './selection-filter.ts'

/** Bytes read at once; as much again may wait to be sent. */
const BLOCK_BYTES = 65_536
/** Bytes that go to the socket at once. */
const MAX_BATCH_BYTES = 65_536
/** Milliseconds between two batches when nothing is late. */
const BATCH_MS = 100

export interface FileSourceOptions {
  readonly file: PlayableAsf
  /** Number of the first packet. */
  readonly from: number
  /** Send time in milliseconds from which on nothing is sent; `undefined`: to the end of the file. */
  readonly untilMs: number | undefined
  readonly pacer: Pacer
  readonly numbering: Numbering
  /** The bytes are whole HTTP chunks. */
  readonly chunked: boolean
  /** The viewer knows the mark of packets that go out faster than they play. */
  readonly markBursts: boolean
  /** The viewer wants packets as long as in the file. */
  readonly keepPadding: boolean
  readonly clock: Clock
  /** Takes a packet's bytes to the place in time that it has for this viewer. */
  readonly shift?: ((bytes: Uint8Array) => Uint8Array) | undefined
  /** Closes the file. */
  readonly onClose: () => void
}

export class FileSource implements EntrySource {
  readonly endReason = 0
  readonly skipped = 0
  onWake: (() => void) | undefined
  readonly #options: FileSourceOptions
  readonly #frames = new FrameBuffer()
  #state: SourceState = 'header'
  #filter: SelectionFilter | undefined
  /** Read and not sent yet, from `#at` on. */
  #packets: readonly AsfPacket[] = []
  #at = 0
  /** The block behind `#packets`. */
  #ahead: readonly AsfPacket[] | undefined
  #reading = false
  #nextRead: number
  #cancelTimer: (() => void) | undefined
  #closed = false

  constructor(options: FileSourceOptions) {
    this.#options = options
    this.#nextRead = options.from
  }

  get state(): SourceState {
    return this.#state
  }

  get init(): AsfInit {
    return this.#options.file.init
  }

  begin(selection: Selection): void {
    this.#filter = new SelectionFilter(this.init, selection)
    this.#state = 'open'
    this.#readAhead()
  }

  select(selection: Selection): void {
    if (this.#filter === undefined) this.#filter = new SelectionFilter(this.init, selection)
    else this.#filter.select(selection)
  }

  take(): Uint8Array | undefined {
    if (this.#state !== 'open') return undefined
    const now = this.#options.clock.now()
    for (;;) {
      const due = this.#gather(now)
      if (due.length === 0) return undefined
      const bytes = this.#frame(due)
      if (bytes !== undefined) return bytes
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.onWake = undefined
    this.#state = 'ended'
    this.#cancelTimer?.()
    this.#packets = []
    this.#ahead = undefined
    if (!this.#reading) this.#options.onClose()
  }

  /** Takes what is due off the packets read; sets the timer, the reader or the state when that is nothing. */
  #gather(now: number): AsfPacket[] {
    const due: AsfPacket[] = []
    const { pacer, untilMs } = this.#options
    let length = 0
    while (length < MAX_BATCH_BYTES) {
      const packet = this.#peek()
      if (packet === undefined) {
        if (due.length === 0 && !this.#reading && this.#state === 'open') this.#state = 'ended'
        break
      }
      if (untilMs !== undefined && packet.sendTimeMs >= untilMs) {
        if (due.length === 0) this.#state = 'ended'
        break
      }
      const at = pacer.dueAt(packet.sendTimeMs, now)
      if (at > now) {
        if (due.length === 0) this.#wakeAfter(Math.max(at - now, BATCH_MS))
        break
      }
      due.push(packet)
      length += packet.bytes.byteLength
      this.#at++
    }
    return due
  }

  #frame(packets: readonly AsfPacket[]): Uint8Array | undefined {
    const { numbering, chunked, markBursts, pacer } = this.#options
    const frames = this.#frames
    const last = packets[packets.length - 1]
    for (const packet of packets) {
      const left = this.#filter?.filter(packet.bytes)
      const bytes = left === undefined ? undefined : this.#wireForm(left)
      if (bytes === undefined) continue
      const burst = markBursts && packet !== last && pacer.isFast(packet.sendTimeMs)
      frames.add({ number: packet.number, bytes }, numbering.next + frames.count, burst)
    }
    if (frames.count === 0) return undefined
    numbering.next = (numbering.next + frames.count) & 0xff
    const { chunk } = frames.take()
    return chunked ? chunk : chunkBody(chunk)
  }

  #wireForm(bytes: Uint8Array): Uint8Array | undefined {
    const { keepPadding, shift } = this.#options
    const shifted = shift === undefined ? bytes : readable(() => shift(bytes))
    if (shifted === undefined) return undefined
    return keepPadding ? fileForm(shifted, this.init.packetSize) : networkForm(shifted)
  }

  #peek(): AsfPacket | undefined {
    if (this.#at >= this.#packets.length && this.#ahead !== undefined) {
      this.#packets = this.#ahead
      this.#at = 0
      this.#ahead = undefined
      this.#readAhead()
    }
    return this.#packets[this.#at]
  }

  #readAhead(): void {
    const { file, onClose } = this.#options
    if (this.#reading || this.#closed || this.#ahead !== undefined || this.#nextRead >= file.packetCount) return
    const count = Math.max(1, Math.floor(BLOCK_BYTES / file.init.packetSize))
    this.#reading = true
    file.readPackets(this.#nextRead, count).then(
      (packets) => {
        this.#reading = false
        if (this.#closed) return onClose()
        // Files that are made have gaps between numbers.
        this.#nextRead = (packets.at(-1)?.number ?? file.packetCount) + 1
        if (packets.length > 0) this.#ahead = packets
        this.onWake?.()
      },
      () => {
        this.#reading = false
        if (this.#closed) return onClose()
        this.#state = 'failed'
        this.onWake?.()
      },
    )
  }

  #wakeAfter(milliseconds: number): void {
    this.#cancelTimer?.()
    this.#cancelTimer = this.#options.clock.after(milliseconds, () => {
      this.#cancelTimer = undefined
      this.onWake?.()
    })
  }
}
