/** Reads transport stream files at random: ISO/IEC 13818-1 has no index, so places are found by the times of PES packets. */
import type { ByteSource } from '../../byte-source.ts'
import { audioPacketDuration } from '../../codecs/audio-duration.ts'
import { keyPointAt } from '../../key-point-list.ts'
import { Notes } from '../../notes.ts'
import type { Packet } from '../../packet.ts'
import { type ForeignTrack, type KeyPoint, leadingTrack, type MediaReader, type ReadOptions } from '../../reader.ts'
import { MICROS_PER_SECOND, type Micros, microsToTicks, ticksToMicros } from '../../time.ts'
import type { Track } from '../../track.ts'
import { TsDemuxer, type TsDemuxerStart } from './demuxer.ts'
import { type FileStart, readFileStart } from './file-start.ts'
import { KeyScan } from './key-scan.ts'
import { walkPackets } from './packet-walk.ts'
import { PES_CLOCK_RANGE, PES_TIMESCALE } from './pes.ts'
import { findClock, findPosition } from './time-search.ts'
import { type Epoch, epochAt, type TimelineStart } from './timeline.ts'

/** Read at once when packets are wanted. */
const BLOCK_BYTES = 256 * 1024
/** Read at the end for the last times; more where that holds none. */
const TAIL_BYTES = 256 * 1024
const MAX_TAIL_BYTES = 8 * 1024 * 1024
/** Places in the middle whose times are looked at when the file is opened: a clock that jumps shows there. */
const PROBES = 7
/** Below, the file is short enough to be read through at once. */
const PROBED_BYTES = 2 * 1024 * 1024
/** Ticks that streams may be apart at one place. */
const MAX_SKEW = 2 * PES_TIMESCALE
/** A part of the file that lasts so much longer than the median of all parts has a jump in it. */
const MAX_UNEVEN = 20
/** Ticks before the origin that are not taken for nearly the whole range of the clock behind it. */
const MAX_BEFORE_ORIGIN = 60 * PES_TIMESCALE
/** Sound of a time may lie before the pictures of that time: so much of the file is read besides. */
const LEAD_IN: Micros = 1_000_000
const MIN_LEAD_IN_BYTES = 128 * 1024
const MAX_LEAD_IN_BYTES = 4 * 1024 * 1024
/** Looked through at first for the key point before a place. */
const FIRST_WINDOW_BYTES = 1024 * 1024
/** Read at once then: the end of the part that is of interest is only known by its times. */
const SEARCH_BLOCK_BYTES = 512 * 1024

/** What is known of the whole file's clock. */
interface Clock {
  /** In order; the first one begins with the file. */
  readonly epochs: readonly Epoch[]
  readonly duration: Micros
}

export class TsReader implements MediaReader {
  readonly format = 'mpegts'
  readonly metadata = {}
  readonly tracks: readonly Track[]
  readonly foreign: readonly ForeignTrack[]
  readonly #source: ByteSource
  readonly #start: FileStart
  readonly #notes: Notes
  readonly #lead: Track | undefined
  readonly #leadPid: number
  #clock: Clock
  #keyPoints: readonly KeyPoint[] | undefined
  #scanning: Promise<readonly KeyPoint[]> | undefined

  private constructor(source: ByteSource, start: FileStart, notes: Notes) {
    this.#source = source
    this.#start = start
    this.#notes = notes
    this.tracks = start.tracks
    this.foreign = start.foreign
    this.#lead = leadingTrack(start.tracks)
    const leadAt = this.#lead === undefined ? -1 : start.tracks.indexOf(this.#lead)
    this.#leadPid = start.trackPids[leadAt] ?? start.clockedPids[0] ?? 0
    this.#clock = { epochs: [{ position: 0, offset: 0 }], duration: 0 }
  }

