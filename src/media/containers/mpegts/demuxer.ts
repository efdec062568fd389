/** Reads MPEG transport streams: ISO/IEC 13818-1. Bytes in pieces of any size in, tracks and packets out. */
import type { Demuxer, DemuxResult } from '../../container.ts'
import { Notes } from '../../notes.ts'
import type { Packet } from '../../packet.ts'
import type { ForeignTrack } from '../../reader.ts'
import { type Micros, ticksToMicros } from '../../time.ts'
import { TRACK_ID_BASE, type Track, type TrackKind } from '../../track.ts'
import { openElementaryStream } from './elementary/open.ts'
import type { TimedUnit } from './elementary/stream.ts'
import { Lane, type LaneContext } from './lane.ts'
import { NULL_PID, TsPacketCursor } from './packet.ts'
import { PacketSplitter } from './packet-sync.ts'
import { PES_TIMESCALE } from './pes.ts'
import { PesBudget } from './pes-buffer.ts'
import { type Program, type ProgramStream, ProgramTables } from './program-tables.ts'
import { Timeline, type TimelineStart } from './timeline.ts'

/** Packets wait until all streams are known, but not for longer than this much time or so many bytes: some streams never begin. */
const MAX_HELD_TIME: Micros = 3_000_000
const MAX_HELD_BYTES = 8 * 1024 * 1024

/** Where a reading begins that does not begin with the stream. */
export interface TsDemuxerStart {
  /** Bytes: where in the whole the first byte written is. */
  readonly position: number
  readonly program: Program
  /** As they were at the beginning. */
  readonly tracks: readonly Track[]
  readonly timeline: TimelineStart
}

/**
 * Throws nothing for damaged streams: what is damaged is left out and noted. Times are those of the stream's clock, with wraps and jumps
 * taken out, less `originTicks`. Decode times of a track never go back.
 */
export class TsDemuxer implements Demuxer {
  readonly #splitter: PacketSplitter
  readonly #packet = new TsPacketCursor()
  readonly #tables: ProgramTables
  readonly #lanes = new Map<number, Lane>()
  readonly #context: LaneContext
  readonly #originTicks: number
  readonly #results: DemuxResult[] = []
  readonly #lastDts = new Map<number, Micros>()
  #given = 0
  /** By id; `undefined` while packets wait for the others. */
  #tracks: Map<number, Track> | undefined
  #waiting: Packet[] = []
  #waitingBytes = 0
  #gaps = 0
  #broken = 0

  constructor(
    options: { readonly start?: TsDemuxerStart; readonly originTicks?: number; readonly notes?: Notes } = {},
  ) {
    const { start, originTicks = 0, notes = new Notes() } = options
    this.#splitter = new PacketSplitter(start?.position)
    this.#tables = new ProgramTables(start?.program)
    this.#context = { timeline: new Timeline(start?.timeline), notes, budget: new PesBudget() }
    this.#originTicks = originTicks
    if (start === undefined) return
    this.#tracks = new Map(start.tracks.map((track) => [track.id, track]))
    this.#openLanes(start.program.streams)
  }

  /** The program that is read, once its map came. */
  get program(): Program | undefined {
    return this.#tables.program
  }

  get timeline(): Timeline {
    return this.#context.timeline
  }

