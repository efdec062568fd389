/** Finds the places where decoding can start, by the first bytes of each PES packet of the leading stream. */
import { FormatError } from '../../../errors.ts'
import { annexBUnits } from '../../codecs/nal-units.ts'
import { KeyPointList } from '../../key-point-list.ts'
import { MICROS_PER_SECOND, type Micros, ticksToMicros } from '../../time.ts'
import { AVC, HEVC, type NalFormat } from './elementary/nal-format.ts'
import { TsPacketCursor } from './packet.ts'
import { nothingWanted, type PacketVisitor, WANTED } from './packet-walk.ts'
import { PES_TIMESCALE, presentationDelay, readPesHeader } from './pes.ts'
import { type Program, ProgramTables } from './program-tables.ts'
import type { StreamFormat } from './stream-type.ts'
import { Timeline, type TimelineStart } from './timeline.ts'

/** Of an access unit, what is looked at to find its first slice: parameter sets and messages stand before. */
const MAX_LOOKED_BYTES = 32 * 1024
/** Of a slice, what tells its kind. */
const SLICE_BYTES = 16
/** Between key points of streams in which every unit is one. */
const SOUND_SPACING: Micros = MICROS_PER_SECOND

export interface KeyScanOptions {
  readonly program: Program
  /** PID of the leading stream. */
  readonly lead: number
  readonly originTicks: number
  readonly timeline: TimelineStart
  /** Ends after a unit of the leading stream that is decoded later. */
  readonly until?: Micros
}

/** A visitor that takes the packets from some place on, in order. */
export class KeyScan implements PacketVisitor {
  readonly wanted = nothingWanted()
  done = false
  readonly timeline: Timeline
  readonly #list = new KeyPointList()
  readonly #packet = new TsPacketCursor()
  readonly #tables: ProgramTables
  readonly #originTicks: number
  readonly #until: Micros
  #lead: number
  #format: NalFormat | undefined
  /** The start of an access unit whose kind is not known yet. */
  readonly #looked = new Uint8Array(MAX_LOOKED_BYTES)
  #lookedBytes = 0
  #candidate: { readonly dts: Micros; readonly pts: Micros; readonly position: number } | undefined
  #randomAccess = false

  constructor({ program, lead, originTicks, timeline, until = Number.POSITIVE_INFINITY }: KeyScanOptions) {
    this.timeline = new Timeline(timeline)
    this.#tables = new ProgramTables(program)
    this.#originTicks = originTicks
    this.#until = until
    this.#lead = lead
    this.#follow(program)
  }

  get points() {
    return this.#list.points
  }

  visit(bytes: Uint8Array, at: number, position: number): void {
    const packet = this.#packet
    packet.read(bytes, at)
    const { pid, payloadAt, payloadEnd, unitStart } = packet
    if (packet.error || packet.scrambled || payloadAt === payloadEnd) return
    const payload = bytes.subarray(payloadAt, payloadEnd)
    if (this.#tables.has(pid)) {
      if (this.#tables.write(pid, payload, unitStart) && this.#tables.program !== undefined) {
        this.#follow(this.#tables.program)
      }
      for (const map of this.#tables.mapPids) this.wanted[map] = WANTED.ALL
      return
    }
    if (unitStart) this.#begin(pid, payload, position, packet.randomAccess)
    else if (this.#candidate !== undefined) this.#look(payload)
  }

  /** The file ends: the last access unit is judged by what was there of it. */
  end(): void {
    if (this.#candidate !== undefined) this.#judge(true)
  }

  #begin(pid: number, payload: Uint8Array, position: number, randomAccess: boolean): void {
    const isLead = pid === this.#lead
    if (isLead) this.end()
    const header = readPesHeader(payload)
    if (header === undefined || header === 'none') return
    const { pts, dts } = header
    if (pts === undefined || dts === undefined) return
    const { time } = this.timeline.place(pid, dts, position)
    if (!isLead) return
    const decoded = ticksToMicros(time - this.#originTicks, PES_TIMESCALE)
    if (decoded > this.#until) {
      this.done = true
      return
    }
    const shown = ticksToMicros(time + presentationDelay(pts, dts) - this.#originTicks, PES_TIMESCALE)
    const point = { dts: decoded, pts: shown, position }
    if (this.#format === undefined) {
      const before = this.#list.points.at(-1)
      if (before === undefined || decoded >= before.dts + SOUND_SPACING) this.#list.add(point)
      return
    }
    this.#candidate = point
    this.#randomAccess = randomAccess
    this.#lookedBytes = 0
    this.wanted[pid] = WANTED.ALL
    this.#look(payload.subarray(header.size))
  }

  #look(payload: Uint8Array): void {
    const taken = payload.subarray(0, MAX_LOOKED_BYTES - this.#lookedBytes)
    this.#looked.set(taken, this.#lookedBytes)
    this.#lookedBytes += taken.byteLength
    this.#judge(this.#lookedBytes === MAX_LOOKED_BYTES)
  }

  /** Decides as soon as the first slice is there. */
  #judge(final: boolean): void {
    const format = this.#format
    const candidate = this.#candidate
    if (format === undefined || candidate === undefined) return
    const units = unitsOf(this.#looked.subarray(0, this.#lookedBytes))
    const slice = units.findIndex((unit) => format.role(unit) === 'first-slice' || format.role(unit) === 'slice')
    if (!final && (slice === -1 || (units[slice]?.byteLength ?? 0) < SLICE_BYTES)) return
    if (format.isKey(slice === -1 ? units : units.slice(0, slice + 1), this.#randomAccess)) this.#list.add(candidate)
    this.#candidate = undefined
    this.wanted[this.#lead] = WANTED.UNIT_STARTS
  }

  #follow(program: Program): void {
    this.#candidate = undefined
    const streams = program.streams.filter(({ description: { kind } }) => kind === 'video' || kind === 'audio')
    const lead =
      streams.find(({ pid }) => pid === this.#lead) ??
      streams.find(({ description: { format } }) => nalFormatOf(format) !== undefined) ??
      streams.find(({ description: { format } }) => format !== undefined)
    this.#lead = lead?.pid ?? this.#lead
    this.#format = nalFormatOf(lead?.description.format)
    this.wanted.fill(WANTED.NONE)
    for (const { pid } of streams) this.wanted[pid] = WANTED.UNIT_STARTS
    for (const pid of [0, program.pid]) this.wanted[pid] = WANTED.ALL
  }
}

/** None where there are too many to be an access unit. */
function unitsOf(bytes: Uint8Array): Uint8Array[] {
  try {
    return annexBUnits(bytes)
  } catch (error) {
    if (error instanceof FormatError) return []
    throw error
  }
}

function nalFormatOf(format: StreamFormat | undefined): NalFormat | undefined {
  return format === 'h264' ? AVC : format === 'h265' ? HEVC : undefined
}