  /**
   * Reads the beginning and the end, and little of the middle; a file whose clock jumps is read through. Throws FormatError where there is no
   * program, or nothing in it.
   */
  static async open(source: ByteSource): Promise<TsReader> {
    const notes = new Notes()
    const start = await readFileStart(source, notes)
    const reader = new TsReader(source, start, notes)
    if (await reader.#jumps()) await reader.keyPoints()
    else reader.#clock = { ...reader.#clock, duration: await reader.#measureEnd(PES_CLOCK_RANGE / 2) }
    return reader
  }

  get duration(): Micros {
    return this.#clock.duration
  }

  get notes(): readonly string[] {
    return this.#notes.list()
  }

  keyPoints(): Promise<readonly KeyPoint[]> {
    this.#scanning ??= this.#scan().catch((error: unknown) => {
      this.#scanning = undefined
      throw error
    })
    return this.#scanning
  }

  async *packets(from: Micros | KeyPoint, options: ReadOptions = {}): AsyncGenerator<Packet> {
    const key = typeof from === 'number' ? await this.#keyAt(from) : from
    const known = new Set(this.tracks.map(({ id }) => id))
    const wanted = options.tracks === undefined ? known : new Set(options.tracks.filter((id) => known.has(id)))
    const hasLead = this.#lead !== undefined && wanted.has(this.#lead.id)
    const time = typeof from === 'number' && !hasLead ? from : key?.dts
    const gate = new StartGate(time, hasLead ? this.#lead?.id : undefined)
    const position = key === undefined ? 0 : this.#leadIn(key)
    const near = key === undefined ? 0 : microsToTicks(key.dts, PES_TIMESCALE)
    const demuxer = this.#demuxerFrom(position, near)
    for await (const packet of this.#read(demuxer, position)) {
      if (wanted.has(packet.track.id) && gate.passes(packet)) yield packet
    }
  }

  async *#read(demuxer: TsDemuxer, from: number): AsyncGenerator<Packet> {
    const { size } = this.#source
    let position = from
    for (let ended = false; !ended; ) {
      const bytes = await this.#source.read(position, Math.min(BLOCK_BYTES, size - position))
      position += bytes.byteLength
      ended = bytes.byteLength === 0
      if (ended) demuxer.end()
      else demuxer.write(bytes)
      for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) {
        if (result.type === 'packet') yield result.packet
      }
    }
  }

  /** `near`: ticks from the origin to the time at `position`, roughly. */
  #demuxerFrom(position: number, near: number): TsDemuxer {
    const { program, tracks, originTicks } = this.#start
    const start: TsDemuxerStart = { position, program, tracks, timeline: this.#timelineFrom(near) }
    return new TsDemuxer({ start, originTicks, notes: this.#notes })
  }

  #timelineFrom(near: number): TimelineStart {
    const { originTicks, ownOffsets } = this.#start
    return { epochs: this.#clock.epochs, near: originTicks + near, ownOffsets }
  }

  /** Where reading begins so that no sound of the key point's time is missed. */
  #leadIn({ position }: KeyPoint): number {
    const bytes = (this.#source.size / Math.max(this.duration, MICROS_PER_SECOND)) * LEAD_IN
    const before = Math.ceil(Math.min(MAX_LEAD_IN_BYTES, Math.max(MIN_LEAD_IN_BYTES, bytes)))
    // Not across a jump: times before it are others.
    return Math.max(epochAt(this.#clock.epochs, position)?.position ?? 0, position - before)
  }

  async #keyAt(time: Micros): Promise<KeyPoint | undefined> {
    if (this.#keyPoints !== undefined) return keyPointAt(this.#keyPoints, time)
    if (time <= 0) return undefined
    const place = await findPosition(this.#source.size, time, (position) => this.#timeAt(position))
    // Backwards in growing steps: pictures may be far apart from the key that they need.
    for (let window = FIRST_WINDOW_BYTES; ; window *= 4) {
      const from = Math.max(0, place - window)
      const scan = this.#scanNear((await this.#timeAt(from)) ?? 0, time)
      await walkPackets(this.#source, from, this.#source.size, scan, SEARCH_BLOCK_BYTES)
      scan.end()
      const key = keyPointAt(scan.points, time)
      if (key !== undefined || from === 0) return key
    }
  }

  /** Time of the first unit of the leading stream behind a place, in a file whose clock does not jump. */
  async #timeAt(position: number): Promise<Micros | undefined> {
    const found = await findClock(this.#source, position, [this.#leadPid])
    return found === undefined ? undefined : ticksToMicros(this.#sinceOrigin(found.clock), PES_TIMESCALE)
  }

  /** Ticks since the origin; a little below zero for what is decoded before the first picture is shown. */
  #sinceOrigin(clock: number): number {
    const offset = this.#start.ownOffsets.get(this.#leadPid) ?? 0
    const ticks = (((clock + offset - this.#start.originTicks) % PES_CLOCK_RANGE) + PES_CLOCK_RANGE) % PES_CLOCK_RANGE
    return ticks > PES_CLOCK_RANGE - MAX_BEFORE_ORIGIN ? ticks - PES_CLOCK_RANGE : ticks
  }

  #scanNear(near: Micros, until?: Micros): KeyScan {
    const { program, originTicks } = this.#start
    return new KeyScan({
      program,
      lead: this.#leadPid,
      originTicks,
      timeline: this.#timelineFrom(microsToTicks(near, PES_TIMESCALE)),
      ...(until !== undefined && { until }),
    })
  }

  /** Reads the whole file once. */
  async #scan(): Promise<readonly KeyPoint[]> {
    const scan = this.#scanNear(0)
    await walkPackets(this.#source, 0, this.#source.size, scan)
    scan.end()
    const { epochs, end = 0 } = scan.timeline
    if (epochs.length > 1) {
      for (const { position } of epochs.slice(1))
        this.#notes.add('the clock jumps; time goes on without a gap', position)
    }
    this.#clock = { ...this.#clock, epochs: [{ position: 0, offset: epochs[0]?.offset ?? 0 }, ...epochs.slice(1)] }
    this.#keyPoints = scan.points
    const duration = await this.#measureEnd(end - this.#start.originTicks)
    this.#clock = { ...this.#clock, duration }
    return scan.points
  }

  /** Whether the clock jumps somewhere, as far as the times at some places tell. */
  async #jumps(): Promise<boolean> {
    const { size } = this.#source
    if (size < PROBED_BYTES) return true
    const times: number[] = []
    for (let i = 0; i <= PROBES + 1; i++) {
      const position = Math.floor(((size - TAIL_BYTES) * i) / (PROBES + 1))
      const found = await findClock(this.#source, position, this.#start.clockedPids)
      if (found !== undefined) times.push(this.#sinceOrigin(found.clock))
    }
    const steps = times.slice(1).map((time, i) => time - (times[i] as number))
    const median = [...steps].sort((a, b) => a - b)[steps.length >> 1] ?? 0
    return steps.some((step) => step < -MAX_SKEW || step > Math.max(median, PES_TIMESCALE) * MAX_UNEVEN)
  }

  /** When the last picture or sound ends; `near`: ticks from the origin to the end, roughly. */
  async #measureEnd(near: number): Promise<Micros> {
    const { size } = this.#source
    for (let bytes = TAIL_BYTES; ; bytes *= 4) {
      const position = Math.max(0, size - bytes)
      const demuxer = this.#demuxerFrom(position, position === 0 ? 0 : near)
      const end = new EndMeter()
      for await (const packet of this.#read(demuxer, position)) end.add(packet)
      for (const { stream, lastPts } of demuxer.lanes) {
        if (stream?.track !== undefined || lastPts === undefined) continue
        end.reach(ticksToMicros(lastPts - this.#start.originTicks, PES_TIMESCALE))
      }
      if (end.time > 0 || position === 0 || bytes >= MAX_TAIL_BYTES) return end.time
    }
  }
}

/** Lets packets pass from the place on that was asked for. */
class StartGate {
  readonly #time: Micros | undefined
  readonly #lead: number | undefined
  #opened = false

  /** `lead`: id of the track whose key packet at `time` opens the gate for itself. Without `time` everything passes. */
  constructor(time: Micros | undefined, lead: number | undefined) {
    this.#time = time
    this.#lead = lead
  }

  passes({ track, dts, key }: Packet): boolean {
    if (this.#time === undefined) return true
    if (track.id !== this.#lead) return dts >= this.#time
    this.#opened ||= key && dts >= this.#time
    return this.#opened
  }
}

/** When the last packet of any track ends. */
class EndMeter {
  time: Micros = 0
  readonly #lastDts = new Map<number, Micros>()

  add({ track, pts, dts, data }: Packet): void {
    const frameRate = track.video?.frameRate
    const step = dts - (this.#lastDts.get(track.id) ?? dts)
    this.#lastDts.set(track.id, dts)
    const frame =
      step > 0 && step < MICROS_PER_SECOND ? step : frameRate === undefined ? 0 : MICROS_PER_SECOND / frameRate
    this.reach(pts + Math.round(track.kind === 'audio' ? (audioPacketDuration(track, data) ?? 0) : frame))
  }

  reach(time: Micros): void {
    this.time = Math.max(this.time, time)
  }
}
