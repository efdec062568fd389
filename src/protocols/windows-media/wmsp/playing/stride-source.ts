/** A file on its way to one viewer in fast forward or rewind: one key frame after the other (MS-WMSP 2.2.1.4.22, 3.1.4.7). */

import type { Clock } from '../../../../library/clock.ts'
import type { AsfInit, AsfPacket } from '../../../../media/containers/asf/model.ts'
import { REASON } from '../../framing.ts'
import type { PlayableAsf } from '../../playable-asf.ts'
import type { StreamLevels } from '../../stream-selection.ts'
import { chunkBody, FrameBuffer } from './data-frames.ts'
import type { EntrySource, Numbering, SourceState } from './entry-source.ts'
import { networkForm } from './packet-forms.ts'
import { cut, leadingVideo, payloadsOf, type Selection } from './selection-filter.ts'

/** Packets read at once for a key frame, and in all. */
const READ_PACKETS = 16
const MAX_FRAME_PACKETS = 1024
/** Key frames a second at most: more are not seen. */
const MIN_STEP_MS = 50

export interface StrideSourceOptions {
  readonly file: PlayableAsf
  /** Number of a packet where a key frame begins. */
  readonly from: number
  /** Times real time; negative: backwards. */
  readonly rate: number
  readonly numbering: Numbering
  readonly chunked: boolean
  readonly clock: Clock
  readonly onClose: () => void
}

export class StrideSource implements EntrySource {
  readonly skipped = 0
  onWake: (() => void) | undefined
  readonly #options: StrideSourceOptions
  #state: SourceState = 'header'
  #endReason: number = REASON.FINISHED
  #levels: StreamLevels = new Map()
  #lead: number | undefined
  /** Packets of the next key frame, read and waiting for their time. */
  #frame: readonly AsfPacket[] = []
  /** Where the next key frame begins; `undefined`: there is none. */
  #next: number | undefined
  #first: { readonly mediaMs: number; readonly at: number } | undefined
  #lastAt = Number.NEGATIVE_INFINITY
  #reading = false
  #closed = false
  #cancelTimer: (() => void) | undefined

  constructor(options: StrideSourceOptions) {
    this.#options = options
    this.#next = options.from
  }

  get state(): SourceState {
    return this.#state
  }

  get init(): AsfInit {
    return this.#options.file.init
  }

  get endReason(): number {
    return this.#endReason
  }

  begin(selection: Selection): void {
    this.#state = 'open'
    this.select(selection)
    this.#read()
  }

  select(selection: Selection): void {
    this.#lead = leadingVideo(selection, this.init)
    // Without a picture there is nothing to see of it: the places of the first stream are walked without sending anything.
    this.#levels = this.#lead === undefined ? new Map() : new Map([[this.#lead, 1]])
  }

  take(): Uint8Array | undefined {
    if (this.#state !== 'open') return undefined
    const [first] = this.#frame
    if (first === undefined) {
      if (!this.#reading && this.#next === undefined) this.#end()
      return undefined
    }
    const now = this.#options.clock.now()
    this.#first ??= { mediaMs: first.sendTimeMs, at: now }
    const elapsed = Math.abs(first.sendTimeMs - this.#first.mediaMs) / Math.abs(this.#options.rate)
    const due = Math.max(this.#first.at + elapsed, this.#lastAt + MIN_STEP_MS)
    if (due > now) {
      this.#wakeAfter(due - now)
      return undefined
    }
    this.#lastAt = now
    const bytes = this.#send(this.#frame)
    this.#frame = []
    this.#read()
    return bytes
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.onWake = undefined
    this.#state = 'ended'
    this.#cancelTimer?.()
    this.#frame = []
    if (!this.#reading) this.#options.onClose()
  }

  #end(): void {
    this.#state = 'ended'
    if (this.#options.rate < 0) this.#endReason = REASON.EOS_RECEDING
  }

  #send(packets: readonly AsfPacket[]): Uint8Array | undefined {
    const { numbering, chunked } = this.#options
    const frames = new FrameBuffer()
    for (const { bytes, number } of packets) {
      const left = cut(bytes, this.init, this.#levels)
      if (left !== undefined) frames.add({ number, bytes: networkForm(left) }, numbering.next + frames.count, false)
    }
    if (frames.count === 0) return undefined
    numbering.next = (numbering.next + frames.count) & 0xff
    const { chunk } = frames.take()
    return chunked ? chunk : chunkBody(chunk)
  }

  #read(): void {
    if (this.#reading || this.#closed || this.#next === undefined) return
    this.#reading = true
    const at = this.#next
    this.#readFrame(at).then(
      ([packets, next]) => {
        this.#reading = false
        if (this.#closed) return this.#options.onClose()
        this.#frame = packets
        this.#next = next
        this.onWake?.()
      },
      () => {
        this.#reading = false
        if (this.#closed) return this.#options.onClose()
        this.#state = 'failed'
        this.onWake?.()
      },
    )
  }

  /** The packets in which the key frame at `number` lies, and where the next one to show begins. */
  async #readFrame(number: number): Promise<[readonly AsfPacket[], number | undefined]> {
    const { file, rate } = this.#options
    const packets: AsfPacket[] = []
    let object: number | undefined
    let complete = false
    while (!complete && packets.length < MAX_FRAME_PACKETS) {
      const read = await file.readPackets((packets.at(-1)?.number ?? number - 1) + 1, READ_PACKETS)
      if (read.length === 0) break
      for (const packet of read) {
        packets.push(packet)
        for (const payload of payloadsOf(packet.bytes, file.init)) {
          if (payload.stream !== this.#lead || !payload.key) continue
          object ??= payload.objectNumber
          if (payload.objectNumber !== object) complete = true
          else if (payload.offset + payload.data.byteLength >= payload.objectSize) complete = true
        }
        if (complete || this.#lead === undefined) break
      }
      if (this.#lead === undefined) break
    }
    const next = rate < 0 ? await file.previousKey(number) : await file.nextKey(number)
    // A file that names the same place again must not be walked forever.
    const moves = next !== undefined && (rate < 0 ? next < number : next > number)
    return [packets, moves ? next : undefined]
  }

  #wakeAfter(milliseconds: number): void {
    this.#cancelTimer?.()
    this.#cancelTimer = this.#options.clock.after(milliseconds, () => {
      this.#cancelTimer = undefined
      this.onWake?.()
    })
  }
}
