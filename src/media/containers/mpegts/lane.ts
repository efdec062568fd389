/** One elementary stream on its way through the demuxer: continuity, PES packets, times, units. */
import { FormatError } from '../../../errors.ts'
import type { Notes } from '../../notes.ts'
import type { TrackKind } from '../../track.ts'
import type { ElementaryStream, PesTimes, TimedUnit } from './elementary/stream.ts'
import type { TsPacketCursor } from './packet.ts'
import { PES_CLOCK_RANGE, PES_TIMESCALE, type PesHeader, presentationDelay, readPesHeader } from './pes.ts'
import { type PesBudget, PesBuffer } from './pes-buffer.ts'
import type { StreamDescription } from './stream-type.ts'
import type { Timeline } from './timeline.ts'

/** Kinds whose clock is believed: subtitles and data may be far ahead. */
const CLOCKED: ReadonlySet<TrackKind> = new Set(['video', 'audio'])

/** Ticks that are missing at most where packets were lost; more, or a step back, is the joint of two recordings. */
const MAX_LOSS = PES_TIMESCALE

/** What all lanes of a demuxer share. */
export interface LaneContext {
  readonly timeline: Timeline
  readonly notes: Notes
  readonly budget: PesBudget
}

export class Lane {
  readonly pid: number
  readonly description: StreamDescription
  /** Of its track; `undefined` when it is not carried. */
  readonly id: number | undefined
  /** `undefined`: it is not carried; its times are looked at all the same. */
  readonly stream: ElementaryStream | undefined
  /** When its first unit is shown, and the last one, ticks of the timeline; `undefined` before the first. */
  firstPts: number | undefined
  lastPts: number | undefined
  readonly #context: LaneContext
  readonly #buffer: PesBuffer
  #counter: number | undefined
  /** The decode time that came last, as it stood there. */
  #clock: number | undefined
  /** Of the PES packet that is begun; `undefined` while its header is not whole. */
  #header: PesHeader | undefined
  #times: PesTimes = NO_TIMES
  #position = 0
  #randomAccess = false
  /** The clock jumped since the last payload that the stream got. */
  #jumped = false
  /** Whether a PES packet is begun. */
  #begun = false

  constructor(
    pid: number,
    description: StreamDescription,
    id: number | undefined,
    stream: ElementaryStream | undefined,
    context: LaneContext,
  ) {
    this.pid = pid
    this.description = description
    this.id = id
    this.stream = stream
    this.#context = context
    this.#buffer = new PesBuffer(context.budget)
  }

  /** Takes a packet of its PID; gives the units that are complete. */
  write(bytes: Uint8Array, packet: TsPacketCursor, position: number): TimedUnit[] {
    const continuity = this.#continuityOf(packet)
    if (!packet.hasPayload) return NO_UNITS
    if (packet.scrambled) {
      this.#context.notes.add('scrambled packets were left out', position)
      return NO_UNITS
    }
    const payload = bytes.subarray(packet.payloadAt, packet.payloadEnd)
    const header = packet.unitStart ? readPesHeader(payload) : undefined
    const isJoint = continuity !== 'continued' && this.#isJoint(header)
    if (continuity === 'repeated' && !isJoint) return NO_UNITS
    if (continuity === 'broken' && !isJoint) {
      this.#context.notes.add('packets are missing', position)
      this.#drop()
    }
    let units = NO_UNITS
    if (packet.unitStart) {
      if (this.#begun) units = this.#complete(this.#beginsUnit(payload, header))
      this.#begin(header, packet.randomAccess, position)
    }
    if (!this.#begun || (this.stream === undefined && this.#header !== undefined)) return units
    if (!this.#append(payload, position) || !this.#isFull()) return units
    const more = this.#complete(true)
    return units.length === 0 ? more : [...units, ...more]
  }

  /** No more packets come. */
  end(): TimedUnit[] {
    const units = this.#begun ? this.#complete(true) : NO_UNITS
    // What an elementary stream held back for a continuation.
    return this.stream === undefined ? units : [...units, ...this.#writeStream(EMPTY, NO_TIMES, true)]
  }

  /** Whether its times count: those of sound and pictures. */
  get clocked(): boolean {
    return CLOCKED.has(this.description.kind)
  }

  /** Frees what it holds. */
  close(): void {
    this.#buffer.release()
  }

  /** By the counter (ISO/IEC 13818-1 section 2.4.3.3). A packet may come twice. */
  #continuityOf({ hasPayload, counter, discontinuity }: TsPacketCursor): 'continued' | 'repeated' | 'broken' {
    if (!hasPayload) return 'continued'
    const before = this.#counter
    this.#counter = counter
    if (before === undefined || discontinuity || counter === ((before + 1) & 15)) return 'continued'
    return counter === before ? 'repeated' : 'broken'
  }

  /** Whether another recording begins here: then the counter starts anew, and nothing is missing of the unit before. */
  #isJoint(header: PesHeader | 'none' | undefined): boolean {
    if (header === undefined || header === 'none' || header.dts === undefined) return false
    const step = this.#clock === undefined ? 0 : (header.dts - this.#clock + PES_CLOCK_RANGE) % PES_CLOCK_RANGE
    return step > MAX_LOSS
  }

  #drop(): void {
    this.#begun = false
    this.#buffer.clear()
    this.stream?.reset()
  }

  #beginsUnit(payload: Uint8Array, header: PesHeader | 'none' | undefined): boolean {
    if (header === 'none' || header === undefined) return false
    return this.stream?.beginsUnit(payload.subarray(header.size)) ?? true
  }