  /** Streams of the program, in its order. */
  get lanes(): readonly Lane[] {
    return [...this.#lanes.values()]
  }

  /** Streams that are not carried, in the order of the program. */
  get foreign(): readonly ForeignTrack[] {
    const streams = this.program?.streams ?? []
    return streams.flatMap(({ pid, description: { kind, codec, language } }) => {
      const stream = this.#lanes.get(pid)?.stream
      if (stream !== undefined && stream.foreignCodec === undefined) return []
      return [{ kind, codec: stream?.foreignCodec ?? codec, ...(language !== undefined && { language }) }]
    })
  }

  /** What is wrong with the stream, in words for people. */
  get notes(): readonly string[] {
    return this.#context.notes.list()
  }

  /** Whether all streams of the program that are carried are known. */
  get settled(): boolean {
    if (this.program === undefined) return false
    return this.lanes.every(
      ({ stream }) => stream === undefined || stream.track !== undefined || stream.foreignCodec !== undefined,
    )
  }

  write(bytes: Uint8Array): void {
    this.#splitter.write(bytes)
    this.#readPackets()
  }

  read(): DemuxResult | undefined {
    const result = this.#results[this.#given]
    if (result !== undefined) this.#given++
    else if (this.#given > 0) {
      this.#results.length = 0
      this.#given = 0
    }
    return result
  }

  end(): void {
    this.#splitter.end()
    this.#readPackets()
    for (const lane of this.#lanes.values()) this.#emitAll(lane.end())
    if (this.#tracks === undefined) this.#announce()
  }

  #readPackets(): void {
    const splitter = this.#splitter
    const packet = this.#packet
    while (splitter.next()) {
      const { bytes, at, position } = splitter
      packet.read(bytes, at)
      if (splitter.gaps !== this.#gaps) this.#noteGaps()
      // Damaged, says the receiver; the counter tells that it is missing.
      if (packet.pid === NULL_PID || packet.error) continue
      const lane = this.#lanes.get(packet.pid)
      if (lane !== undefined) this.#emitAll(lane.write(bytes, packet, position))
      else if (this.#tables.has(packet.pid)) this.#writeTable(bytes, packet)
    }
    this.#noteGaps()
    for (const { broken } = this.#tables; this.#broken < broken; this.#broken++) {
      this.#context.notes.add('tables that cannot be read were left out')
    }
  }

  #noteGaps(): void {
    const { gaps, gapAt } = this.#splitter
    if (gaps === this.#gaps) return
    this.#gaps = gaps
    this.#context.notes.add('bytes that are no transport packets were passed over', gapAt)
  }

  #writeTable(bytes: Uint8Array, { pid, payloadAt, payloadEnd, unitStart }: TsPacketCursor): void {
    if (payloadAt === payloadEnd || !this.#tables.write(pid, bytes.subarray(payloadAt, payloadEnd), unitStart)) return
    const { program } = this
    if (program !== undefined) this.#follow(program)
  }

  /** Takes the streams of a program that is new or changed; those that stay go on. */
  #follow(program: Program): void {
    const { notes } = this.#context
    if (this.#lanes.size > 0) notes.add('the streams of the program change', this.#splitter.position)
    else if (this.#tables.programs > 1) {
      notes.add(`${this.#tables.programs} programs: number ${program.number} is read, the others are left out`)
    }
    for (const [pid, lane] of this.#lanes) {
      const stays = program.streams.some(
        (next) => next.pid === pid && JSON.stringify(next.description) === JSON.stringify(lane.description),
      )
      if (stays) continue
      this.#emitAll(lane.end())
      lane.close()
      this.#lanes.delete(pid)
    }
    const kept = new Map(this.#lanes)
    this.#lanes.clear()
    this.#openLanes(program.streams, kept)
    if (this.#tracks !== undefined) this.#forget(this.#tracks)
  }

  /** In the order of the program. A new stream has the lowest id of its kind that is free. */
  #openLanes(streams: readonly ProgramStream[], kept: ReadonlyMap<number, Lane> = new Map()): void {
    const used = new Set([...kept.values()].flatMap(({ id }) => id ?? []))
    for (const { pid, description } of streams) {
      const lane = kept.get(pid)
      if (lane !== undefined) {
        this.#lanes.set(pid, lane)
        continue
      }
      if (!description.timed) continue
      const id = description.format === undefined ? undefined : freeId(description.kind, used)
      if (id !== undefined) used.add(id)
      const track = id === undefined ? undefined : this.#tracks?.get(id)
      const stream = id === undefined ? undefined : openElementaryStream(description, id, track)
      this.#lanes.set(pid, new Lane(pid, description, id, stream, this.#context))
    }
  }

  #emitAll(units: readonly TimedUnit[]): void {
    for (const unit of units) this.#emit(unit)
  }

  #emit({ track, data, pts, dts, key, jumped }: TimedUnit): void {
    const decoded = Math.max(this.#micros(dts), this.#lastDts.get(track.id) ?? Number.NEGATIVE_INFINITY)
    this.#lastDts.set(track.id, decoded)
    const shown = Math.max(this.#micros(pts), decoded)
    const packet: Packet = { track, data, pts: shown, dts: decoded, key, ...(jumped && { discontinuity: true }) }
    if (this.#tracks !== undefined) {
      this.#deliver(packet, this.#tracks)
      return
    }
    this.#waiting.push(packet)
    this.#waitingBytes += data.byteLength
    const waited = decoded - (this.#waiting[0]?.dts ?? decoded)
    if (this.settled || waited > MAX_HELD_TIME || this.#waitingBytes > MAX_HELD_BYTES) this.#announce()
  }

  /** Gives the tracks that are known, and the packets that waited for them. */
  #announce(): void {
    const waiting = this.#waiting
    this.#waiting = []
    if (waiting.length === 0) return
    const tracks = new Map<number, Track>()
    const known = [...waiting.map(({ track }) => track), ...this.lanes.flatMap(({ stream }) => stream?.track ?? [])]
    // The first of each id: a changed one comes with its first packet.
    for (const track of known) if (!tracks.has(track.id)) tracks.set(track.id, track)
    this.#tracks = tracks
    this.#results.push({ type: 'tracks', tracks: sorted(tracks) })
    for (const packet of waiting) this.#deliver(packet, tracks)
  }

  #deliver(packet: Packet, tracks: Map<number, Track>): void {
    const { track } = packet
    const known = tracks.get(track.id)
    if (known === track) {
      this.#results.push({ type: 'packet', packet })
      return
    }
    tracks.set(track.id, track)
    this.#results.push({ type: 'tracks', tracks: sorted(tracks) })
    this.#results.push({ type: 'packet', packet: known === undefined ? packet : { ...packet, discontinuity: true } })
  }

  /** Tracks of streams that are no more. */
  #forget(tracks: Map<number, Track>): void {
    const ids = new Set(this.lanes.map(({ id }) => id))
    const gone = [...tracks.keys()].filter((id) => !ids.has(id))
    for (const id of gone) tracks.delete(id)
    if (gone.length > 0) this.#results.push({ type: 'tracks', tracks: sorted(tracks) })
  }

  #micros(ticks: number): Micros {
    return ticksToMicros(ticks - this.#originTicks, PES_TIMESCALE)
  }
}

function sorted(tracks: ReadonlyMap<number, Track>): Track[] {
  return [...tracks.values()].sort((a, b) => a.id - b.id)
}

function freeId(kind: TrackKind, used: ReadonlySet<number>): number {
  let id: number = TRACK_ID_BASE[kind]
  while (used.has(id)) id++
  return id
}