  #begin(header: PesHeader | 'none' | undefined, randomAccess: boolean, position: number): void {
    this.#buffer.clear()
    this.#begun = header !== 'none'
    this.#header = undefined
    this.#position = position
    this.#randomAccess = randomAccess
    this.#times = { ...NO_TIMES, randomAccess }
    if (header === 'none') this.#context.notes.add('units without a PES header were left out', position)
    else if (header !== undefined) this.#takeHeader(header)
  }

  #takeHeader(header: PesHeader): void {
    this.#header = header
    const { pts, dts } = header
    if (pts === undefined || dts === undefined || !this.clocked) return
    this.#clock = dts
    const { time, jumped } = this.#context.timeline.place(this.pid, dts, this.#position)
    const shown = time + presentationDelay(pts, dts)
    if (jumped) this.#jumped = true
    this.#times = { pts: shown, dts: time, randomAccess: this.#randomAccess, jumped: this.#jumped }
    if (this.stream === undefined) this.firstPts ??= shown
    this.lastPts = Math.max(this.lastPts ?? shown, shown)
  }

  /** Takes payload, header included; false when the unit had to be dropped. */
  #append(payload: Uint8Array, position: number): boolean {
    if (!this.#buffer.append(payload)) {
      this.#context.notes.add('units too large to be whole were left out', position)
      this.#drop()
      return false
    }
    if (this.#header !== undefined) return true
    const header = readPesHeader(this.#buffer.bytes)
    if (header === 'none') {
      this.#context.notes.add('units without a PES header were left out', position)
      this.#drop()
      return false
    }
    if (header !== undefined) this.#takeHeader(header)
    return true
  }

  /** Whether the PES packet is whole. Of video the next one must be seen: it tells whether the access unit goes on. */
  #isFull(): boolean {
    const { payloadSize, size } = this.#header ?? {}
    if (payloadSize === undefined || size === undefined || this.description.kind === 'video') return false
    return this.#buffer.bytes.byteLength >= size + payloadSize
  }

  #complete(closed: boolean): TimedUnit[] {
    const header = this.#header
    this.#begun = false
    if (header === undefined || this.stream === undefined) return NO_UNITS
    const { bytes } = this.#buffer
    const end = header.payloadSize === undefined ? bytes.byteLength : header.size + header.payloadSize
    const units = this.#writeStream(bytes.subarray(header.size, end), this.#times, closed)
    this.#jumped = false
    this.#buffer.clear()
    return units
  }

  #writeStream(payload: Uint8Array, times: PesTimes, closed: boolean): TimedUnit[] {
    const { stream } = this
    if (stream === undefined || stream.foreignCodec !== undefined) return NO_UNITS
    const { notes } = this.#context
    try {
      const units = stream.write(payload, times, closed)
      this.firstPts ??= units[0]?.pts
      const complaint = stream.takeComplaint()
      if (complaint !== undefined) notes.add(complaint, this.#position)
      return units
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      notes.add(error.message.replace(/ \(at byte \d+\)$/, ''), this.#position)
      return NO_UNITS
    }
  }
}

const NO_TIMES: PesTimes = { pts: undefined, dts: undefined, randomAccess: false, jumped: false }
const NO_UNITS: TimedUnit[] = []
const EMPTY = new Uint8Array(0)
